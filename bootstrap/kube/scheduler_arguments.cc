#include "bootstrap/kube/scheduler_arguments.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <set>
#include <utility>
#include <vector>

#include "agent/base/nearest.h"
#include "bootstrap/kube/go_values.h"

namespace haagent::bootstrap::kube {
namespace {

constexpr double kNoEnd = std::numeric_limits<double>::infinity();

std::vector<Tree> const& items_at(Tree const& map, std::string_view key) {
  static std::vector<Tree> const none;
  auto const* list = map.find(key);
  return list ? list->items() : none;
}

}  // namespace

void SchedulerArguments::check(Tree const& item, bool runs, std::string const& path) {
  auto const* args = item.find("args");
  if (!args || !args->is_map()) return;
  auto below = path + ".args";
  auto name = item.text_at("name");
  if (name == "DefaultPreemption") preemption(*args, below);
  if (name == "InterPodAffinity") limits(*args, below, "hardPodAffinityWeight", 0, 100);
  if (name == "NodeAffinity") affinity(*args, below);
  if (name == "NodeResourcesBalancedAllocation") balanced(*args, below);
  // Its entry in the validation's map is misspelled: the plugin itself looks, when it is built.
  if (name == "NodeResourcesFit" && runs) fit(*args, below);
  if (name == "PodTopologySpread") spread(*args, below);
  if (name == "VolumeBinding") binding(*args, below);
  if (name == "DynamicResources" && since(34)) resources(*args, below);
}

void SchedulerArguments::limits(Tree const& args, std::string const& path, std::string_view key,
                                double least, double most) {
  auto value = number_of(args.find(key));
  if (!value || (*value >= least && *value <= most)) return;
  say_at(*args.find(key), fmt::format("{}.{}", path, key),
         most == kNoEnd ? fmt::format("must be {} at least", least)
                        : fmt::format("must be from {} to {}", least, most));
}

void SchedulerArguments::preemption(Tree const& args, std::string const& path) {
  limits(args, path, "minCandidateNodesPercentage", 0, 100);
  limits(args, path, "minCandidateNodesAbsolute", 0, kNoEnd);
  if (number_of(args.find("minCandidateNodesPercentage")).value_or(10) == 0 &&
      number_of(args.find("minCandidateNodesAbsolute")).value_or(100) == 0) {
    say_at(args, path + ".minCandidateNodesAbsolute",
           "may not be 0 where minCandidateNodesPercentage is 0 as well");
  }
}

void SchedulerArguments::binding(Tree const& args, std::string const& path) {
  limits(args, path, "bindTimeoutSeconds", 0, kNoEnd);
  auto const* points = args.find("shape");
  if (!points || points->is_null()) return;
  auto const* gate = since(33) ? "StorageCapacityScoring" : "VolumeCapacityPriority";
  if (!is_gate_on(gate)) {
    say_at(*points, path + ".shape", fmt::format("needs the feature gate {}", gate));
  } else if (!points->items().empty()) {
    shape(points, args, path + ".shape");
  }
}

void SchedulerArguments::shape(Tree const* points, Tree const& in, std::string const& path) {
  if (!points || points->items().empty()) {
    return say_at(in, path, "needs a point at least, such as {utilization: 0, score: 0}");
  }
  double before = -kNoEnd;
  for (std::size_t i = 0; i < points->items().size(); ++i) {
    auto const& point = points->items()[i];
    if (!is_item(point)) continue;
    auto below = fmt::format("{}[{}]", path, i);
    auto utilization = number_of(point.find("utilization")).value_or(0);
    if (utilization <= before) {
      say_at(point, below + ".utilization", "must be above that of the point before");
    }
    before = utilization;
    limits(point, below, "utilization", 0, 100);
    limits(point, below, "score", 0, 10);
  }
}

void SchedulerArguments::balanced(Tree const& args, std::string const& path) {
  std::set<std::string> seen;
  auto const& all = items_at(args, "resources");
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!is_item(all[i])) continue;
    auto below = fmt::format("{}.resources[{}]", path, i);
    if (auto name = all[i].text_at("name"); !seen.insert(name).second) {
      say_at(all[i], below + ".name", fmt::format("'{}' stands twice", name));
    }
    // 0 stands for the default, 1.
    if (auto weight = number_of(all[i].find("weight")).value_or(0); weight != 0 && weight != 1) {
      say_at(all[i], below + ".weight", "must be 1");
    }
  }
}

