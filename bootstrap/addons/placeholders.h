// What a manifest may leave to the cluster that it is applied in: ${haagent:clusterDNS}.
#pragma once

#include <map>
#include <string>

#include "agent/base/tree.h"

namespace haagent::bootstrap::addons {

using Values = std::map<std::string, std::string, std::less<>>;

// In every text of the tree, whole or as a part of it; what is filled in stays a text. Errors
// (invalid): a name that is not known, with those that are; a placeholder in a key, or one that
// does not end.
Result<void> fill_in(Tree& tree, Values const& values);

}  // namespace haagent::bootstrap::addons
