// What the rules of every component's document work with: values by their path, and the complaints
// that several of them share.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/base/kube_versions.h"
#include "bootstrap/kube/complaint.h"
#include "bootstrap/kube/component.h"
#include "bootstrap/kube/feature_gates.h"

namespace haagent::bootstrap::kube {

// What the program reads where a text is expected: empty where nothing or null stands there;
// nothing where something of another type does, which check_types tells.
std::optional<std::string> text_of(Tree const* value);
std::optional<double> number_of(Tree const* value);  // nothing as well where it is missing or null

// A list's items that are maps: null stands for an empty one.
bool is_item(Tree const& value);

// A component's rules derive from it.
class Rules {
 protected:
  Rules(Component component, KubeVersion const& version, Tree const& overlay, std::string path,
        std::vector<GateSetting> const& gates, Complaints& out)
      : component_(component),
        version_(version),
        overlay_(overlay),
        path_(std::move(path)),
        gates_(gates),
        out_(out) {}

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
  void connection();
  void hidden_metrics();

  Component component_;
  KubeVersion const& version_;
  Tree const& overlay_;
  std::string path_;
  std::vector<GateSetting> const& gates_;
  Complaints& out_;
};

}  // namespace haagent::bootstrap::kube
