#include "agent/cloudwatch/sender.h"

#include <fmt/format.h>

#include "agent/cloudwatch/forms.h"

namespace haagent::cloudwatch {
namespace {

Message failure_of(Error const& error, std::string const& space) {
  // What is refused for its signature lacks no permission.
  if (aws::cloudwatch_errors().code_of(error).starts_with("AccessDenied"))
    return Message(
               Reason::MetricsDenied,
               fmt::format("CloudWatch does not let this node put metrics into the namespace "
                           "{}: {}",
                           space, error.message.text),
               fmt::format("allow cloudwatch:PutMetricData there for cloudwatch:namespace {}, or "
                           "set metrics.cloudWatch.mode to embedded or none",
                           space))
        .about(error.message.subject);
  return Message(Reason::MetricsNotSent,
                 fmt::format("metrics do not get to CloudWatch: {}", error.message.text),
                 error.message.advice.empty()
                     ? "see that this network reaches CloudWatch, over a VPC endpoint for "
                       "'monitoring' where it has no other way"
                     : error.message.advice)
      .about(error.message.subject);
}

}  // namespace

void Sender::run(std::stop_token stop) {
  auto const& settings = deps_.config.metrics.cloudwatch;
  if (settings.mode == CloudWatchMode::none) return;
  do {
    send_once(stop);
  } while (deps_.clock.sleep(settings.interval, stop));
}

void Sender::send_once(std::stop_token stop) {
  auto const& settings = deps_.config.metrics.cloudwatch;
  auto const now = deps_.clock.utc();
  auto const readings = readings_of(deps_.page(), now);
  if (readings.values.empty()) return;
  if (settings.mode == CloudWatchMode::embedded) {
    deps_.record(embedded_line(readings, settings.space, now));
    return;
  }
  auto const data = data_of(readings);
  CloudWatchFacts facts{.values = data.size(), .failure = {}};
  if (auto const put = deps_.cloudwatch.put(settings.space, data, std::move(stop)); !put) {
    if (put.error().kind == Kind::interrupted) return;
    facts.failure = failure_of(put.error(), settings.space);
  }
  deps_.fact.set(std::move(facts));
}

}  // namespace haagent::cloudwatch
