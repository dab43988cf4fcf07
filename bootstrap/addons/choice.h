// Where each add-on comes from, by the configuration and by what the sources have: pure.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/base/message.h"
#include "agent/base/node_config.h"
#include "agent/base/tree.h"
#include "bootstrap/addons/inventory.h"

namespace haagent::bootstrap::addons {

// The names that each source has.
struct Offers {
  std::set<std::string> packaged;
  std::set<std::string> networks;              // packaged too: pod networks, of which one is chosen
  std::optional<std::set<std::string>> store;  // nothing: it has not said yet
};

struct Choice {
  Origin origin = Origin::gone;
  std::optional<Message> trouble = {};  // nothing of the add-on is touched
};

// One for each name that the configuration or a source has.
std::map<std::string, Choice> choose(NodeConfig const& config, Offers const& offers);

// Whether it may name an add-on: it becomes a part of the name of a ConfigMap and of a key in the
// state store.
bool is_addon_name(std::string_view name);

// Of "1.36.yaml", "1.34-1.36.yaml" and "1.37-.yaml", which is for this minor. Errors (invalid):
// several are; nothing where none is.
Result<std::optional<std::string>> file_for(std::vector<std::string> const& files, int minor);

// Of {"1.31": "coredns/coredns:v1.11.3", "1.34": ...}, which says from which minor on: for this
// one. Errors: invalid.
Result<std::string> image_for(Tree const& images, int minor);

}  // namespace haagent::bootstrap::addons
