// How many etcd members a cluster may state. Two masters, or any even number, gain nothing.
#pragma once

#include <cstddef>

#include "agent/base/result.h"

namespace haagent {

// Members as the volume tags (or anything else) state them: odd is right. Zero and even numbers are
// `invalid`, with a sentence that says why and which numbers would be right.
Result<void> check_member_count(std::size_t members);

}  // namespace haagent
