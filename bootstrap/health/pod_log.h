// The log of a static pod's container, as the kubelet and containerd keep it:
// /var/log/pods/kube-system_<program>-<node>_<uid>/<program>/<attempt>.log
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "agent/base/clock.h"
#include "agent/base/files.h"

namespace haagent::bootstrap::health {

inline constexpr char kPodLogs[] = "/var/log/pods";

struct PodLog {
  int attempt = 0;    // how often the container was started again; 0: it is the first
  std::string words;  // its last ones, on one line; empty: it said nothing
  UtcTime written{};  // when it said something last
};

// Of the newest container of the program's pod on this node, in this boot: a kubelet goes on
// counting where it was before a reboot. Nothing where it has not run, or where no log can be read:
// the words make a sentence better, and nothing hangs on them. `now` is what the boot is counted
// back from.
std::optional<PodLog> newest_pod_log(Root const& root, std::string_view program,
                                     std::string_view node, UtcTime now);

// The lines of a log in CRI's form without their heads ("2026-01-15T10:15:00.123456789Z stderr F
// "); a line that was written in parts (P) is whole again.
std::string without_cri_heads(std::string_view log);

}  // namespace haagent::bootstrap::health
