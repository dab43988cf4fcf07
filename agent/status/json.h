// The status file's JSON, which `haagent status -o json` prints and other masters read.
#pragma once

#include "agent/status/report.h"

namespace haagent {

Tree to_tree(StatusReport const& report);
// Errors: invalid.
Result<StatusReport> status_from_tree(Tree const& tree);

}  // namespace haagent
