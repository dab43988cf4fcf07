#include "agent/runtime/version.h"

namespace haagent {
std::string_view const kVersion = HAAGENT_VERSION;
}  // namespace haagent
