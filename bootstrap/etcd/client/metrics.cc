#include "bootstrap/etcd/client/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "agent/base/prometheus_text.h"

namespace haagent::bootstrap {
namespace {

// What the messages are about.
constexpr char kWalFsync[] = "wal fsync";
constexpr char kBackendCommit[] = "backend commit";

constexpr double kFsyncLimit = 0.010;
constexpr double kCommitLimit = 0.025;
constexpr double kQuantile = 0.99;
// Below this there is no 99 % to speak of.
constexpr std::uint64_t kEnough = 100;
// etcd probes each peer twice in 4 s.
constexpr std::uint64_t kEnoughProbes = 20;

std::optional<double> worth_saying(std::optional<double> said, std::optional<double> measured,
                                   double limit, bool whole_window) {
  if (!measured) return whole_window ? std::nullopt : said;
  // The limit may have risen since.
  if (!said || *said <= limit) return *measured > limit ? measured : std::nullopt;
  if (*measured < limit * 0.8) return std::nullopt;
  if (*measured > limit && (*measured >= *said * 2 || *measured <= *said / 2)) return measured;
  return said;
}

std::uint64_t counted(double value) {
  constexpr double kMost = 9'007'199'254'740'992.0;  // 2^53: up to there each count is exact
  return value <= 0 ? 0 : static_cast<std::uint64_t>(std::min(value, kMost));
}

void add_bucket(Histogram& histogram, Sample const& sample) {
  if (auto const bound = parse_sample_value(label_of(sample, "le")))
    histogram.buckets.emplace_back(*bound, counted(sample.value));
}

std::optional<std::uint64_t> peer_of(Sample const& sample) {
  auto const to = label_of(sample, "To");
  std::uint64_t id = 0;
  auto const [end, error] = std::from_chars(to.data(), to.data() + to.size(), id, 16);
  if (error != std::errc() || end != to.data() + to.size()) return std::nullopt;
  return id;
}

Histogram since(Histogram const& now, Histogram const& before) {
  if (now.buckets.size() != before.buckets.size() || now.count() < before.count()) return now;
  Histogram difference = now;
  for (std::size_t i = 0; i < now.buckets.size(); ++i) {
    auto const& [bound, count] = before.buckets[i];
    if (bound != now.buckets[i].first || count > now.buckets[i].second) return now;
    difference.buckets[i].second -= count;
  }
  difference.sum = std::max(0.0, now.sum - before.sum);
  return difference;
}

std::optional<double> enough(Histogram const& histogram) {
  return histogram.count() < kEnough ? std::nullopt : histogram.quantile(kQuantile);
}

std::string milliseconds(double seconds) {
  return seconds < 0.01 ? fmt::format("{:.1f} ms", seconds * 1000)
                        : fmt::format("{:.0f} ms", seconds * 1000);
}

}  // namespace

std::optional<double> Histogram::average() const {
  if (count() == 0) return std::nullopt;
  return sum / static_cast<double>(count());
}

std::optional<double> Histogram::quantile(double q) const {
  if (count() == 0) return std::nullopt;
  auto const rank = q * static_cast<double>(count());
  double lower = 0;
  std::uint64_t below = 0;
  for (auto const& [bound, count] : buckets) {
    if (static_cast<double>(count) >= rank && count > below) {
      if (std::isinf(bound)) return lower;
      auto const part = (rank - static_cast<double>(below)) / static_cast<double>(count - below);
      return lower + (bound - lower) * std::clamp(part, 0.0, 1.0);
    }
    lower = bound;
    below = count;
  }
  return lower;
}

EtcdMetrics parse_etcd_metrics(std::string_view text) {
  EtcdMetrics metrics;
  while (!text.empty()) {
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.ends_with('\r')) line.remove_suffix(1);
    auto const sample = parse_sample(line);
    if (!sample) continue;
    if (sample->name == "etcd_disk_wal_fsync_duration_seconds_bucket") {
      add_bucket(metrics.wal_fsync, *sample);
    } else if (sample->name == "etcd_disk_backend_commit_duration_seconds_bucket") {
      add_bucket(metrics.backend_commit, *sample);
    } else if (sample->name == "etcd_network_peer_round_trip_time_seconds_bucket") {
      if (auto const id = peer_of(*sample)) add_bucket(metrics.round_trip[*id], *sample);
    } else if (sample->name == "etcd_network_peer_round_trip_time_seconds_sum") {
      if (auto const id = peer_of(*sample); id && std::isfinite(sample->value))
        metrics.round_trip[*id].sum = std::max(0.0, sample->value);
    } else if (sample->name == "etcd_server_leader_changes_seen_total") {
      metrics.leader_changes = counted(sample->value);
    }
  }
  auto in_order = [](Histogram& histogram) { std::ranges::sort(histogram.buckets); };
  in_order(metrics.wal_fsync);
  in_order(metrics.backend_commit);
  for (auto& [id, histogram] : metrics.round_trip) in_order(histogram);
  return metrics;
}

