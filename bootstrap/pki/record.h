// The paths of all that the steps of this folder have written, one a line: a purge of the package
// takes them away, and nobody else's. The dated files of the kubelet's pair stand there by the name
// of its link.
#pragma once

#include <set>
#include <string>

#include "agent/base/files.h"
#include "agent/base/result.h"

namespace haagent::bootstrap::pki {

inline constexpr char kPkiRecord[] = "/var/lib/haagent/pki-files";

// Before anything is written: what is there and not recorded would be left for ever. From any
// thread.
Result<void> add_to_pki_record(Root const& root, std::set<std::string> paths);

}  // namespace haagent::bootstrap::pki
