#include "tests/vm/machines.h"

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <thread>

#include "agent/base/files.h"
#include "agent/base/json.h"
#include "agent/base/program.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;

std::filesystem::path of_environment(char const* name) {
  auto const* value = std::getenv(name);
  return value ? value : "";
}

constexpr char kImage[] = "HAAGENT_VM_IMAGE";
constexpr char kKubernetesImage[] = "HAAGENT_VM_KUBERNETES_IMAGE";

std::string no_machines_because(char const* image_of) {
  if (auto why = no_region_because(); !why.empty()) return why;
  for (auto program : {"qemu-system-x86_64", "qemu-img", "dnsmasq"})
    if (!find_program(program, clean_environment({}))) return std::string("needs ") + program;
  auto const image = of_environment(image_of);
  if (image.empty() || !std::filesystem::exists(image / "root.img"))
    return "needs a machine image: tests/run vm makes it";
  return {};
}

bool healthy(ClusterRegion const& region, std::string const& where, EtcdCluster cluster) {
  return region.etcdctl(where, cluster, {"endpoint", "health"}).code == 0;
}

}  // namespace

std::string no_machines_because() {
  return no_machines_because(kImage);
}

std::string no_kubernetes_machines_because(std::string const& minor) {
  if (auto why = no_kubernetes_because(minor); !why.empty()) return why;
  return no_machines_because(kKubernetesImage);
}

Machines::Machines(std::string const& name, ClusterPlan plan)
    : folder_(of_environment("HAAGENT_VM_ARTEFACTS")) {
  if (folder_.empty()) folder_ = std::filesystem::temp_directory_path() / "haagent-vm-artefacts";
  folder_ /= name;
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
  std::filesystem::create_directories(folder_, ignored);
  plan.machine = std::filesystem::absolute(
      of_environment(plan.kubernetes.empty() ? kImage : kKubernetesImage));
  plan.logs = folder_;
  region_ = std::make_unique<ClusterRegion>(std::move(plan));
}

Machines::~Machines() {
  test::write_bytes(folder_ / "region.txt", region_->timeline());
  auto const state = region_->command("state");
  if (auto const* instances = state.find("instances"))
    for (auto const& each : instances->items())
      if (each.text_at("state") == "running" && each.text_at("frozen") != "true")
        keep(each.text_at("id"));
}

testing::AssertionResult Machines::comes_true(std::function<bool()> const& condition,
                                              Duration deadline) const {
  auto const now = [] { return std::chrono::steady_clock::now(); };
  for (auto const end = now() + test::patient(deadline); !condition();) {
    if (now() >= end)
      return testing::AssertionFailure()
             << "not within " << to_words(test::patient(deadline)) << '\n'
             << region_->timeline() << "see " << folder_.string();
    std::this_thread::sleep_for(2s);
  }
  return testing::AssertionSuccess();
}

testing::AssertionResult Machines::master_is_ready(std::string const& group,
                                                   std::string const& than) {
  return comes_true([&] {
    auto const id = region_->instance_of(group);
    return !id.empty() && id != than && region_->is_ready(id) &&
           healthy(*region_, id, EtcdCluster::main) && healthy(*region_, id, EtcdCluster::events);
  });
}

testing::AssertionResult Machines::has_booted(std::string const& where) {
  return comes_true([&] {
    return region_
               ->sh(where,
                    "test -e /run/cloud-init/result.json && systemctl is-active multi-user.target")
               .code == 0;
  });
}

std::string Machines::ask(std::string const& where, std::string const& script) const {
  auto const outcome = region_->sh(where, script);
  EXPECT_EQ(outcome.code, 0) << script << ": " << outcome.out;
  auto text = outcome.out;
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

std::string Machines::of_unit(std::string const& where, std::string const& unit,
                              std::string const& property) const {
  return ask(where, fmt::format("systemctl show -P {} {}", property, unit));
}

std::string Machines::console(std::string const& instance) const {
  return test::bytes_of(folder_ / instance / "console.log");
}

void Machines::keep(std::string const& where) const {
  auto id = where.starts_with("i-") ? where : region_->instance_of(where);
  for (auto const& [file, script] : std::initializer_list<std::pair<char const*, char const*>>{
           {"journal.txt", "journalctl -b --no-pager -o short-monotonic"},
           {"status.txt", "haagent status; haagent status -o json"},
           {"critical-chain.txt",
            "systemd-analyze; systemd-analyze --no-pager critical-chain haagent.service "
            "multi-user.target"},
           {"blame.txt", "systemd-analyze --no-pager blame"},
           {"boot.svg", "systemd-analyze plot"},
           {"timeline.svg", "haagent timeline --svg -"},
           {"units.txt", "systemctl --no-pager list-units --all; systemctl --no-pager --failed"},
           {"cloud-init.log", "cat /var/log/cloud-init.log"}})
    test::write_bytes(folder_ / id / file, region_->sh(id, script).out);
}

std::vector<std::string> complaints(Machines const& machines, std::string const& where,
                                    std::vector<std::string> const& but) {
  std::vector<std::string> found;
  auto const each_line = [&](std::string const& script, std::string const& what) {
    std::istringstream lines(machines.ask(where, script));
    for (std::string line; std::getline(lines, line);) {
      auto const asked_for = [&](std::string const& text) { return line.contains(text); };
      if (!line.empty() && std::ranges::none_of(but, asked_for)) found.push_back(what + line);
    }
  };
  each_line("systemctl --failed --no-legend --plain --no-pager", "failed: ");
  each_line("journalctl -b --no-pager -o cat _PID=1 | grep -i 'ordering cycle' || true", "");
  each_line(
      "journalctl -b --no-pager -o short-monotonic -p warning -q -u haagent.service -u "
      "'haagent-etcd@*.service'",
      "warning: ");
  return found;
}

}  // namespace haagent::sim
