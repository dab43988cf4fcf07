#include "bootstrap/etcd/member/timing.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "agent/base/json.h"

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;

constexpr Duration kHeartbeats[] = {kDefaultHeartbeat, 150ms, 200ms};
constexpr Duration kLeastElection = 1s;
constexpr Duration kMostElection = 50s;
constexpr double kRoundTrips = 1.5;
constexpr Duration kLongerAfter = 1h;
constexpr Duration kShorterAfter = 24h;
constexpr double kToSpare = 1.25;

std::filesystem::path record_path(Root const& root, EtcdCluster cluster) {
  return root(fmt::format("/var/lib/haagent/etcd-timing-{}.json", to_string(cluster)));
}

std::string milliseconds(double seconds) {
  return seconds < 0.01 ? fmt::format("{:.1f} ms", seconds * 1000)
                        : fmt::format("{:.0f} ms", seconds * 1000);
}

}  // namespace

Duration heartbeat_for(double round_trip_seconds) {
  auto const wanted = round_trip_seconds * kRoundTrips;
  constexpr double kRounding = 1e-9;
  for (auto const step : kHeartbeats)
    if (wanted <= std::chrono::duration<double>(step).count() + kRounding) return step;
  return std::end(kHeartbeats)[-1];
}

bool is_derived_heartbeat(Duration heartbeat) {
  return std::ranges::find(kHeartbeats, heartbeat) != std::end(kHeartbeats);
}

EtcdTiming timing_for(EtcdClusterConfig const& settings, Duration derived) {
  EtcdTiming timing;
  // A shorter election timeout that is set alone keeps the heartbeat below a tenth of it, as far as
  // etcd's default goes.
  timing.heartbeat = settings.heartbeat_interval.value_or(
      settings.election_timeout
          ? std::max(kDefaultHeartbeat, std::min(derived, *settings.election_timeout / 10))
          : derived);
  timing.election = settings.election_timeout.value_or(
      std::clamp(timing.heartbeat * 10, kLeastElection, kMostElection));
  return timing;
}

bool may_stay(EtcdClusterConfig const& settings, Duration heartbeat) {
  return heartbeat >= kDefaultHeartbeat && heartbeat <= std::end(kHeartbeats)[-1] &&
         timing_for(settings, heartbeat).heartbeat == heartbeat;
}

TimingWatch after_measure(TimingWatch watch, double round_trip_seconds, Duration took) {
  auto const longer = heartbeat_for(round_trip_seconds);
  auto const shorter = heartbeat_for(round_trip_seconds * kToSpare);
  auto const wanted = longer > watch.heartbeat ? longer : std::min(shorter, watch.heartbeat);
  bool const up = wanted > watch.heartbeat;
  if (wanted == watch.heartbeat) {
    watch.towards.reset();
    watch.lasted = Duration(0);
    return watch;
  }
  if (watch.towards && (*watch.towards > watch.heartbeat) == up) {
    watch.lasted += took;
    // Of all that a run asks for, what is nearest to the present.
    watch.towards = up ? std::min(*watch.towards, wanted) : std::max(*watch.towards, wanted);
  } else {
    watch.lasted = took;
    watch.towards = wanted;
  }
  if (watch.lasted < (up ? kLongerAfter : kShorterAfter)) return watch;
  return {.heartbeat = *watch.towards, .towards = {}, .lasted = Duration(0)};
}

std::string timing_sentence(EtcdTimingFacts const& timing) {
  if (timing.heartbeat == timing.next_heartbeat) return {};
  return fmt::format(
      "its heartbeat is {} ms; {} {} ms, which it takes at its next start",
      timing.heartbeat.count(),
      timing.round_trip ? fmt::format("round trips of {} ask for", milliseconds(*timing.round_trip))
                        : std::string("what was measured before asks for"),
      timing.next_heartbeat.count());
}

std::optional<Duration> heartbeat_in_record(std::string_view bytes) {
  auto const tree = json::parse(bytes);
  if (!tree) return std::nullopt;
  auto const* found = tree->find("heartbeatMilliseconds");
  auto const number = found ? found->as_integer() : std::nullopt;
  if (!number || !is_derived_heartbeat(Duration(*number))) return std::nullopt;
  return Duration(*number);
}

Duration recorded_heartbeat(Root const& root, EtcdCluster cluster) {
  auto const bytes = read_file(record_path(root, cluster), 4096);
  if (!bytes || !*bytes) return kDefaultHeartbeat;
  return heartbeat_in_record(**bytes).value_or(kDefaultHeartbeat);
}

Result<void> record_heartbeat(Root const& root, EtcdCluster cluster, Duration heartbeat,
                              double round_trip_seconds) {
  auto const path = record_path(root, cluster);
  if (auto made = make_directories(path.parent_path()); !made) return made;
  return replace_file(
      path, json::print(Tree::map({{"heartbeatMilliseconds", std::int64_t{heartbeat.count()}},
                                   {"roundTripMilliseconds",
                                    std::int64_t{std::lround(round_trip_seconds * 1000)}}})));
}

}  // namespace haagent::bootstrap
