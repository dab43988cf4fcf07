#include "bootstrap/health/kubelet_watch.h"

namespace haagent::bootstrap::health {

WatchMove decide_kubelet_watch(KubeletWatched const& seen) {
  if (seen.well) return WatchMove::none;
  // One that has ended is systemd's to start, and one that was stopped, the operator's.
  if (seen.unit != UnitState::Phase::running || !seen.runtime_up) return WatchMove::leave;
  if (!seen.was_well && (seen.up < kFirstGrace || !seen.apiserver_answers)) return WatchMove::wait;
  if (seen.looks < kUnwellLooks || seen.unwell_for < kUnwellFor) return WatchMove::wait;
  if (seen.since_restart && *seen.since_restart < kRestartGrace) return WatchMove::wait;
  return seen.restarts < kRestarts ? WatchMove::restart : WatchMove::spent;
}

}  // namespace haagent::bootstrap::health
