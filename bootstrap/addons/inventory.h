// What an add-on has in the cluster, and whose word made it so: one ConfigMap in kube-system for
// each add-on, which is written only when something of it changes. What is taken away is taken by
// this list and by the uids in it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "bootstrap/addons/object.h"

namespace haagent::bootstrap::addons {

enum class Origin {
  built_in,  // in the program
  packaged,  // on this machine, with the package
  store,     // in the state store
  off,       // the configuration says that it is not wanted
  gone,      // nobody has it (any more)
};
std::string_view to_string(Origin origin);
std::optional<Origin> parse_origin(std::string_view text);

// Which content a master wants of an add-on, and since when.
struct Claim {
  Origin origin = Origin::gone;
  std::string version;  // of haagent and of Kubernetes, where either has a say: "0.1.0 1.36"
  UtcTime since{};
  std::string digest;  // of all of its objects; empty: it wants none
  bool operator==(Claim const&) const = default;
};

struct InventoryEntry {
  ObjectId id;
  std::string version;   // of its API
  std::string uid = {};  // empty: about to be applied
  auto operator<=>(InventoryEntry const&) const = default;
};

struct Inventory {
  std::string addon;
  Claim claim;
  std::vector<InventoryEntry> entries;  // in the order of their ids
  std::string resource_version = {};    // of the ConfigMap; empty: there is none
};

inline constexpr char kInventoryNamespace[] = "kube-system";
inline constexpr char kInventoryLabel[] = "haagent.io/inventory";
inline constexpr std::size_t kLargestInventory = 900u << 10u;  // etcd takes 1.5 MiB, ConfigMaps 1

std::string inventory_name(std::string_view addon);

// Errors (invalid): too many objects for one ConfigMap.
Result<Tree> inventory_object(Inventory const& inventory);
Result<Inventory> read_inventory(Tree const& config_map);

}  // namespace haagent::bootstrap::addons
