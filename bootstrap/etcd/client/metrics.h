// What etcd's own /metrics tell of its disk and its network, and how that stands against etcd's
// guidance. Counters run from etcd's start, so a figure of now is the difference of two readings.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/message.h"

namespace haagent::bootstrap {

// A Prometheus histogram: how many observations were at or below each bound (seconds, ascending,
// the last one infinite).
struct Histogram {
  std::vector<std::pair<double, std::uint64_t>> buckets;

  double sum = 0;  // of all observations, seconds

  std::uint64_t count() const { return buckets.empty() ? 0 : buckets.back().second; }
  // In seconds. Nothing where nothing was observed.
  std::optional<double> average() const;
  // In seconds, between the bounds as Prometheus' histogram_quantile has it; what lies above the
  // last finite bound is reported as that bound. Nothing where nothing was observed.
  std::optional<double> quantile(double q) const;
};

struct EtcdMetrics {
  Histogram wal_fsync;       // etcd_disk_wal_fsync_duration_seconds
  Histogram backend_commit;  // etcd_disk_backend_commit_duration_seconds
  // etcd_network_peer_round_trip_time_seconds, by the peer's id
  std::map<std::uint64_t, Histogram> round_trip;
  std::uint64_t leader_changes = 0;  // etcd_server_leader_changes_seen_total
};

// Prometheus' text format. What is not asked for here, or cannot be read, is passed over.
EtcdMetrics parse_etcd_metrics(std::string_view text);

// What happened between the two; `now` as it is where etcd has restarted in between.
EtcdMetrics since(EtcdMetrics const& now, EtcdMetrics const& before);

struct EtcdLatencies {
  std::optional<double> wal_fsync;       // 99 %, seconds
  std::optional<double> backend_commit;  // 99 %, seconds
  std::optional<double> round_trip;      // 99 % of the slowest peer, seconds
  bool operator==(EtcdLatencies const&) const = default;
};
EtcdLatencies latencies_of(EtcdMetrics const& metrics);

// A message for each figure that is worse than etcd asks for: its FAQ wants 99 % of WAL syncs
// below 10 ms and of backend commits below 25 ms, its tuning guide an election timeout of ten round
// trips.
std::vector<Message> against_guidance(EtcdLatencies const& latencies, Duration election_timeout);

// The same, with what EBS counts of the disk's volume. Where it was at a limit, what is slow about
// the disk becomes one message that ends with that, of the limit's reason, advice and subject. It
// is the last. Where EBS `counts` and no limit was reached, the advice is not to buy more IOPS.
std::vector<Message> with_cause(std::vector<Message> slow, std::optional<Message> const& limit,
                                bool counts);

// Which figures to give against_guidance() after `said`, so that a disk that stays as slow as it is
// gives the same sentence for hours: another figure only once it has doubled or halved, none only
// once it is a fifth below its limit. What is not measured stays as it was; where `measured` is of
// a whole window it is forgotten.
EtcdLatencies worth_saying(EtcdLatencies const& said, EtcdLatencies const& measured,
                           Duration election_timeout, bool whole_window);

// The average round trip to the peer that is farthest, in seconds. A few probes are no measure:
// nothing then.
std::optional<double> farthest_round_trip(EtcdMetrics const& metrics);

}  // namespace haagent::bootstrap
