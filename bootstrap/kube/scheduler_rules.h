// pkg/scheduler/apis/config/validation of k8s.io/kubernetes, and what kube-scheduler says when it
// builds its profiles and extenders after that.
#pragma once

#include <set>
#include <string>
#include <vector>

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
  void check_queue_sort(Tree const& profiles);
  void check_extenders();
  void check_managed(Tree const& extender, std::string const& path, std::set<std::string>& names);
  void check_tls(Tree const& extender, std::string const& path);

  // Profiles without arguments for NodeResourcesFit: those that neither run it nor state any.
  std::vector<std::string> without_fit_;
};

}  // namespace haagent::bootstrap::kube
