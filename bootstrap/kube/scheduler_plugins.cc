#include "bootstrap/kube/scheduler_plugins.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <map>

#include "agent/base/nearest.h"
#include "bootstrap/kube/go_values.h"
#include "bootstrap/kube/tables.h"

namespace haagent::bootstrap::kube {
namespace {

constexpr std::string_view kWords = "schedulerPlugin.";

}  // namespace

bool SchedulerPlugins::is_gone(std::string_view name) {
  // invalidPluginsByVersion.
  static constexpr std::array<std::string_view, 4> kGone = {"AzureDiskLimits", "CinderLimits",
                                                            "EBSLimits", "GCEPDLimits"};
  return std::ranges::find(kGone, name) != kGone.end();
}

std::set<std::string> SchedulerPlugins::check(Tree const* plugins, Tree const& profile,
                                              std::string const& path) {
  std::set<std::string> runs;
  auto run = [&](Set const& set) {
    for (auto const& plugin : set.enabled) runs.insert(plugin.name);
  };
  auto const multi = multi_point(plugins, path);
  run(multi);
  for (auto const& plugin : multi.enabled) {
    if (!is_known(plugin)) {
      say_of(plugin,
             fmt::format("kube-scheduler {} has no plugin '{}'", to_string(version_), plugin.name));
    }
  }
  std::map<std::string_view, std::size_t> counts;
  for (auto const& [what, rows] : tables().words) {
    if (!what.starts_with(kWords) || what == "schedulerPlugin.default") continue;
    auto point = std::string(what.substr(kWords.size()));
    auto const set = set_at(plugins, point, path);
    run(set);
    check_names(set, point);
    counts[what.substr(kWords.size())] = expand(set, multi, point);
    if (point == "score" || point == "placementScore") check_weights(set.enabled, multi, point);
  }
  auto const& place = plugins && plugins->is_map() ? *plugins : profile;
  if (counts["queueSort"] != 1) {
    say_at(place, path + ".queueSort",
           fmt::format("one plugin sorts the queue, and {} are enabled", counts["queueSort"]));
  }
  if (counts["bind"] == 0) say_at(place, path + ".bind", "no plugin is left that binds");
  if (counts["placementGenerate"] > 1) {
    say_at(place, path + ".placementGenerate", "takes one plugin at most");
  }
  return runs;
}

SchedulerPlugins::Set SchedulerPlugins::set_at(Tree const* plugins, std::string const& point,
                                               std::string const& path) const {
  Set set;
  auto const* stated = plugins ? plugins->find(point) : nullptr;
  if (!stated || !stated->is_map()) return set;
  auto const* enabled = stated->find("enabled");
  for (std::size_t i = 0; enabled && i < enabled->items().size(); ++i) {
    auto const& item = enabled->items()[i];
    if (!is_item(item)) continue;
    set.enabled.push_back({.name = item.text_at("name"),
                           .weight = number_of(item.find("weight")).value_or(0),
                           .at = &item,
                           .path = fmt::format("{}.{}.enabled[{}]", path, point, i)});
  }
  auto const* disabled = stated->find("disabled");
  for (std::size_t i = 0; disabled && i < disabled->items().size(); ++i) {
    set.disabled.insert(disabled->items()[i].text_at("name"));
  }
  return set;
}

// The rows are "07/NodeAffinity/2": its place in the order, and its weight.
std::vector<SchedulerPlugins::Plugin> SchedulerPlugins::defaults() const {
  std::vector<Plugin> all;
  auto rows = tables().words.find("schedulerPlugin.default");
  if (rows == tables().words.end()) return all;
  for (auto const& row : names_in(rows->second, version_.minor)) {
    auto last = row.rfind('/');
    auto first = row.find('/');
    all.push_back({.name = row.substr(first + 1, last - first - 1),
                   .weight = go_float(std::string_view(row).substr(last + 1)).value_or(0)});
  }
  return all;
}

// mergePluginSet: what is stated replaces the default where that stands, and the rest follows.
SchedulerPlugins::Set SchedulerPlugins::multi_point(Tree const* plugins,
                                                    std::string const& path) const {
  auto stated = set_at(plugins, "multiPoint", path);
  Set merged{.enabled = {}, .disabled = stated.disabled};
  std::set<std::size_t> taken;
  for (auto& plugin : defaults()) {
    if (stated.disabled.contains("*") || stated.disabled.contains(plugin.name)) continue;
    // The last of several of that name.
    for (auto i = stated.enabled.size(); i > 0; --i) {
      if (stated.enabled[i - 1].name != plugin.name) continue;
      taken.insert(i - 1);
      plugin = stated.enabled[i - 1];
      break;
    }
    merged.enabled.push_back(std::move(plugin));
  }
  for (std::size_t i = 0; i < stated.enabled.size(); ++i) {
    if (!taken.contains(i)) merged.enabled.push_back(stated.enabled[i]);
  }
  return merged;
}

bool SchedulerPlugins::is_known(Plugin const& plugin) const {
  if (!plugin.at) return true;
  auto rows = tables().words.find("schedulerPlugin");
  if (rows == tables().words.end()) return true;
  return std::ranges::any_of(rows->second, [&](WordRow const& row) {
    return row.name == plugin.name && row.in.has(version_.minor);
  });
}

bool SchedulerPlugins::stands_at(std::string const& name, std::string_view point) const {
  auto rows = tables().words.find(std::string(kWords) + std::string(point));
  return rows != tables().words.end() && std::ranges::any_of(rows->second, [&](WordRow const& row) {
           return row.name == name && row.in.has(version_.minor);
         });
}

void SchedulerPlugins::say_of(Plugin const& plugin, std::string what, std::string hint) {
  auto rows = tables().words.find("schedulerPlugin");
  auto const* name = plugin.at->find("name");
  if (hint.empty() && rows != tables().words.end() && !is_known(plugin)) {
    hint = did_you_mean(closest(plugin.name, names_in(rows->second, version_.minor)));
  }
  say_at(name ? *name : *plugin.at, plugin.path, std::move(what), std::move(hint));
}

// updatePluginList: "plugin X does not extend Filter plugin".
void SchedulerPlugins::check_names(Set const& set, std::string const& point) {
  std::set<std::string> seen;
  for (auto const& plugin : set.enabled) {
    if (is_gone(plugin.name) || !is_known(plugin)) {
      say_of(plugin,
             fmt::format("kube-scheduler {} has no plugin '{}'", to_string(version_), plugin.name));
    } else if (!stands_at(plugin.name, point)) {
      say_of(plugin, fmt::format("{} has nothing to do at {}", plugin.name, point));
    } else if (!seen.insert(plugin.name).second) {
      say_of(plugin, fmt::format("{} stands twice", plugin.name));
    }
  }
}

// expandMultiPointPlugins, for one point; how many plugins stand there in the end.
std::size_t SchedulerPlugins::expand(Set const& set, Set const& multi, std::string_view point) {
  std::set<std::string> own;
  for (auto const& plugin : set.enabled) own.insert(plugin.name);
  if (set.disabled.contains("*")) return own.size();
  std::set<std::string> added;
  for (auto const& plugin : multi.enabled) {
    if (!stands_at(plugin.name, point) || set.disabled.contains(plugin.name) ||
        own.contains(plugin.name)) {
      continue;
    }
    if (!added.insert(plugin.name).second && plugin.at) {
      say_of(plugin, fmt::format("{} stands twice", plugin.name));
    }
  }
  return own.size() + added.size();
}

// getValidScoreWeights: once the sum is below zero, any further weight "could overflow".
void SchedulerPlugins::check_weights(std::vector<Plugin> plugins, Set const& multi,
                                     std::string_view point) {
  std::ranges::copy(multi.enabled, std::back_inserter(plugins));
  double sum = 0;
  Plugin const* below = nullptr;
  std::set<std::string> seen;
  for (auto const& plugin : plugins) {
    if (!stands_at(plugin.name, point) || !seen.insert(plugin.name).second) continue;
    if (sum < 0 && below) {
      say_of(*below,
             fmt::format("the weight {} takes the sum of weights below zero", below->weight));
      return;
    }
    sum += plugin.weight == 0 ? 1 : plugin.weight;
    if (sum < 0 && plugin.at) below = &plugin;
  }
}

}  // namespace haagent::bootstrap::kube
