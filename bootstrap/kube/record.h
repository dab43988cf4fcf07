// Which files haagent has written, and what it wrote: so that a file of ours that the config no
// longer wants can be told from one that somebody else put there.
#pragma once

#include <map>
#include <string>

#include "agent/base/files.h"
#include "agent/base/result.h"

namespace haagent::bootstrap::kube {

inline constexpr char kRecord[] = "/var/lib/haagent/kube-files.json";

using Record = std::map<std::string, std::string>;  // path to content_hash of the bytes

// Empty where there is none. A record that does not parse is invalid.
Result<Record> read_record(Root const& root);
Result<void> write_record(Root const& root, Record const& record);

}  // namespace haagent::bootstrap::kube
