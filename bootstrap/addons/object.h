// An object of Kubernetes as an add-on wants it: what it is called, and what it says.
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "agent/base/tree.h"

namespace haagent::bootstrap::addons {

inline constexpr char kFieldManager[] = "haagent";
inline constexpr char kModeAnnotation[] = "haagent.io/mode";
// On every object that is applied: by it people find what belongs together, and an object that says
// nothing but its name has a field that is haagent's.
inline constexpr char kAddonLabel[] = "haagent.io/addon";

// Which object, whatever version of its kind it is asked for in.
struct ObjectId {
  std::string group;  // empty: the core group
  std::string kind;
  std::string space;  // its namespace; empty: of the whole cluster
  std::string name;
  auto operator<=>(ObjectId const&) const = default;
};
// "Deployment kube-system/coredns", "CustomResourceDefinition widgets.example.com"
std::string to_string(ObjectId const& id);

enum class Mode {
  reconcile,      // kept as the add-on says
  ensure_exists,  // made where it is missing, and never touched afterwards
};

struct WantedObject {
  ObjectId id;
  std::string version;  // of its API: "v1"
  Mode mode = Mode::reconcile;
  Tree object;
  std::string digest;  // of the object
  int document = 0;    // where it stands in its manifest, from 1
  int line = 0;
};

// "apps/v1", "v1"
std::string api_version(std::string_view group, std::string_view version);

bool is_namespace(ObjectId const& id);
bool is_definition(ObjectId const& id);  // of custom resources

// When it is applied: what others need comes first, and what the apiserver asks about every other
// object comes last.
enum class Turn { spaces, definitions, others, hooks };
Turn turn_of(ObjectId const& id);

}  // namespace haagent::bootstrap::addons
