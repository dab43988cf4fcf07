#include "agent/timeline/machine_stages.h"

#include <algorithm>
#include <cstdlib>

#include "agent/base/facts.h"
#include "agent/base/json.h"
#include "agent/base/running.h"

namespace haagent::timeline {
namespace {

using namespace std::chrono_literals;

constexpr char kMachine[] = "machine";
constexpr char kCloudInit[] = "cloud-init";
// EC2 launches an instance within minutes. An older `pending` belongs to an earlier boot.
constexpr Duration kOldestPending = 15min;

Duration milliseconds(std::uint64_t microseconds) {
  return Duration(static_cast<std::int64_t>(microseconds / 1000));
}

// Seconds since the epoch, as cloud-init has them: 1767225600.25.
std::optional<UtcTime> epoch_time(Tree const& stage, std::string_view key) {
  auto const text = stage.text_at(key);
  char* end = nullptr;
  double const seconds = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !(seconds > 0) || seconds > 9e9) return std::nullopt;
  return UtcTime(Duration(static_cast<std::int64_t>(seconds * 1000)));
}

}  // namespace

std::vector<Stage> machine_stages(SystemdStamps const& stamps, std::optional<Duration> pending,
                                  Duration agent_started, Duration now) {
  std::vector<Stage> stages;
  auto add = [&](char const* name, Duration begin, Duration end) {
    if (end > begin)
      stages.push_back({.group = kMachine, .name = name, .begin = begin, .end = end});
  };
  bool const is_systemd = stamps.userspace != 0;
  auto const machine_begins = is_systemd ? 0ms : agent_started;
  auto const firmware = -milliseconds(stamps.firmware);
  auto const loader = -milliseconds(stamps.loader);
  if (pending && *pending > machine_begins - kOldestPending)
    add("pending", *pending, machine_begins + std::min(firmware, loader));
  if (stamps.firmware != 0) add("firmware", firmware, loader);
  if (stamps.loader != 0) add("loader", loader, 0ms);
  if (!is_systemd) return stages;
  auto const userspace = milliseconds(stamps.userspace);
  auto const initrd = stamps.initrd != 0 ? milliseconds(stamps.initrd) : userspace;
  add("kernel", 0ms, initrd);
  add("initrd", initrd, userspace);
  add("userspace", userspace, stamps.finish != 0 ? milliseconds(stamps.finish) : now);
  return stages;
}

std::vector<Stage> cloud_init_stages(std::string_view status, UtcTime kernel_started, UtcTime now) {
  std::vector<Stage> stages;
  auto const tree = json::parse(status);
  auto const* all = tree ? tree->find("v1") : nullptr;
  if (!all) return stages;
  for (auto const* name : {"init-local", "init", "modules-config", "modules-final"}) {
    auto const* stage = all->find(name);
    auto const begin = stage ? epoch_time(*stage, "start") : std::nullopt;
    if (!begin) continue;
    auto const end = std::min(epoch_time(*stage, "finished").value_or(now), now);
    auto const at = [&](UtcTime time) {
      return std::chrono::duration_cast<Duration>(time - kernel_started);
    };
    // What was left of a boot before, or written before the clock was set.
    if (at(*begin) < 0ms || end < *begin) continue;
    stages.push_back({.group = kCloudInit, .name = name, .begin = at(*begin), .end = at(end)});
  }
  return stages;
}

std::vector<Moment> program_starts(Root const& root, UtcTime now) {
  std::vector<Moment> moments;
  for (std::string const program : {"etcd", "kubelet", "kube-apiserver"}) {
    auto const running = running_programs(root, program, now);
    if (!running) continue;
    for (auto const& each : *running) {
      auto name = program;
      if (program == "etcd") {
        auto const is_of = [&](EtcdCluster cluster) {
          return std::ranges::any_of(each.arguments, [&](std::string const& argument) {
            return argument.contains(fmt::format("/{}", to_string(cluster)));
          });
        };
        auto const cluster = std::ranges::find_if(kEtcdClusters, is_of);
        if (cluster == std::end(kEtcdClusters)) continue;
        name = fmt::format("etcd-{}", to_string(*cluster));
      }
      moments.push_back({.name = std::move(name), .at = each.started_after_boot});
    }
  }
  std::ranges::sort(moments, {}, &Moment::at);
  return moments;
}

}  // namespace haagent::timeline
