// A manifest as people write it: documents of YAML, or JSON, each an object or a List of them.
#pragma once

#include <string_view>
#include <vector>

#include "bootstrap/addons/object.h"
#include "bootstrap/addons/placeholders.h"

namespace haagent::bootstrap::addons {

inline constexpr std::size_t kLongestManifest = 4u << 20u;
inline constexpr std::size_t kMostObjects = 1000;

// In their order; documents that hold nothing are passed over. What stands without quotes reads as
// Kubernetes reads it, and placeholders are filled in. Errors (invalid) name the document and the
// line.
Result<std::vector<WantedObject>> parse_manifest(std::string_view text, Values const& values = {});

}  // namespace haagent::bootstrap::addons