void SchedulerArguments::fit(Tree const& args, std::string const& path) {
  for (auto const* key : {"ignoredResources", "ignoredResourceGroups"}) {
    auto const& names = items_at(args, key);
    bool is_group = std::string_view(key) == "ignoredResourceGroups";
    for (std::size_t i = 0; i < names.size(); ++i) {
      auto name = text_of(&names[i]);
      if (!name || (is_label_name(*name) && !(is_group && name->contains('/')))) continue;
      say_at(names[i], fmt::format("{}.{}[{}]", path, key, i),
             fmt::format("'{}' is no {}", *name,
                         is_group ? "group such as example.com" : "resource's name"));
    }
  }
  auto const* strategy = args.find("scoringStrategy");
  if (strategy && strategy->is_map()) scoring(*strategy, path + ".scoringStrategy");
}

void SchedulerArguments::scoring(Tree const& strategy, std::string const& path) {
  static std::vector<std::string> const kTypes = {"LeastAllocated", "MostAllocated",
                                                  "RequestedToCapacityRatio"};
  auto const* type = strategy.find("type");
  // It has a default only where the whole strategy has.
  auto said = text_of(type);
  if (said && std::ranges::find(kTypes, *said) == kTypes.end()) {
    say_at(type ? *type : strategy, path + ".type",
           fmt::format("expected {}, found '{}'", fmt::join(kTypes, " or "), *said),
           did_you_mean(closest(*said, kTypes)));
  }
  auto const* ratio = strategy.find("requestedToCapacityRatio");
  bool has_ratio = ratio && !ratio->is_null();
  bool is_ratio = said == "RequestedToCapacityRatio";
  auto below = path + ".requestedToCapacityRatio";
  if (is_ratio && !has_ratio) {
    say_at(strategy, below, "is missing: the type RequestedToCapacityRatio needs it");
  } else if (has_ratio && !is_ratio && since(36)) {
    say_at(*ratio, below, "goes with the type RequestedToCapacityRatio, and with no other");
  } else if (has_ratio && ratio->is_map()) {
    shape(ratio->find("shape"), *ratio, below + ".shape");
  }
  auto const& all = items_at(strategy, "resources");
  for (std::size_t i = 0; i < all.size(); ++i) {
    // 0 stands for the default, 1.
    limits(all[i], fmt::format("{}.resources[{}]", path, i), "weight", 0, 100);
  }
}

void SchedulerArguments::spread(Tree const& args, std::string const& path) {
  auto const& constraints = items_at(args, "defaultConstraints");
  auto type = text_of(args.find("defaultingType"));
  if (type && type->empty()) type = "System";
  if (type && type != "List" && type != "System") {
    say_at(*args.find("defaultingType"), path + ".defaultingType", "expected List or System");
  }
  if (!constraints.empty() && type == "System") {
    say_at(*args.find("defaultConstraints"), path + ".defaultConstraints",
           "needs defaultingType: List");
  }
  std::set<std::pair<std::string, std::string>> seen;
  for (std::size_t i = 0; i < constraints.size(); ++i) {
    auto const& each = constraints[i];
    auto below = fmt::format("{}.defaultConstraints[{}]", path, i);
    if (!is_item(each)) continue;
    if (number_of(each.find("maxSkew")).value_or(0) <= 0) {
      say_at(each, below + ".maxSkew", "must be above zero");
    }
    auto key = each.text_at("topologyKey");
    if (!is_label_name(key)) {
      say_at(each, below + ".topologyKey", fmt::format("'{}' is no label's name", key));
    }
    auto when = each.text_at("whenUnsatisfiable");
    if (when != "DoNotSchedule" && when != "ScheduleAnyway") {
      say_at(each, below + ".whenUnsatisfiable", "expected DoNotSchedule or ScheduleAnyway");
    }
    if (auto const* labels = each.find("labelSelector"); labels && !labels->is_null()) {
      say_at(*labels, below + ".labelSelector", "a default has none; take it out");
    }
    if (!seen.emplace(key, when).second) {
      say_at(each, below, fmt::format("{} with {} stands twice", key, when));
    }
  }
}

