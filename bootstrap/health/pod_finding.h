// What is made of what was seen of a static pod, decided.
#pragma once

#include <optional>
#include <string_view>

#include "agent/base/step.h"
#include "bootstrap/health/pod_log.h"
#include "bootstrap/health/probe.h"

namespace haagent::bootstrap::health {

struct PodSeen {
  Answer answer;
  bool runs = false;          // a process of it is there
  std::optional<PodLog> log;  // asked only where it is not well
};

// How its row names what is so.
struct PodReasons {
  std::string_view program;  // "kube-apiserver"
  Reason well;
  Reason not_well;
  Reason crash_loops;
};
inline constexpr PodReasons kApiserverReasons{"kube-apiserver", Reason::ApiserverReady,
                                              Reason::ApiserverNotReady,
                                              Reason::ApiserverCrashLoops};
inline constexpr PodReasons kKubeProxyReasons{"kube-proxy", Reason::KubeProxyHealthy,
                                              Reason::KubeProxyUnhealthy,
                                              Reason::KubeProxyCrashLoops};

// Done where it is well, else Waiting: the kubelet starts it, and starts it again. A container that
// has been started again and is gone now is said to end again and again, with its last words.
Finding pod_finding(PodReasons const& reasons, PodSeen const& seen);

}  // namespace haagent::bootstrap::health
