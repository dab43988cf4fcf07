#include "tests/sim/cloudwatch_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>
#include <vector>

namespace haagent::sim {
namespace {

constexpr std::size_t kMostData = 1'000;
constexpr std::size_t kMostDimensions = 30;
// CloudWatch refuses what is outside of -2^360 to 2^360.
double const kLargest = std::ldexp(1.0, 360);

constexpr std::string_view kUnits[] = {"Seconds",
                                       "Microseconds",
                                       "Milliseconds",
                                       "Bytes",
                                       "Kilobytes",
                                       "Megabytes",
                                       "Gigabytes",
                                       "Terabytes",
                                       "Bits",
                                       "Kilobits",
                                       "Megabits",
                                       "Gigabits",
                                       "Terabits",
                                       "Percent",
                                       "Count",
                                       "Bytes/Second",
                                       "Kilobytes/Second",
                                       "Megabytes/Second",
                                       "Gigabytes/Second",
                                       "Terabytes/Second",
                                       "Bits/Second",
                                       "Kilobits/Second",
                                       "Megabits/Second",
                                       "Gigabits/Second",
                                       "Terabits/Second",
                                       "Count/Second",
                                       "None"};

std::unexpected<ApiError> invalid(std::string message) {
  return std::unexpected(ApiError{"InvalidParameterValue", 400, std::move(message)});
}

Api<std::string> limited_text(Form const& form, std::string const& name, std::size_t longest) {
  auto text = form.require(name);
  if (text && text->size() > longest)
    return invalid(fmt::format("The parameter {} is longer than {}", name, longest));
  return text;
}

struct Datum {
  MetricName metric;
  std::string unit;
  double value = 0;
};

Api<Datum> datum_of(Form const& form, std::string const& space, std::string const& member) {
  Datum datum{.metric = {.space = space, .name = {}, .dimensions = {}}, .unit = {}};
  auto name = limited_text(form, member + ".MetricName", 255);
  if (!name) return std::unexpected(name.error());
  datum.metric.name = *name;
  datum.unit = form.text(member + ".Unit", "None");
  if (std::ranges::find(kUnits, datum.unit) == std::end(kUnits))
    return invalid(
        fmt::format("The value {} for parameter {}.Unit is invalid", datum.unit, member));
  auto const value = form.require(member + ".Value");
  if (!value) return std::unexpected(value.error());
  auto const* end = value->data() + value->size();
  auto const [at, error] = std::from_chars(value->data(), end, datum.value);
  if (error != std::errc() || at != end || !(std::abs(datum.value) <= kLargest))
    return invalid(fmt::format("The value {} for parameter {}.Value is invalid", *value, member));
  auto const dimensions = form.items(member + ".Dimensions.member");
  if (dimensions.size() > kMostDimensions)
    return invalid(fmt::format("{}.Dimensions has more than {} members", member, kMostDimensions));
  for (auto const& each : dimensions) {
    auto key = limited_text(form, each + ".Name", 255);
    if (!key) return std::unexpected(key.error());
    auto of_it = limited_text(form, each + ".Value", 1024);
    if (!of_it) return std::unexpected(of_it.error());
    if (!datum.metric.dimensions.emplace(*key, *of_it).second)
      return invalid(fmt::format("{}.Dimensions has {} twice", member, *key));
  }
  return datum;
}

}  // namespace

Api<std::string> CloudWatchService::call(Form const& form, Caller const& caller) {
  auto const space = limited_text(form, "Namespace", 255);
  if (!space) return std::unexpected(space.error());
  if (space->starts_with(':') || space->starts_with("AWS/"))
    return invalid("The value " + *space + " for parameter Namespace is invalid.");
  auto const members = form.items("MetricData.member");
  if (members.empty())
    return std::unexpected(
        ApiError{"MissingParameter", 400, "The parameter MetricData is required."});
  if (members.size() > kMostData)
    return invalid(
        fmt::format("The collection MetricData must not have a size greater than {}", kMostData));
  std::vector<Datum> data;
  for (auto const& member : members) {
    auto datum = datum_of(form, *space, member);
    if (!datum) return std::unexpected(datum.error());
    data.push_back(*std::move(datum));
  }
  for (auto const& each : data)
    region_.metrics().add(each.metric, each.value, each.unit, caller.name);
  return "";
}

}  // namespace haagent::sim
