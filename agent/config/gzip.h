// gzip, unpacked within a bound.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "agent/base/result.h"

namespace haagent {

bool is_gzip(std::string_view bytes);

// All members of the stream. Errors (invalid): broken, cut off, followed by what is not blank,
// or more than cap bytes unpacked.
Result<std::string> gunzip(std::string_view bytes, std::size_t cap);

}  // namespace haagent
