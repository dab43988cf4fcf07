#include "bootstrap/health/kubelet_health_step.h"

#include "agent/base/last_words.h"
#include "bootstrap/health/kubelet_finding.h"
#include "bootstrap/kube/serving_places.h"
#include "bootstrap/layout/names.h"

namespace haagent::bootstrap::health {
namespace {

// A machine whose kubelet is called otherwise has no such unit, and neither has one without
// systemd. The row waits for the kubelet's own word anyhow.
std::optional<UnitState> kubelet_unit(Units& units) {
  if (!units.is_systemd()) return std::nullopt;
  auto state = units.state(kKubeletUnit);
  if (!state) return std::nullopt;
  return *std::move(state);
}

// The words make the sentence better, and nothing hangs on them.
std::string words_in_journal(Process& process, std::stop_token stop) {
  auto const read = process.run(
      {.argv = {"journalctl", "--quiet", "--no-pager", "-u", kKubeletUnit, "-n", "40", "-o", "cat"},
       .environment = {},
       .input = {},
       .deadline = Duration(5'000),
       .output_cap = 64u << 10u},
      std::move(stop));
  return read && read->exit_code == 0 ? last_words(read->out) : "";
}

}  // namespace

Result<Finding> KubeletHealthStep::look(Facts& facts, std::stop_token stop) {
  auto const identity = TRY(facts.identity.require("identity"));
  auto const places = TRY(kube::serving_places(deps_.config, identity));
  KubeletSeen seen;
  if (places.kubelet) seen.answer = TRY(probe(deps_.http, *places.kubelet, {}, stop));
  if (!seen.answer || seen.answer->is == Answer::Is::well) return kubelet_finding(seen);
  seen.unit = kubelet_unit(units_);
  // How a run has ended is in the unit's state already.
  if (seen.unit && seen.unit->phase == UnitState::Phase::running)
    seen.words = words_in_journal(process_, std::move(stop));
  return kubelet_finding(seen);
}

}  // namespace haagent::bootstrap::health
