// What the kubelet demands of the kernel where protectKernelDefaults is set, as it is by default:
// it does not start where one differs. Source: pkg/kubelet/cm/container_manager_linux.go,
// setupKernelTunables(), the same from 1.31 to 1.37.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/base/files.h"
#include "agent/base/tree.h"

namespace haagent::bootstrap::kube {

struct KernelDefault {
  std::string_view name;  // of sysctl: "vm.overcommit_memory"
  std::string_view value;
};
inline constexpr KernelDefault kKernelDefaults[] = {
    {"vm.overcommit_memory", "1"},
    {"vm.panic_on_oom", "0"},
    {"kernel.panic", "10"},
    {"kernel.panic_on_oops", "1"},
    {"kernel.keys.root_maxkeys", "1000000"},
    {"kernel.keys.root_maxbytes", "25000000"},
};

// `kubelet_config` is the users' overlay, whose protectKernelDefaults: false takes the demand away.
// One that cannot be read says nothing.
// Errors (invalid): the kernel has other values, and the kubelet would not start.
Result<void> check_kernel_defaults(Root const& root, Tree const& kubelet_config);

}  // namespace haagent::bootstrap::kube
