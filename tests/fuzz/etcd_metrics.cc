// etcd's own metrics, in Prometheus' text format.
#include "bootstrap/etcd/client/metrics.h"

#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"

namespace haagent::fuzz {

void etcd_metrics(std::string_view bytes) {
  auto const metrics = bootstrap::parse_etcd_metrics(bytes);
  auto in_bounds = [](bootstrap::Histogram const& histogram) {
    auto const slow = histogram.quantile(0.99);
    hold(!slow || (*slow == *slow), "a quantile is a number");
    hold(slow.has_value() == (histogram.count() > 0), "whatever was observed has a quantile");
  };
  in_bounds(metrics.wal_fsync);
  in_bounds(metrics.backend_commit);
  for (auto const& [id, histogram] : metrics.round_trip) in_bounds(histogram);
  auto const nothing = bootstrap::since(metrics, metrics);
  hold(nothing.wal_fsync.count() == 0 && nothing.leader_changes == 0, "nothing since now");
  for (auto const& slow : against_guidance(latencies_of(metrics), Duration(1'000)))
    hold(!slow.text.empty() && slow.sentence().size() < 400, "a sentence");
}

}  // namespace haagent::fuzz
