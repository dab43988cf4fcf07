// What is to be done about a kubelet that is not well, decided.
//
// A kubelet that hangs answers no more and never ends by itself: its pods go on, and nothing is
// started or ended on its node. A restart helps, and its pods do not notice. What a restart does
// not help is left alone: a kubelet that systemd is about to start, one whose container runtime is
// down, and one that waits for an apiserver.
#pragma once

#include <optional>

#include "agent/base/clock.h"
#include "agent/base/units.h"

namespace haagent::bootstrap::health {

struct KubeletWatched {
  bool well = true;                      // or it has no healthz
  std::optional<UnitState::Phase> unit;  // kubelet.service; nothing: there is none to restart
  Duration up{0};                        // since its process began
  bool was_well = false;                 // this process, since then
  int looks = 0;                         // that found it not well, one after the other
  Duration unwell_for{0};
  bool runtime_up = true;                 // containerd.service, where there is one
  bool apiserver_answers = true;          // of importance until it was well once
  std::optional<Duration> since_restart;  // by haagent, for whatever cause
  int restarts = 0;                       // by haagent for its health, within kRestartsIn
};

enum class WatchMove {
  none,     // it is well
  wait,     // it may get well by itself
  leave,    // a restart is nothing that helps
  restart,  // it hangs
  spent,    // it hangs, and was restarted so often that it is not once more
};

inline constexpr Duration kUnwellFor{60'000};
inline constexpr int kUnwellLooks = 5;
// From its start until it was well once: it reads its volumes and waits for its runtime.
inline constexpr Duration kFirstGrace{15 * 60'000};
// After a restart.
inline constexpr Duration kRestartGrace{3 * 60'000};
inline constexpr Duration kRestartsIn{3'600'000};
inline constexpr int kRestarts = 3;

WatchMove decide_kubelet_watch(KubeletWatched const& seen);

}  // namespace haagent::bootstrap::health
