#include "bootstrap/kube/scheduler_rules.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "agent/base/nearest.h"
#include "bootstrap/kube/go_values.h"
#include "bootstrap/kube/tables.h"

namespace haagent::bootstrap::kube {
namespace {

constexpr double kNoEnd = std::numeric_limits<double>::infinity();

std::optional<double> number_at(Tree const& map, std::string_view key) {
  auto const* value = map.find(key);
  if (!value || value->type() != Tree::Type::number) return std::nullopt;
  return go_float(value->text());
}

}  // namespace

void SchedulerRules::check() {
  range("parallelism", 1, kNoEnd);
  range("percentageOfNodesToScore", 0, 100);
  range("clientConnection.burst", 0, kNoEnd);
  // Left out they are 1 and 10; a 0 that stands there is a 0.
  auto const first = number("podInitialBackoffSeconds").value_or(1);
  auto const last = number("podMaxBackoffSeconds").value_or(10);
  if (first <= 0) say("podInitialBackoffSeconds", "must be above zero");
  if (last < first) {
    say(number("podMaxBackoffSeconds") ? "podMaxBackoffSeconds" : "podInitialBackoffSeconds",
        fmt::format("the backoff of {}s at most is shorter than the first of {}s", last, first));
  }
  check_election();
  if (auto const* profiles = at("profiles")) check_profiles(*profiles);
  check_extenders();
}

void SchedulerRules::check_election() {
  auto const* elect = at("leaderElection.leaderElect");
  if (elect && elect->text() == "false") return;
  auto period = [&](std::string_view path, double fallback) {
    auto value = duration(path).value_or(0);
    return value == 0 ? fallback : value;
  };
  auto lease = period("leaderElection.leaseDuration", 15);
  auto renew = period("leaderElection.renewDeadline", 10);
  auto retry = period("leaderElection.retryPeriod", 2);
  for (auto const* path : {"leaderElection.leaseDuration", "leaderElection.renewDeadline",
                           "leaderElection.retryPeriod"}) {
    if (duration(path).value_or(0) < 0) say(path, "must be longer than nothing");
  }
  auto said = [&](std::initializer_list<std::string_view> paths) {
    for (auto path : paths) {
      if (at(path)) return path;
    }
    return *paths.begin();
  };
  if (lease <= renew) {
    say(said({"leaderElection.leaseDuration", "leaderElection.renewDeadline"}),
        fmt::format("a lease of {}s is not longer than the {}s in which it is renewed", lease,
                    renew));
  } else if (renew <= 1.2 * retry) {
    // leaderelection.NewLeaderElector: JitterFactor.
    say(said({"leaderElection.renewDeadline", "leaderElection.retryPeriod"}),
        fmt::format("{}s to renew in are not more than 1.2 times the {}s between tries", renew,
                    retry));
  }
  if (auto lock = text("leaderElection.resourceLock"); !lock.empty() && lock != "leases") {
    say("leaderElection.resourceLock", fmt::format("expected leases, found '{}'", lock));
  }
}

void SchedulerRules::check_profiles(Tree const& profiles) {
  std::map<std::string, std::size_t> seen;
  for (std::size_t i = 0; i < profiles.items().size(); ++i) {
    auto const& profile = profiles.items()[i];
    if (!profile.is_map()) continue;
    auto path = fmt::format("{}.profiles[{}]", path_, i);
    auto const* stated = profile.find("schedulerName");
    // One profile alone gets the default's name.
    bool defaulted = profiles.items().size() == 1;
    std::string name = stated && stated->is_string() ? stated->text() : "";
    if (name.empty() && !defaulted) {
      say_at(profile, path + ".schedulerName", "is missing: each of several profiles has a name");
    } else if (auto [other, is_new] = seen.emplace(name, i); !is_new) {
      say_at(stated ? *stated : profile, path + ".schedulerName",
             fmt::format("profiles[{}] has this name as well", other->second));
    }
    check_profile(profile, path);
  }
}

void SchedulerRules::check_profile(Tree const& profile, std::string const& path) {
  if (auto percent = number_at(profile, "percentageOfNodesToScore");
      percent && (*percent < 0 || *percent > 100)) {
    say_at(*profile.find("percentageOfNodesToScore"), path + ".percentageOfNodesToScore",
           "must be from 0 to 100");
  }
  if (auto const* plugins = profile.find("plugins"); plugins && plugins->is_map()) {
    check_plugins(*plugins, path + ".plugins");
  }
  auto const* arguments = profile.find("pluginConfig");
  std::set<std::string> seen;
  for (std::size_t i = 0; arguments && i < arguments->items().size(); ++i) {
    auto const& item = arguments->items()[i];
    auto below = fmt::format("{}.pluginConfig[{}]", path, i);
    if (!item.is_map()) continue;
    if (!seen.insert(item.text_at("name")).second) {
      say_at(item, below, fmt::format("{} stands twice", item.text_at("name")));
    }
    check_arguments(item, below);
  }
}

// A plugin that is not in the registry: "creating profile ...: plugin X does not exist".
void SchedulerRules::check_plugins(Tree const& plugins, std::string const& path) {
  auto words = tables().words.find("schedulerPlugin");
  if (words == tables().words.end()) return;
  auto known = names_in(words->second, version_.minor);
  for (auto const& point : plugins.entries()) {
    auto const* enabled = point.value.find("enabled");
    std::set<std::string> twice;
    for (std::size_t i = 0; enabled && i < enabled->items().size(); ++i) {
      auto const& plugin = enabled->items()[i];
      auto name = plugin.text_at("name");
      if (!plugin.is_map()) continue;
      if (!twice.insert(name).second) {
        say_at(plugin, fmt::format("{}.{}.enabled[{}]", path, point.key, i),
               fmt::format("{} stands twice", name));
      }
      // invalidPluginsByVersion: still in the registry of 1.31, and refused there.
      static std::vector<std::string> const kGone = {"AzureDiskLimits", "CinderLimits", "EBSLimits",
                                                     "GCEPDLimits"};
      bool gone = std::ranges::find(kGone, name) != kGone.end();
      if (!gone && std::ranges::find(known, name) != known.end()) continue;
      auto const* at_name = plugin.find("name");
      say_at(at_name ? *at_name : plugin, fmt::format("{}.{}.enabled[{}]", path, point.key, i),
             fmt::format("kube-scheduler {} has no plugin '{}'", to_string(version_), name),
             did_you_mean(closest(name, known)));
    }
  }
}

void SchedulerRules::check_arguments(Tree const& item, std::string const& path) {
  auto const* args = item.find("args");
  if (!args || !args->is_map()) return;
  auto below = path + ".args";
  auto limits = [&](std::string_view key, double least, double most) {
    auto value = number_at(*args, key);
    if (!value || (*value >= least && *value <= most)) return;
    say_at(*args->find(key), fmt::format("{}.{}", below, key),
           most == kNoEnd ? fmt::format("must be {} at least", least)
                          : fmt::format("must be from {} to {}", least, most));
  };
  auto name = item.text_at("name");
  if (name == "DefaultPreemption") {
    limits("minCandidateNodesPercentage", 0, 100);
    limits("minCandidateNodesAbsolute", 0, kNoEnd);
  }
  if (name == "NodeResourcesFit") check_scoring(*args, below);
  if (name == "InterPodAffinity") limits("hardPodAffinityWeight", 0, 100);
  if (name == "VolumeBinding") limits("bindTimeoutSeconds", 0, kNoEnd);
  if (name != "PodTopologySpread") return;
  auto const* constraints = args->find("defaultConstraints");
  auto const* type = args->find("defaultingType");
  if (type && type->is_string() && type->text() != "List" && type->text() != "System") {
    say_at(*type, below + ".defaultingType", "expected List or System");
  }
  bool system = !type || type->text() != "List";
  if (constraints && !constraints->items().empty() && system) {
    say_at(*constraints, below + ".defaultConstraints", "needs defaultingType: List");
  }
  for (std::size_t i = 0; constraints && i < constraints->items().size(); ++i) {
    auto const& each = constraints->items()[i];
    auto at_item = fmt::format("{}.defaultConstraints[{}]", below, i);
    if (!each.is_map()) continue;
    if (number_at(each, "maxSkew").value_or(0) <= 0) {
      say_at(each, at_item + ".maxSkew", "must be above zero");
    }
    if (auto key = each.text_at("topologyKey"); !is_label_name(key)) {
      say_at(each, at_item + ".topologyKey", fmt::format("'{}' is no label's name", key));
    }
    auto when = each.text_at("whenUnsatisfiable");
    if (when != "DoNotSchedule" && when != "ScheduleAnyway") {
      say_at(each, at_item + ".whenUnsatisfiable", "expected DoNotSchedule or ScheduleAnyway");
    }
    if (auto const* labels = each.find("labelSelector"); labels && !labels->is_null()) {
      say_at(*labels, at_item + ".labelSelector", "a default has none; take it out");
    }
  }
}

void SchedulerRules::check_scoring(Tree const& args, std::string const& path) {
  auto const* strategy = args.find("scoringStrategy");
  if (!strategy || !strategy->is_map()) return;
  auto below = path + ".scoringStrategy";
  static std::vector<std::string> const kTypes = {"LeastAllocated", "MostAllocated",
                                                  "RequestedToCapacityRatio"};
  auto const* type = strategy->find("type");
  auto said = strategy->text_at("type");
  // It has a default only where the whole strategy has.
  bool is_text = !type || type->is_null() || type->is_string();
  if (is_text && std::ranges::find(kTypes, said) == kTypes.end()) {
    say_at(type ? *type : *strategy, below + ".type",
           fmt::format("expected {}, found '{}'", fmt::join(kTypes, " or "), said),
           did_you_mean(closest(said, kTypes)));
  }
  bool has_ratio = strategy->find("requestedToCapacityRatio") != nullptr;
  if (has_ratio != (said == "RequestedToCapacityRatio")) {
    say_at(*strategy, below + ".requestedToCapacityRatio",
           "goes with the type RequestedToCapacityRatio, and with no other");
  }
  auto const* resources = strategy->find("resources");
  for (std::size_t i = 0; resources && i < resources->items().size(); ++i) {
    auto weight = number_at(resources->items()[i], "weight");
    // 0 stands for the default, 1.
    if (weight && (*weight < 0 || *weight > 100)) {
      say_at(resources->items()[i], fmt::format("{}.resources[{}].weight", below, i),
             "must be from 1 to 100");
    }
  }
}

void SchedulerRules::check_extenders() {
  auto const* extenders = at("extenders");
  int binders = 0;
  for (std::size_t i = 0; extenders && i < extenders->items().size(); ++i) {
    auto const& extender = extenders->items()[i];
    if (!extender.is_map()) continue;
    auto path = fmt::format("{}.extenders[{}]", path_, i);
    if (!extender.text_at("prioritizeVerb").empty() &&
        number_at(extender, "weight").value_or(0) <= 0) {
      say_at(extender, path + ".weight", "must be above zero where there is a prioritizeVerb");
    }
    if (!extender.text_at("bindVerb").empty() && ++binders == 2) {
      say_at(extender, path + ".bindVerb", "one extender alone can bind");
    }
  }
}

}  // namespace haagent::bootstrap::kube
