// The one place from which kubelet.service is restarted, and what is remembered of it: two rows ask
// for it, for a renewed certificate and for a kubelet that hangs, and the second one has a budget.
// The record is in /run, so that it outlives the agent and ends with the boot.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <mutex>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/files.h"
#include "agent/base/units.h"

namespace haagent::bootstrap::kube {

inline constexpr char kKubeletRestarts[] = "/run/haagent/kubelet-restarts.json";

enum class RestartCause { certificate, health };
std::string_view to_string(RestartCause cause);

struct KubeletRestart {
  Duration at{0};  // since boot: a clock that is set has no part in it
  RestartCause cause = RestartCause::certificate;
  pid_t pid = 0;  // of the process that was to end
  bool operator==(KubeletRestart const&) const = default;
};

struct KubeletRestartRecord {
  std::uint64_t certificate = 0;  // in this boot
  std::uint64_t health = 0;
  std::vector<KubeletRestart> last;  // oldest first; the last ones alone

  // For its health, within so long before `now`, which is since boot.
  int for_health_within(Duration time, Duration now) const;
  bool operator==(KubeletRestartRecord const&) const = default;
};

// A process that was asked to end may take so long; nobody asks for it again meanwhile.
inline constexpr Duration kKubeletEnds{120'000};

class KubeletRestarts {
 public:
  KubeletRestarts(Root root, Units& units) : root_(std::move(root)), units_(units) {}

  Result<KubeletRestartRecord> record();
  // Ends the process `pid` of the unit, which systemd starts anew. Nothing where the unit's process
  // is another one by now, or was asked to end for the other cause. It is noted before it is asked
  // for: an agent that dies in between counts one too many, and none too few.
  Result<void> restart(pid_t pid, RestartCause cause);

 private:
  std::mutex mutex_;
  Root root_;
  Units& units_;
};

}  // namespace haagent::bootstrap::kube
