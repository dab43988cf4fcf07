// What a component's own validation says of a document whose fields and types are good: ranges,
// words, and fields that exclude or need each other.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/kube_versions.h"
#include "bootstrap/kube/complaint.h"
#include "bootstrap/kube/component.h"
#include "bootstrap/kube/feature_gates.h"

namespace haagent::bootstrap::kube {

// Adds what stops the component. Where a rule needs a field that the overlay does not set, it takes
// what haagent renders there, or the component's default. Values of a wrong type are passed over:
// check_types tells them.
void check_rules(Component component, KubeVersion const& version, Tree const& overlay,
                 std::string const& path, std::vector<GateSetting> const& gates, Complaints& out);

// For the rules of one component.
class Rules {
 public:
  Rules(Component component, KubeVersion const& version, Tree const& overlay, std::string path,
        std::vector<GateSetting> const& gates, Complaints& out)
      : component_(component),
        version_(version),
        overlay_(overlay),
        path_(std::move(path)),
        gates_(gates),
        out_(out) {}

  void kubelet();
  void kube_proxy();
  void scheduler();

 private:
  // The value below the overlay, or null. Paths are "imageGCHighThresholdPercent",
  // "logging.format".
  Tree const* at(std::string_view path) const;
  std::optional<double> number(std::string_view path) const;
  std::optional<double> duration(std::string_view path) const;  // in seconds
  std::string text(std::string_view path) const;
  bool is_gate_on(std::string_view gate) const;
  bool since(int minor) const { return version_.minor >= minor; }

  void say(std::string_view path, std::string what, std::string hint = {});
  void say_at(Tree const& value, std::string path, std::string what, std::string hint = {});

  // Checks that say themselves what is wrong; nothing where the overlay has no such field.
  void range(std::string_view path, double least, double most);
  void duration_range(std::string_view path, double least, double most, std::string_view wanted);
  void word(std::string_view path, std::vector<std::string> const& words);
  void logging();
  void hidden_metrics();

  void kubelet_numbers();
  void kubelet_images();
  void kubelet_words();
  void kubelet_shutdown();
  void kubelet_evictions();
  void kubelet_reserved();
  void kubelet_gated();
  void kubelet_taints();
  void kubelet_tls();
  void kubelet_logs();
  void threshold(std::string_view map, Tree::Entry const& entry);
  void proxy_periods();
  void proxy_addresses();
  void proxy_detect_local();
  void scheduler_election();
  void scheduler_profiles(Tree const& profiles);
  void scheduler_profile(Tree const& profile, std::string const& path);
  void scheduler_plugins(Tree const& plugins, std::string const& path);
  void scheduler_arguments(Tree const& item, std::string const& path);
  void scheduler_scoring(Tree const& args, std::string const& path);
  void scheduler_extenders();

  Component component_;
  KubeVersion const& version_;
  Tree const& overlay_;
  std::string path_;
  std::vector<GateSetting> const& gates_;
  Complaints& out_;
};

}  // namespace haagent::bootstrap::kube
