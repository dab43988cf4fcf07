#include "agent/cloudwatch/forms.h"

#include <chrono>

#include "agent/base/json.h"
#include "agent/base/tree.h"

namespace haagent::cloudwatch {
namespace {

constexpr char kCluster[] = "Cluster", kRole[] = "Role", kZone[] = "Zone";

Tree directive(Readings const& readings, std::string const& space, bool of_zones) {
  auto names = Tree::list({kCluster, kRole});
  if (of_zones) names.push_back(kZone);
  auto metrics = Tree::list();
  for (auto const& each : readings.values)
    if (!of_zones || each.of_zone)
      metrics.push_back(Tree::map({{"Name", each.name}, {"Unit", each.unit}}));
  return Tree::map({{"Namespace", space},
                    {"Dimensions", Tree::list({std::move(names)})},
                    {"Metrics", std::move(metrics)}});
}

bool has_zones_own(Readings const& readings) {
  if (readings.zone.empty()) return false;
  for (auto const& each : readings.values)
    if (each.of_zone) return true;
  return false;
}

}  // namespace

std::string embedded_line(Readings const& readings, std::string const& space, UtcTime now) {
  auto directives = Tree::list({directive(readings, space, /*of_zones=*/false)});
  if (has_zones_own(readings)) directives.push_back(directive(readings, space, /*of_zones=*/true));
  std::int64_t const milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
  auto line = Tree::map({{"_aws", Tree::map({{"Timestamp", milliseconds},
                                             {"CloudWatchMetrics", std::move(directives)}})},
                         {kCluster, readings.cluster},
                         {kRole, readings.role},
                         {kZone, readings.zone},
                         {"InstanceId", readings.instance_id}});
  for (auto const& each : readings.values) line.set(each.name, each.value);
  return json::print(line);
}

std::vector<aws::MetricDatum> data_of(Readings const& readings) {
  std::vector<aws::MetricDatum> data;
  for (auto const& each : readings.values) {
    aws::MetricDatum datum{.name = each.name,
                           .unit = each.unit,
                           .value = each.value,
                           .dimensions = {{kCluster, readings.cluster}, {kRole, readings.role}}};
    data.push_back(datum);
    if (!each.of_zone || readings.zone.empty()) continue;
    datum.dimensions.emplace_back(kZone, readings.zone);
    data.push_back(std::move(datum));
  }
  return data;
}

}  // namespace haagent::cloudwatch