void SchedulerArguments::resources(Tree const& args, std::string const& path) {
  auto period = [&](std::string_view key, double least, bool may, std::string_view gates) {
    auto const* value = args.find(key);
    if (!value || !value->is_string()) return;
    auto nanoseconds = go_duration(value->text());
    auto below = fmt::format("{}.{}", path, key);
    if (!may) {
      say_at(*value, below, fmt::format("needs the feature gates {}", gates));
    } else if (nanoseconds && static_cast<double>(*nanoseconds) < least * 1e9) {
      say_at(*value, below, fmt::format("must be {}s at least", least));
    }
  };
  period("filterTimeout", 0, is_gate_on("DRASchedulerFilterTimeout"), "DRASchedulerFilterTimeout");
  if (!since(35)) return;
  period("bindingTimeout", 1,
         is_gate_on("DRADeviceBindingConditions") && is_gate_on("DRAResourceClaimDeviceStatus"),
         "DRADeviceBindingConditions and DRAResourceClaimDeviceStatus");
}

void SchedulerArguments::affinity(Tree const& args, std::string const& path) {
  auto const* added = args.find("addedAffinity");
  if (!added) return;
  constexpr std::string_view kRequired = "requiredDuringSchedulingIgnoredDuringExecution";
  constexpr std::string_view kPreferred = "preferredDuringSchedulingIgnoredDuringExecution";
  if (auto const* required = added->find(kRequired)) {
    auto const& terms = items_at(*required, "nodeSelectorTerms");
    for (std::size_t i = 0; i < terms.size(); ++i) {
      term(terms[i], fmt::format("{}.addedAffinity.{}.nodeSelectorTerms[{}]", path, kRequired, i));
    }
  }
  auto const& preferred = items_at(*added, kPreferred);
  for (std::size_t i = 0; i < preferred.size(); ++i) {
    // Without a weight it is not read.
    auto const* preference = preferred[i].find("preference");
    if (!preference || number_of(preferred[i].find("weight")).value_or(0) == 0) continue;
    term(*preference, fmt::format("{}.addedAffinity.{}[{}].preference", path, kPreferred, i));
  }
}

void SchedulerArguments::term(Tree const& term, std::string const& path) {
  auto const& labels = items_at(term, "matchExpressions");
  for (std::size_t i = 0; i < labels.size(); ++i) {
    expression(labels[i], fmt::format("{}.matchExpressions[{}]", path, i));
  }
  auto const& fields = items_at(term, "matchFields");
  for (std::size_t i = 0; i < fields.size(); ++i) {
    field_expression(fields[i], fmt::format("{}.matchFields[{}]", path, i));
  }
}

// labels.NewRequirement.
void SchedulerArguments::expression(Tree const& expression, std::string const& path) {
  static std::vector<std::string> const kOperators = {"In",           "NotIn", "Exists",
                                                      "DoesNotExist", "Gt",    "Lt"};
  if (!is_item(expression)) return;
  auto op = expression.text_at("operator");
  auto key = expression.text_at("key");
  auto const& values = items_at(expression, "values");
  if (std::ranges::find(kOperators, op) == kOperators.end()) {
    return say_at(expression, path + ".operator",
                  fmt::format("expected {}, found '{}'", fmt::join(kOperators, " or "), op),
                  did_you_mean(closest(op, kOperators)));
  }
  if (!is_label_name(key)) {
    say_at(expression, path + ".key", fmt::format("'{}' is no label's name", key));
  }
  bool is_set = op == "In" || op == "NotIn";
  bool compares = op == "Gt" || op == "Lt";
  if (is_set && values.empty()) say_at(expression, path + ".values", "may not be empty");
  if (!is_set && !compares && !values.empty()) {
    say_at(expression, path + ".values", fmt::format("{} takes none", op));
  }
  if (compares && values.size() != 1) {
    say_at(expression, path + ".values", fmt::format("{} takes one", op));
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    auto value = text_of(&values[i]);
    if (!value || (is_label_value(*value) && (!compares || go_decimal(*value)))) continue;
    say_at(values[i], fmt::format("{}.values[{}]", path, i),
           fmt::format("'{}' is no {}", *value, compares ? "whole number" : "label's value"));
  }
}

void SchedulerArguments::field_expression(Tree const& expression, std::string const& path) {
  if (!is_item(expression)) return;
  auto op = expression.text_at("operator");
  if (op != "In" && op != "NotIn") {
    say_at(expression, path + ".operator", fmt::format("expected In or NotIn, found '{}'", op));
  } else if (items_at(expression, "values").size() != 1) {
    say_at(expression, path + ".values", "takes one");
  }
}

}  // namespace haagent::bootstrap::kube
