// Checks of meaning, over the merged config: what no single value can tell.
#pragma once

#include "agent/base/files.h"
#include "agent/base/node_config.h"
#include "agent/base/tree.h"
#include "agent/config/diagnostics.h"
#include "agent/config/load.h"

namespace haagent {

// `merged` gives the positions; where it lacks a key, the default is meant.
void check_meaning(NodeConfig const& config, Tree const& merged, Diagnostics& out);

// Files of the host that flags name and that are missing on this machine, each at its place. Not of
// the bytes alone, so that it stands apart.
void add_host_files(Root const& root, LoadedConfig& loaded, Severity severity);

}  // namespace haagent
