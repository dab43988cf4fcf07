// pkg/scheduler/apis/config/validation of k8s.io/kubernetes, and the registry of its plugins.
#pragma once

#include "bootstrap/kube/rules.h"

namespace haagent::bootstrap::kube {

class SchedulerRules final : public Rules {
 public:
  SchedulerRules(Component component, KubeVersion const& version, Tree const& overlay,
                 std::string path, std::vector<GateSetting> const& gates, Complaints& out)
      : Rules(component, version, overlay, std::move(path), gates, out) {}
  void check();

 private:
  void check_election();
  void check_profiles(Tree const& profiles);
  void check_profile(Tree const& profile, std::string const& path);
  void check_plugins(Tree const& plugins, std::string const& path);
  void check_arguments(Tree const& item, std::string const& path);
  void check_scoring(Tree const& args, std::string const& path);
  void check_extenders();
};

}  // namespace haagent::bootstrap::kube
