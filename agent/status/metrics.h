// The status as Prometheus reads it: GET /metrics, text format 0.0.4. Pure; what it has no figure
// for is left out, so that a gap in a graph means that nobody knows.
#pragma once

#include <string>

#include "agent/aws/call_counts.h"
#include "agent/base/clock.h"
#include "agent/status/report.h"

namespace haagent {

inline constexpr auto kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

std::string metrics_text(StatusReport const& report, UtcTime now,
                         aws::CallCounts::Page const& calls = {});

}  // namespace haagent
