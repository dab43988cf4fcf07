#include "bootstrap/kube/cgroups.h"

#include <filesystem>

namespace haagent::bootstrap::kube {
namespace {

constexpr int kRefusedFromMinor = 35;

// Both signs: where neither is seen, nothing is mounted there, which says nothing.
bool has_cgroup_v1(Root const& root) {
  std::error_code ignored;
  return std::filesystem::exists(root("/sys/fs/cgroup/memory"), ignored) &&
         !std::filesystem::exists(root("/sys/fs/cgroup/cgroup.controllers"), ignored);
}

}  // namespace

Result<void> check_cgroups(Root const& root, KubeVersion const& version,
                           Tree const& kubelet_config) {
  auto const* stated = kubelet_config.find("failCgroupV1");
  bool const refuses =
      stated ? stated->as_boolean().value_or(true) : version.minor >= kRefusedFromMinor;
  if (!refuses || !has_cgroup_v1(root)) return {};
  return fail(Kind::invalid,
              "this machine has cgroup v1, and kubelet {} does not start on it: boot with "
              "systemd.unified_cgroup_hierarchy=1, or set failCgroupV1: false under kubelet.config",
              to_string(version));
}

}  // namespace haagent::bootstrap::kube