EtcdMetrics since(EtcdMetrics const& now, EtcdMetrics const& before) {
  EtcdMetrics difference{.wal_fsync = since(now.wal_fsync, before.wal_fsync),
                         .backend_commit = since(now.backend_commit, before.backend_commit),
                         .round_trip = now.round_trip,
                         .leader_changes = now.leader_changes >= before.leader_changes
                                               ? now.leader_changes - before.leader_changes
                                               : now.leader_changes};
  for (auto& [id, histogram] : difference.round_trip)
    if (auto const found = before.round_trip.find(id); found != before.round_trip.end())
      histogram = since(histogram, found->second);
  return difference;
}

EtcdLatencies latencies_of(EtcdMetrics const& metrics) {
  EtcdLatencies latencies{.wal_fsync = enough(metrics.wal_fsync),
                          .backend_commit = enough(metrics.backend_commit),
                          .round_trip = {}};
  for (auto const& [id, histogram] : metrics.round_trip)
    // One probe each 4 s, so that a few are all there is.
    if (auto const slow = histogram.quantile(kQuantile))
      latencies.round_trip = std::max(latencies.round_trip.value_or(0), *slow);
  return latencies;
}

EtcdLatencies worth_saying(EtcdLatencies const& said, EtcdLatencies const& measured,
                           Duration election_timeout, bool whole_window) {
  auto const one = [&](std::optional<double> EtcdLatencies::* figure, double limit) {
    return worth_saying(said.*figure, measured.*figure, limit, whole_window);
  };
  auto const election = std::chrono::duration<double>(election_timeout).count();
  return {.wal_fsync = one(&EtcdLatencies::wal_fsync, kFsyncLimit),
          .backend_commit = one(&EtcdLatencies::backend_commit, kCommitLimit),
          .round_trip = one(&EtcdLatencies::round_trip, election / 10)};
}

std::vector<Message> against_guidance(EtcdLatencies const& latencies, Duration election_timeout) {
  std::vector<Message> slow;
  auto say = [&](char const* figure, std::string text, char const* advice) {
    slow.push_back(Message(Reason::EtcdSlow, std::move(text), advice).about(figure));
  };
  if (latencies.wal_fsync && *latencies.wal_fsync > kFsyncLimit)
    say(kWalFsync,
        fmt::format("99 % of its WAL syncs take up to {}, and etcd asks for {}",
                    milliseconds(*latencies.wal_fsync), milliseconds(kFsyncLimit)),
        "give the volume more IOPS, or find what else writes to it");
  if (latencies.backend_commit && *latencies.backend_commit > kCommitLimit)
    say(kBackendCommit,
        fmt::format("99 % of its backend commits take up to {}, and etcd asks for {}",
                    milliseconds(*latencies.backend_commit), milliseconds(kCommitLimit)),
        "give the volume more IOPS or throughput");
  auto const election = std::chrono::duration<double>(election_timeout).count();
  if (latencies.round_trip && *latencies.round_trip * 10 > election)
    say("round trip",
        fmt::format("a round trip to a peer takes up to {}, and its election timeout of {} is less "
                    "than ten of them",
                    milliseconds(*latencies.round_trip), milliseconds(election)),
        "set heartbeatInterval and electionTimeout, or repair the network");
  return slow;
}

std::vector<Message> with_cause(std::vector<Message> slow, std::optional<Message> const& limit,
                                bool counts) {
  auto const of_disk = [](Message const& each) {
    return each.subject == kWalFsync || each.subject == kBackendCommit;
  };
  if (!limit) {
    for (auto& each : slow)
      if (counts && of_disk(each))
        each.advice =
            "find what else writes to the disk with 'iostat -x 5', or takes the processors with "
            "'top': EBS counts no limit that was reached, so more IOPS would not help";
    return slow;
  }
  std::string text;
  std::erase_if(slow, [&](Message const& each) {
    if (of_disk(each)) text += each.text + "; ";
    return of_disk(each);
  });
  if (!text.empty())
    slow.push_back(Message(limit->reason, text + limit->text, limit->advice).about(limit->subject));
  return slow;
}

std::optional<double> farthest_round_trip(EtcdMetrics const& metrics) {
  std::optional<double> farthest;
  for (auto const& [id, histogram] : metrics.round_trip)
    if (histogram.count() >= kEnoughProbes)
      farthest = std::max(farthest.value_or(0), histogram.average().value_or(0));
  return farthest;
}

}  // namespace haagent::bootstrap
