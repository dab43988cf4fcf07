#include "agent/cloudwatch/step.h"

#include <fmt/format.h>

namespace haagent::cloudwatch {

Result<Finding> CloudWatchStep::look(Facts& facts, std::stop_token) {
  auto const& settings = config_.metrics.cloudwatch;
  auto const often = to_words(settings.interval);
  auto const say = [&](Reason reason, std::string text) {
    return Done{Message(reason, std::move(text)).about(settings.space)};
  };
  if (settings.mode == CloudWatchMode::embedded)
    return say(Reason::MetricsWritten,
               fmt::format("metrics of the namespace {} are written to the journal every {}",
                           settings.space, often));
  auto const known = facts.cloudwatch.get();
  if (!known)
    return say(Reason::MetricsAwaited, fmt::format("metrics are put into the namespace {} every {}",
                                                   settings.space, often));
  if (known->failure) return Done{*known->failure};
  return say(Reason::MetricsSent, fmt::format("{} metrics are put into the namespace {} every {}",
                                              known->values, settings.space, often));
}

}  // namespace haagent::cloudwatch
