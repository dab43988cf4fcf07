// How often a leader says that it lives, and how much silence starts an election. Set in the node's
// config, or else derived from what round trips between the members take.
//
// Members of one cluster must get along with each other's values, and members start at different
// times and may measure differently: one heartbeat that is too long for another's election timeout,
// and that one stands for election for ever. So haagent derives only from 100 to 200 ms, and each
// with an election timeout of ten heartbeats: in any mixture, the longest heartbeat still comes
// five times in the shortest election timeout, which is what etcd asks of one member. 200 ms are
// enough for round trips of 133 ms, more than any two zones of a region have; a network that is
// slower still is reported, and is for people to judge.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "agent/base/clock.h"
#include "agent/base/facts.h"
#include "agent/base/files.h"
#include "agent/base/node_config.h"

namespace haagent::bootstrap {

struct EtcdTiming {
  Duration heartbeat{100};
  Duration election{1'000};
  bool operator==(EtcdTiming const&) const = default;
};

// etcd's own defaults; nothing shorter is derived.
inline constexpr Duration kDefaultHeartbeat{100};

// The heartbeat for this round trip, as etcd's tuning guide derives it from the average between the
// members farthest apart: one and a half round trips, in few steps.
Duration heartbeat_for(double round_trip_seconds);
// Whether heartbeat_for() could have said so.
bool is_derived_heartbeat(Duration heartbeat);

// Whether a member may run with it though its config sets none: it is no shorter and no longer than
// what is derived, and timing_for() gives exactly it back, so that nothing has to restart for it.
bool may_stay(EtcdClusterConfig const& settings, Duration heartbeat);

// What the config sets, and for what it does not, what follows from `derived`: an election timeout
// of ten heartbeats, at least etcd's second and at most the 50 s that etcd takes.
EtcdTiming timing_for(EtcdClusterConfig const& settings, Duration derived);

// What is to be derived at the next start, so that noise does not change it: longer only once an
// hour of measuring asks for that without a break, shorter only after a day, and with a fifth to
// spare.
struct TimingWatch {
  Duration heartbeat = kDefaultHeartbeat;

  std::optional<Duration> towards;  // what the run of measures so far asks for, at least
  Duration lasted{0};
  bool operator==(TimingWatch const&) const = default;
};
// One more measure, the average of the time `took`.
TimingWatch after_measure(TimingWatch watch, double round_trip_seconds, Duration took);

// "its heartbeat is 100 ms; round trips of 83 ms ask for 150 ms, which it takes at its next start";
// empty where the two are the same.
std::string timing_sentence(EtcdTimingFacts const& timing);

// What a start shall derive from, on this master's disk: /var/lib/haagent/etcd-timing-main.json.
// kDefaultHeartbeat where there is none, or none that heartbeat_for() could have said.
Duration recorded_heartbeat(Root const& root, EtcdCluster cluster);
Result<void> record_heartbeat(Root const& root, EtcdCluster cluster, Duration heartbeat,
                              double round_trip_seconds);
// Of the record's bytes.
std::optional<Duration> heartbeat_in_record(std::string_view bytes);

}  // namespace haagent::bootstrap
