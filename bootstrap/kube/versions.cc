#include "bootstrap/kube/versions.h"

#include <array>

namespace haagent::bootstrap::kube {
namespace {

using enum Component;
using enum VersionRule::Form;

constexpr std::string_view kCloudFlags =
    "cloud providers are outside of Kubernetes: the kubelet and kube-controller-manager are told "
    "external already";
constexpr std::string_view kCadvisor = "it was cAdvisor's and has no successor";

// Held against the flag sets and types of the releases themselves (tests/integration/kube_strict).
constexpr std::array kRules = {
    VersionRule{apiserver, flag, "cloud-config", 0, 33, kCloudFlags},
    VersionRule{apiserver, flag, "cloud-provider", 0, 33, kCloudFlags},
    VersionRule{apiserver, flag, "requestheader-uid-headers", 32, 0, ""},
    VersionRule{apiserver, flag, "service-account-signing-endpoint", 32, 0, ""},
    VersionRule{apiserver, flag, "emulation-forward-compatible", 33, 0, ""},
    VersionRule{apiserver, flag, "runtime-config-emulation-forward-compatible", 33, 0, ""},
    VersionRule{apiserver, flag, "coordinated-leadership-lease-duration", 34, 0, ""},
    VersionRule{apiserver, flag, "coordinated-leadership-renew-deadline", 34, 0, ""},
    VersionRule{apiserver, flag, "coordinated-leadership-retry-period", 34, 0, ""},
    VersionRule{apiserver, flag, "min-compatibility-version", 35, 0, ""},
    VersionRule{apiserver, flag, "tls-curve-preferences", 36, 0, ""},
    VersionRule{controller_manager, flag, "concurrent-daemonset-syncs", 32, 0, ""},
    VersionRule{controller_manager, flag, "requestheader-uid-headers", 32, 0, ""},
    VersionRule{controller_manager, flag, "concurrent-device-taint-eviction-syncs", 35, 0, ""},
    VersionRule{controller_manager, flag, "controller-shutdown-timeout", 35, 0, ""},
    VersionRule{controller_manager, flag, "min-compatibility-version", 35, 0, ""},
    VersionRule{controller_manager, flag, "concurrent-resourceclaim-syncs", 36, 0, ""},
    VersionRule{controller_manager, flag, "tls-curve-preferences", 36, 0, ""},
    VersionRule{controller_manager, flag, "concurrent-disruption-syncs", 37, 0, ""},
    VersionRule{controller_manager, flag, "concurrent-service-syncs", 0, 37, kCloudFlags},
    VersionRule{scheduler, flag, "requestheader-uid-headers", 32, 0, ""},
    VersionRule{scheduler, flag, "min-compatibility-version", 35, 0, ""},
    VersionRule{scheduler, flag, "tls-curve-preferences", 36, 0, ""},
    VersionRule{kubelet, flag, "cloud-config", 0, 34, kCloudFlags},
    VersionRule{kubelet, flag, "register-schedulable", 0, 34, "use node.taints"},
    VersionRule{kubelet, flag, "pod-infra-container-image", 0, 35,
                "set the sandbox image in containerd's configuration"},
    VersionRule{kubelet, flag, "application-metrics-count-limit", 0, 37, kCadvisor},
    VersionRule{kubelet, flag, "boot-id-file", 0, 37, kCadvisor},
    VersionRule{kubelet, flag, "container-hints", 0, 37, kCadvisor},
    VersionRule{kubelet, flag, "containerd", 0, 37, kCadvisor},
    VersionRule{kubelet, flag, "containerd-namespace", 0, 37, kCadvisor},
    VersionRule{kubelet, flag, "enable-load-reader", 0, 37, kCadvisor},
    VersionRule{kubelet, flag, "event-storage-age-limit", 0, 37, kCadvisor},
    VersionRule{kubelet, flag, "event-storage-event-limit", 0, 37, kCadvisor},
    VersionRule{kubelet, flag, "global-housekeeping-interval", 0, 37, kCadvisor},
    VersionRule{kubelet, flag, "log-cadvisor-usage", 0, 37, kCadvisor},
    VersionRule{kubelet, flag, "machine-id-file", 0, 37, kCadvisor},
    VersionRule{kubelet, flag, "storage-driver-buffer-duration", 0, 37, kCadvisor},
    VersionRule{kubelet, flag, "storage-driver-db", 0, 37, kCadvisor},
    VersionRule{kubelet, flag, "storage-driver-host", 0, 37, kCadvisor},
    VersionRule{kubelet, flag, "storage-driver-password", 0, 37, kCadvisor},
    VersionRule{kubelet, flag, "storage-driver-secure", 0, 37, kCadvisor},
    VersionRule{kubelet, flag, "storage-driver-table", 0, 37, kCadvisor},
    VersionRule{kubelet, flag, "storage-driver-user", 0, 37, kCadvisor},
    VersionRule{kubelet, field, "crashLoopBackOff", 32, 0, ""},
    VersionRule{kubelet, field, "singleProcessOOMKill", 32, 0, ""},
    VersionRule{kubelet, field, "imagePullCredentialsVerificationPolicy", 33, 0, ""},
    VersionRule{kubelet, field, "mergeDefaultEvictionSettings", 33, 0, ""},
    VersionRule{kubelet, field, "preloadedImagesVerificationAllowlist", 33, 0, ""},
    VersionRule{kubelet, field, "userNamespaces", 33, 0, ""},
    VersionRule{kubelet, field, "memoryReservationPolicy", 36, 0, ""},
    VersionRule{kubelet, field, "tlsCurvePreferences", 36, 0, ""},
    VersionRule{kubelet, field, "defaultPodSysctls", 37, 0, ""},
};

}  // namespace

std::span<VersionRule const> version_rules() {
  return kRules;
}

std::string complaint_about(Component component, VersionRule::Form form, std::string_view name,
                            KubeVersion const& version) {
  for (auto const& rule : kRules) {
    if (rule.component != component || rule.form != form || rule.name != name) continue;
    bool gone = rule.until != 0 && version.minor >= rule.until;
    if (!gone && version.minor >= rule.from) continue;
    auto what = form == flag ? fmt::format("--{}", name) : std::string(name);
    auto sentence = gone ? fmt::format("{} {} has no {}: 1.{} took it away", program_of(component),
                                       to_string(version), what, rule.until)
                         : fmt::format("{} {} has no {}: it came with 1.{}", program_of(component),
                                       to_string(version), what, rule.from);
    sentence += form == flag ? ", and an unknown flag stops the program" : "";
    return rule.advice.empty() ? sentence + "; take it out"
                               : fmt::format("{}; take it out: {}", sentence, rule.advice);
  }
  return {};
}

}  // namespace haagent::bootstrap::kube
