// What a profile's pluginConfig holds: validation_pluginargs.go of
// k8s.io/kubernetes/pkg/scheduler/apis/config/validation, after the defaults of its v1.
#pragma once

#include <string>
#include <string_view>

#include "bootstrap/kube/rules.h"

namespace haagent::bootstrap::kube {

class SchedulerArguments final : public Rules {
 public:
  explicit SchedulerArguments(Rules const& rules) : Rules(rules) {}

  // An item of pluginConfig. Those of some plugins are looked at only where the profile runs them.
  void check(Tree const& item, bool runs, std::string const& path);

 private:
  void preemption(Tree const& args, std::string const& path);
  void binding(Tree const& args, std::string const& path);
  void balanced(Tree const& args, std::string const& path);
  void fit(Tree const& args, std::string const& path);
  void scoring(Tree const& strategy, std::string const& path);
  void shape(Tree const* points, Tree const& in, std::string const& path);
  void spread(Tree const& args, std::string const& path);
  void resources(Tree const& args, std::string const& path);
  void affinity(Tree const& args, std::string const& path);
  void term(Tree const& term, std::string const& path);
  void expression(Tree const& expression, std::string const& path);
  void field_expression(Tree const& expression, std::string const& path);
  void limits(Tree const& args, std::string const& path, std::string_view key, double least,
              double most);
};

}  // namespace haagent::bootstrap::kube
