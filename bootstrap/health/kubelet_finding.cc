#include "bootstrap/health/kubelet_finding.h"

#include <fmt/format.h>

#include "agent/base/one_line.h"
#include "bootstrap/layout/names.h"

namespace haagent::bootstrap::health {
namespace {

constexpr std::size_t kKubeletWords = 300;

std::string_view phase_words(UnitState::Phase phase) {
  switch (phase) {
    case UnitState::Phase::stopped:
      return "is stopped";
    case UnitState::Phase::starting:
      return "is about to start";
    case UnitState::Phase::running:
      return "runs";
    case UnitState::Phase::failed:
      return "has failed";
  }
  return "has failed";
}

Waiting not_running(UnitState const& unit) {
  auto const detail = one_line(unit.detail, kKubeletWords);
  return {Message(Reason::KubeletNotRunning,
                  fmt::format("{} {}{}{}", kKubeletUnit, phase_words(unit.phase),
                              detail.empty() ? "" : ": ", detail),
                  unit.phase == UnitState::Phase::stopped
                      ? fmt::format("'systemctl start {}', unless it was stopped on purpose",
                                    kKubeletUnit)
                      : fmt::format("if it lasts, look at 'journalctl -u {}'", kKubeletUnit))
              .about(std::string(phase_words(unit.phase)))};
}

}  // namespace

Finding kubelet_finding(KubeletSeen const& seen) {
  if (!seen.answer)
    return Done{
        Message(Reason::KubeletHealthUnknown, "the kubelet serves no healthz (healthzPort: 0)")};
  if (seen.answer->is == Answer::Is::well)
    return Done{Message(Reason::KubeletHealthy, "the kubelet is healthy")};
  // Its image may have it under another name than its unit's; what runs there is what answers.
  if (seen.unit && seen.unit->phase != UnitState::Phase::running &&
      seen.answer->is == Answer::Is::silent)
    return not_running(*seen.unit);
  auto const words = one_line(seen.words, kKubeletWords);
  bool const silent = seen.answer->is == Answer::Is::silent;
  return Waiting{
      Message(Reason::KubeletUnhealthy,
              fmt::format("the kubelet {}: {}{}{}", silent ? "does not answer" : "is not healthy",
                          seen.answer->said, words.empty() ? "" : "; its last words: ", words),
              fmt::format("if it lasts, look at 'journalctl -u {}'", kKubeletUnit))
          .about(silent ? "no answer" : seen.answer->said)};
}

}  // namespace haagent::bootstrap::health
