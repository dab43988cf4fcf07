// The Kubernetes versions that haagent writes configs for. The range stands here and nowhere else.
#pragma once

#include <string>
#include <string_view>

#include "agent/base/result.h"

namespace haagent {

inline constexpr int kOldestKubeMinor = 31;
inline constexpr int kNewestKubeMinor = 37;

struct KubeVersion {
  int minor = 0;       // 33 of 1.33.2
  int patch = 0;       // 2
  std::string suffix;  // "-rc.1", "-eks-5e0fdde", "+k3s1"; empty for a release
  bool operator==(KubeVersion const&) const = default;
};

// "1.33.2" with an optional suffix. Errors (invalid): not of this shape, or out of the range above;
// the sentence says what would be right.
Result<KubeVersion> parse_kube_version(std::string_view text);

// The same of any minor: what other nodes say of themselves, as "1.33.2" or "v1.33.2".
Result<KubeVersion> read_kube_version(std::string_view text);

std::string to_string(KubeVersion const& version);

}  // namespace haagent
