// haagent's own: status, metrics, and the configuration with its origins.
#include <fmt/format.h>

#include <algorithm>

#include "agent/base/json.h"
#include "agent/base/url.h"
#include "agent/bundle/sources.h"
#include "agent/commands/config.h"
#include "agent/status/metrics.h"
#include "agent/status/report.h"
#include "bootstrap/pki/leaves.h"

namespace haagent::bundle {
namespace {

constexpr std::size_t kMetrics = 4u << 20u;
constexpr char kNoStatus[] = "haagent has not started on this machine since it booted";

Duration since(SteadyTime began, Clock const& clock) {
  return std::chrono::duration_cast<Duration>(clock.steady() - began);
}

// A name as DNS has them, or a number as etcd has them.
bool is_name(std::string_view text) {
  return text.size() <= 253 &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-") == text.npos;
}

void learn(Basket& basket, std::vector<std::string> names) {
  std::erase_if(names, [](auto const& each) { return !is_name(each); });
  basket.learn({.names = std::move(names), .secrets = {}});
}

void learn_names(StatusReport const& report, Basket& basket) {
  std::vector<std::string> names = {report.cluster};
  if (auto const& own = report.identity)
    names.insert(names.end(), {own->instance_id, own->hostname, own->zone, own->region});
  for (auto const& each : report.etcd) {
    names.push_back(each.volume_id);
    if (!each.member) continue;
    names.insert(names.end(), {each.member->name, each.member->leader});
    for (auto const& id : {each.member->member_id, each.member->cluster_id}) names.push_back(id);
  }
  learn(basket, std::move(names));
}

Piece live_metrics(Machine const& machine, StatusReport const& report, std::stop_token stop) {
  Piece piece{.path = "metrics.txt", .format = Format::metrics};
  if (!report.identity || report.identity->address.empty()) return piece;
  auto const host = fmt::format("{}:{}", url_host(report.identity->address), kAgentPort);
  bool const master = report.role == "master";
  HttpRequest request{.url = (master ? "https://" : "http://") + host + "/metrics",
                      .connect_timeout = Duration(2'000),
                      .timeout = Duration(5'000),
                      .max_body = kMetrics,
                      .direct = true};
  if (master) request.tls = bootstrap::pki::agent_tls(machine.root);
  piece.how = "GET " + request.url;
  auto const answer = machine.http.send(request, std::move(stop));
  if (answer && answer->status == 200) piece.bytes = answer->body;
  return piece;
}

void status(Machine const& machine, Basket& basket, std::stop_token stop) {
  auto const began = machine.clock.steady();
  auto json = read_piece(machine.root, std::string(kStatusFile),
                         {.path = "status.json", .format = Format::own_json}, kStatusCap);
  auto const report = read_status(machine.root);
  Piece page{.path = "status.txt", .how = "haagent status"};
  if (!json.missing.empty() || !report || !*report) {
    page.missing = !json.missing.empty() ? kNoStatus
                   : !report             ? report.error().message.sentence()
                                         : kNoStatus;
    basket.put(std::move(json));
    basket.put({.path = "metrics.txt", .how = "haagent's /metrics", .missing = page.missing});
    basket.put(std::move(page));
    return;
  }
  learn_names(**report, basket);
  auto const writer = writer_of(**report, machine.root);
  page.bytes = status_page(**report, writer, machine.clock.utc(), {.width = 120, .all = true});
  page.took = since(began, machine.clock);
  basket.put(std::move(json));
  basket.put(std::move(page));
  auto metrics = live_metrics(machine, **report, std::move(stop));
  if (metrics.bytes.empty()) {
    metrics.how = fmt::format("as /metrics has them, from {}", kStatusFile);
    metrics.bytes = metrics_text(**report, machine.clock.utc());
  }
  metrics.took = since(began, machine.clock);
  basket.put(std::move(metrics));
}

void put_config(ConfigSources const& gathered, std::string const& how, Basket& basket) {
  auto const loaded = read_config(gathered);
  auto document = Tree::map({{"config", loaded.merged}});
  if (loaded.ok())
    if (auto shown = json::parse(print_effective(loaded, OutputFormat::json, /*origins=*/true)))
      document = *std::move(shown);
  learn(basket, {loaded.config.cluster.name});
  basket.learn({.names = {}, .secrets = {}, .config = loaded.merged});
  basket.put({.path = "config.yaml",
              .format = Format::config,
              .how = how,
              .bytes = json::print(document)});
  auto notes = Tree::list();
  for (auto const& each : gathered.notes) notes.push_back(each);
  basket.put(
      {.path = "config-problems.json",
       .format = Format::own_json,
       .how = "haagent config check",
       .bytes = json::print(Tree::map({{"ok", loaded.ok()},
                                       {"problems", to_tree(loaded.sources, loaded.diagnostics)},
                                       {"notes", std::move(notes)}}))});
}

void configuration(Machine const& machine, Basket& basket, std::stop_token stop) {
  auto const whole = machine.with_user_data(machine.request, stop);
  if (whole)
    return put_config(gather_config(machine.root, *whole), "haagent config show --origins", basket);
  put_config(
      gather_config(machine.root, machine.request),
      "haagent config show --origins, without user-data: " + whole.error().message.sentence(),
      basket);
}

}  // namespace

std::vector<Source> own_sources(std::shared_ptr<Machine> const& machine) {
  return {
      {.name = "status",
       .path = "status.json",
       .how = "read /run/haagent/status.json",
       .collect = [machine](Basket& basket,
                            std::stop_token stop) { status(*machine, basket, stop); }},
      {.name = "configuration",
       .path = "config.yaml",
       .how = "haagent config show --origins",
       .collect =
           [machine](Basket& basket, std::stop_token stop) {
             // What the files say is needed for the list of secrets, though metadata may be silent.
             basket.learn(
                 {.names = {},
                  .secrets = {},
                  .config = read_config(gather_config(machine->root, machine->request)).merged});
             configuration(*machine, basket, stop);
           }},
  };
}

}  // namespace haagent::bundle
