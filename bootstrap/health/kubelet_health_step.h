// The row `kubelet-health`: the kubelet says at its healthz that it is well, and one that hangs is
// restarted.
#pragma once

#include <optional>

#include "agent/base/process.h"
#include "agent/base/row_names.h"
#include "agent/base/step.h"
#include "agent/base/units.h"
#include "bootstrap/health/kubelet_finding.h"
#include "bootstrap/health/kubelet_watch.h"
#include "bootstrap/health/pod_steps.h"
#include "bootstrap/kube/kubelet_restarts.h"
#include "bootstrap/kube/serving_places.h"

namespace haagent::bootstrap::health {

struct KubeletHealthDeps {
  HealthDeps health;
  Units& units;
  Process& process;
  kube::KubeletRestarts& restarts;
};

// Reads the fact identity, sets the fact kubelet. Before it restarts a kubelet it keeps what its
// goroutines stand at, where they are shown.
class KubeletHealthStep final : public Step {
 public:
  explicit KubeletHealthStep(KubeletHealthDeps deps) : deps_(std::move(deps)) {}
  std::string_view name() const override { return row_names::kKubeletHealth; }
  Result<Finding> look(Facts& facts, std::stop_token stop) override;

 private:
  KubeletSeen see(Answer const& answer, std::stop_token stop);
  Result<KubeletWatched> watch(kube::ServingPlaces const& places, KubeletSeen const& seen,
                               kube::KubeletRestartRecord const& record, std::stop_token stop);
  Result<std::optional<Duration>> up_for(pid_t pid);
  Finding with_move(WatchMove move, KubeletSeen const& seen, KubeletWatched const& watched,
                    std::string const& server);
  Result<void> restart(pid_t pid, std::string const& server, std::stop_token stop);

  KubeletHealthDeps deps_;
  Places places_;
  std::optional<SteadyTime> last_well_;
  std::optional<SteadyTime> unwell_since_;
  int looks_ = 0;     // since then
  std::string dump_;  // of the last restart; why there is none, where there is none
};

}  // namespace haagent::bootstrap::health
