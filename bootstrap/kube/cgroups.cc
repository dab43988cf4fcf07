#include "bootstrap/kube/cgroups.h"

#include <filesystem>

namespace haagent::bootstrap::kube {
namespace {

constexpr int kRefusedFromMinor = 35;
// The kernel ends all processes of a container together on cgroup v2 alone.
constexpr int kOneProcessFromMinor = 32;

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
  auto const* alone = kubelet_config.find("singleProcessOOMKill");
  bool const groups =
      version.minor >= kOneProcessFromMinor && alone && !alone->as_boolean().value_or(true);
  if ((!refuses && !groups) || !has_cgroup_v1(root)) return {};
  if (!refuses)
    return std::unexpected(Error(
        Kind::invalid, Message(Reason::KubeletWouldNotStart,
                               fmt::format("this machine has cgroup v1, where kubelet {} does "
                                           "not start with 'singleProcessOOMKill: false'",
                                           to_string(version)),
                               "take it out of kubelet.config, or boot with "
                               "systemd.unified_cgroup_hierarchy=1")));
  return std::unexpected(Error(
      Kind::invalid,
      Message(Reason::KubeletWouldNotStart,
              fmt::format("this machine has cgroup v1, and kubelet {} does not start on it",
                          to_string(version)),
              "boot with systemd.unified_cgroup_hierarchy=1, or set failCgroupV1: false under "
              "kubelet.config")));
}

}  // namespace haagent::bootstrap::kube
