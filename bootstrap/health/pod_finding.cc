#include "bootstrap/health/pod_finding.h"

#include <fmt/format.h>

namespace haagent::bootstrap::health {
namespace {

std::string words_of(std::optional<PodLog> const& log) {
  return log && !log->words.empty() ? "; its last words: " + log->words : "";
}

}  // namespace

Finding pod_finding(PodReasons const& reasons, PodSeen const& seen) {
  auto const program = reasons.program;
  if (seen.answer.is == Answer::Is::well)
    return Done{Message(reasons.well, fmt::format("{} is healthy", program))};
  auto const logs = fmt::format("look at {}/kube-system_{}-*", kPodLogs, program);
  if (seen.answer.is == Answer::Is::unwell)
    return Waiting{Message(reasons.not_well,
                           fmt::format("{} is not healthy: {}", program, seen.answer.said), logs)
                       .about(seen.answer.said)};
  if (seen.runs)
    return Waiting{Message(reasons.not_well, fmt::format("{} runs and does not answer: {}", program,
                                                         seen.answer.said))
                       .about("no answer")};
  if (seen.log && seen.log->attempt > 0)
    return Waiting{Message(reasons.crash_loops,
                           fmt::format("{} was started {} times and is gone{}", program,
                                       seen.log->attempt + 1, words_of(seen.log)),
                           logs)};
  // The kubelet has not started it yet, or is pulling its image.
  return Waiting{Message(reasons.not_well,
                         fmt::format("{} does not run{}{}", program, seen.log ? "" : " yet",
                                     words_of(seen.log)),
                         "if it lasts, look at 'crictl ps -a' and 'journalctl -u kubelet'")
                     .about("does not run")};
}

}  // namespace haagent::bootstrap::health
