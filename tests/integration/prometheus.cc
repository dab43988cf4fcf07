#include "tests/integration/prometheus.h"

#include <fmt/ranges.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <fstream>

#include "agent/base/json.h"
#include "agent/base/process.h"
#include "tests/support/eventually.h"

namespace haagent::sim {
namespace {

constexpr char kProgram[] = "/usr/bin/prometheus";
constexpr char kAddress[] = "127.0.0.1:9090";  // in the region's own network

std::map<std::string, std::string> texts(Tree const* tree) {
  std::map<std::string, std::string> all;
  if (tree)
    for (auto const& each : tree->entries()) all[each.key] = each.value.text();
  return all;
}

}  // namespace

std::string no_prometheus_because() {
  return std::filesystem::exists(kProgram) ? "" : "needs prometheus";
}

std::string Alert::to_words() const {
  std::string text = firing ? "firing" : "pending";
  for (auto const& [name, value] : labels) text += fmt::format(" {}={}", name, value);
  return text;
}

Prometheus::Prometheus(ClusterRegion const& region, std::string const& rules) : region_(region) {
  auto const issued = region.run(
      "masters-a", {"haagent", "pki", "issue", "--client", "prometheus", "--out", "/run"});
  EXPECT_EQ(issued.code, 0) << issued.out;
  for (auto const* file : {"prometheus.crt", "prometheus.key", "prometheus.ca.crt"})
    test::write_bytes(folder_ / file,
                      region.run("masters-a", {"cat", fmt::format("/run/{}", file)}).out);
  auto const state = region.command("state");
  for (auto const& each : state.find("instances")->items()) {
    if (each.text_at("state") != "running") continue;
    bool const worker = each.text_at("group") == "workers";
    targets_.push_back(each.text_at("address") + ":3999");
    (worker ? workers_ : masters_).push_back(targets_.back());
  }
  write_config(rules);

  pid_ = start_in_region(region.control_socket(),
                         {kProgram, "--config.file=" + (folder_ / "prometheus.yaml").string(),
                          "--storage.tsdb.path=" + (folder_ / "data").string(),
                          fmt::format("--web.listen-address={}", kAddress), "--log.level=warn"},
                         folder_ / "log", Errors::to_the_file);
  EXPECT_TRUE(test::eventually([&] { return series("up") == static_cast<int>(targets_.size()); }))
      << log();
}

Prometheus::~Prometheus() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

// The scrape_configs of docs/operations.md.
void Prometheus::write_config(std::string const& rules) {
  test::write_bytes(folder_ / "rules.yaml", rules);
  auto const quoted = [](std::vector<std::string> const& all) {
    std::string text;
    for (auto const& each : all) text += fmt::format("{}\"{}\"", text.empty() ? "" : ", ", each);
    return text;
  };
  test::write_bytes(folder_ / "prometheus.yaml", fmt::format(R"(
global: {{scrape_interval: 2s, scrape_timeout: 2s, evaluation_interval: 1s}}
rule_files: [rules.yaml]
scrape_configs:
  - job_name: haagent-masters
    scheme: https
    tls_config: {{ca_file: prometheus.ca.crt, cert_file: prometheus.crt, key_file: prometheus.key}}
    static_configs: [{{targets: [{}]}}]
  - job_name: haagent-workers
    static_configs: [{{targets: [{}]}}]
)",
                                                             quoted(masters_), quoted(workers_)));
}

std::string Prometheus::enter(std::vector<std::string> argv) const {
  SystemProcess process;
  ProcessSpec spec;
  spec.argv = {built_beside("haagent-sim").string(), "enter", "--"};
  spec.argv.insert(spec.argv.end(), argv.begin(), argv.end());
  spec.environment = {"HAAGENT_SIM_CONTROL=" + region_.control_socket().string()};
  auto const outcome = process.run(spec, {});
  return outcome ? outcome->out : "";
}

Tree Prometheus::ask(std::string const& path, std::vector<std::string> const& more) const {
  std::vector<std::string> argv = {"curl", "-s", "--max-time", "10"};
  argv.insert(argv.end(), more.begin(), more.end());
  argv.push_back(fmt::format("http://{}/api/v1/{}", kAddress, path));
  auto answer = json::parse(enter(std::move(argv))).value_or(Tree());
  auto const* data = answer.text_at("status") == "success" ? answer.find("data") : nullptr;
  return data ? *data : Tree();
}

std::vector<Alert> Prometheus::alerts() const {
  std::vector<Alert> all;
  auto const data = ask("alerts");
  auto const* alerts = data.find("alerts");
  if (!alerts) {
    ADD_FAILURE() << "Prometheus does not answer: " << log();
    return all;
  }
  for (auto const& each : alerts->items())
    all.push_back({.labels = texts(each.find("labels")),
                   .annotations = texts(each.find("annotations")),
                   .firing = each.text_at("state") == "firing"});
  return all;
}

std::vector<std::string> Prometheus::firing() const {
  std::vector<std::string> words;
  for (auto const& each : alerts())
    if (each.firing) words.push_back(each.to_words());
  return words;
}

bool Prometheus::fires(std::string const& name,
                       std::map<std::string, std::string> const& labels) const {
  return std::ranges::any_of(alerts(), [&](Alert const& alert) {
    auto const has = [&](auto const& label) {
      auto const found = alert.labels.find(label.first);
      return found != alert.labels.end() && found->second == label.second;
    };
    return alert.firing && alert.labels.at("alertname") == name && std::ranges::all_of(labels, has);
  });
}

int Prometheus::series(std::string const& expression) const {
  auto const data = ask("query", {"--data-urlencode", "query=" + expression});
  auto const* result = data.find("result");
  return result ? static_cast<int>(result->items().size()) : -1;
}

std::string Prometheus::scrape(std::string const& target) const {
  bool const master = std::ranges::find(masters_, target) != masters_.end();
  std::vector<std::string> argv = {"curl", "-s", "--max-time", "10"};
  if (master)
    argv.insert(argv.end(), {"--cacert", (folder_ / "prometheus.ca.crt").string(), "--cert",
                             (folder_ / "prometheus.crt").string(), "--key",
                             (folder_ / "prometheus.key").string()});
  argv.push_back(fmt::format("http{}://{}/metrics", master ? "s" : "", target));
  return enter(std::move(argv));
}

}  // namespace haagent::sim
