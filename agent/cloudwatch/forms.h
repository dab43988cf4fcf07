// The readings as CloudWatch takes them, in either way: for the cluster's nodes of a role
// (dimensions Cluster and Role), and what counts for a zone also with Zone. Each name with each set
// of dimensions is a metric that AWS bills, so that no dimension names a machine. Pure.
#pragma once

#include <string>
#include <vector>

#include "agent/aws/cloudwatch.h"
#include "agent/cloudwatch/readings.h"

namespace haagent::cloudwatch {

// A line of the embedded metric format:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
std::string embedded_line(Readings const& readings, std::string const& space, UtcTime now);

// What PutMetricData puts.
std::vector<aws::MetricDatum> data_of(Readings const& readings);

}  // namespace haagent::cloudwatch
