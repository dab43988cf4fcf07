#include "agent/base/ebs_counters.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace haagent {
namespace {

// haagent reports the 99th percentile of etcd's disk latency, so a hundredth of the time can
// explain it.
constexpr double kWorthSaying = 0.01;

struct Limit {
  std::uint64_t EbsCounters::* counter;
  std::uint64_t EbsExceeded::* exceeded;
  bool of_instance;
  char const* name;
};
constexpr std::array kLimits = {
    Limit{&EbsCounters::volume_exceeded_iops, &EbsExceeded::volume_iops, false, "IOPS"},
    Limit{&EbsCounters::volume_exceeded_throughput, &EbsExceeded::volume_throughput, false,
          "throughput"},
    Limit{&EbsCounters::instance_exceeded_iops, &EbsExceeded::instance_iops, true, "IOPS"},
    Limit{&EbsCounters::instance_exceeded_throughput, &EbsExceeded::instance_throughput, true,
          "throughput"},
};

double share(EbsExceeded const& recently, Limit const& limit) {
  if (recently.window <= Duration(0)) return 0;
  auto const micros = static_cast<double>(recently.window.count()) * 1'000;
  return std::min(1.0, static_cast<double>(recently.*limit.exceeded) / micros);
}

}  // namespace

EbsExceeded exceeded_between(EbsCounters const& before, EbsCounters const& now, Duration window) {
  bool const restarted = std::ranges::any_of(
      kLimits, [&](Limit const& each) { return now.*each.counter < before.*each.counter; });
  if (restarted || window <= Duration(0)) return {};
  EbsExceeded exceeded{.window = window};
  for (auto const& each : kLimits)
    exceeded.*each.exceeded = now.*each.counter - before.*each.counter;
  return exceeded;
}

std::optional<Message> limit_reached(EbsExceeded const& recently, EbsPlace const& place) {
  auto const longest = std::ranges::max_element(
      kLimits, {}, [&](Limit const& each) { return share(recently, each); });
  auto const part = share(recently, *longest);
  if (part < kWorthSaying) return std::nullopt;
  auto const how_long =
      fmt::format("for {:.0f} % of the last {}", part * 100, to_words(recently.window));
  if (longest->of_instance)
    return Message(Reason::InstanceAtLimit,
                   fmt::format("all volumes of this {} together were at its limit of EBS {} {}",
                               place.instance_type.empty() ? "instance" : place.instance_type,
                               longest->name, how_long),
                   "find what else reads and writes with 'iostat -x 5', or use a larger instance "
                   "type")
        .about(fmt::format("{} of the instance", longest->name));
  bool const iops = longest->exceeded == &EbsExceeded::volume_iops;
  return Message(
             Reason::VolumeAtLimit,
             fmt::format("{} was at its limit of {} {}", place.volume_id, longest->name, how_long),
             fmt::format("give it more, as 'aws ec2 modify-volume --region {} --volume-id {} {}' "
                         "does for gp3, or find what else writes to it",
                         place.region, place.volume_id, iops ? "--iops 6000" : "--throughput 250"))
      .about(fmt::format("{} of {}", longest->name, place.volume_id));
}

}  // namespace haagent
