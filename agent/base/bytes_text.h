#pragma once

#include <cstdint>
#include <string>

namespace haagent {

// "1.5 GiB"
std::string bytes_text(std::uint64_t bytes);

}  // namespace haagent
