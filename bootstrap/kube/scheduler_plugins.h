// Which plugins a profile runs at which extension point, as kube-scheduler works it out:
// mergePluginSet, pluginsNeeded, updatePluginList and expandMultiPointPlugins of
// k8s.io/kubernetes/pkg/scheduler.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "bootstrap/kube/rules.h"

namespace haagent::bootstrap::kube {

class SchedulerPlugins final : public Rules {
 public:
  explicit SchedulerPlugins(Rules const& rules) : Rules(rules) {}

  // Says what is wrong with a profile's plugins (null: it states none), and gives the names of
  // those that it runs at any point.
  std::set<std::string> check(Tree const* plugins, Tree const& profile, std::string const& path);

  // Taken away: still in the registry of 1.31, and refused there.
  static bool is_gone(std::string_view name);

 private:
  struct Plugin {
    std::string name;
    double weight = 0;
    Tree const* at = nullptr;  // null: one of the default
    std::string path;
  };
  struct Set {
    std::vector<Plugin> enabled;
    std::set<std::string> disabled;
  };

  Set set_at(Tree const* plugins, std::string const& point, std::string const& path) const;
  std::vector<Plugin> defaults() const;
  Set multi_point(Tree const* plugins, std::string const& path) const;
  bool is_known(Plugin const& plugin) const;
  bool stands_at(std::string const& name, std::string_view point) const;
  void say_of(Plugin const& plugin, std::string what, std::string hint = {});
  void check_names(Set const& set, std::string const& point);
  std::size_t expand(Set const& set, Set const& multi, std::string_view point);
  void check_weights(std::vector<Plugin> plugins, Set const& multi, std::string_view point);
};

}  // namespace haagent::bootstrap::kube
