#pragma once

#include <string_view>

namespace haagent {

// From project(VERSION) in CMakeLists.txt.
extern std::string_view const kVersion;

}  // namespace haagent
