// Whether this master can read the add-ons that it is to apply: what the package ships for its
// version of Kubernetes, and what the state store has. Judged are the sources alone; how the
// add-ons are in the cluster says `haagent addons`.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "agent/base/state_store.h"
#include "agent/preflight/finding.h"
#include "bootstrap/addons/sources.h"

namespace haagent::preflight {

// Pure. No node waits for an add-on: what is wrong is a warning.
Findings judge_addons(std::vector<bootstrap::addons::WantedAddon> const& wanted);

// Of an instance, with its state store.
Findings look_at_addons(NodeConfig const& config, Root const& root, StateStore& store,
                        Identity const& identity, std::stop_token stop);
// Of an image, which has no state store yet: what the package ships. `kubernetes`: the version that
// the image is for; empty: it is not known.
Findings look_at_packaged_addons(NodeConfig config, Root const& root,
                                 std::string const& kubernetes);

}  // namespace haagent::preflight
