// Asks AWS and the network what instance.h judges. Nothing is changed: what would change something
// is asked with DryRun, or on a condition that never holds, or not at all.
#pragma once

#include <stop_token>

#include "agent/boot/collaborators.h"
#include "agent/preflight/finding.h"

namespace haagent::preflight {

Findings look_at_instance(Collaborators& machine, NodeConfig const& config,
                          Identity const& identity, std::stop_token stop);

// "10.0.0.10" of each line of `getent ahosts`, once each, in their order.
std::vector<std::string> addresses_in(std::string_view getent);

}  // namespace haagent::preflight
