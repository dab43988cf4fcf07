// The one call that haagent makes of CloudWatch: it puts the figures of this node. Errors carry a
// Kind by the table in cloudwatch.cc: `denied` names the permission.
#pragma once

#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/aws/query_call.h"

namespace haagent::aws {

struct MetricDatum {
  std::string name;
  std::string unit;  // CloudWatch's own word: "Seconds", "Percent", "Count"
  double value = 0;
  std::vector<std::pair<std::string, std::string>> dimensions;
  bool operator==(MetricDatum const&) const = default;
};

// Bounds of one request.
inline constexpr std::size_t kMostMetricData = 1'000;

// The form of PutMetricData, version 2010-08-01. It says no time: CloudWatch takes the one at which
// the request arrives, which is right where this machine's clock is not.
std::string put_metric_data_body(std::string_view space, std::span<MetricDatum const> data);

class CloudWatch {
 public:
  virtual ~CloudWatch() = default;
  // Into this namespace; kMostMetricData at the most.
  virtual Result<void> put(std::string const& space, std::span<MetricDatum const> data,
                           std::stop_token stop) = 0;
};

class CloudWatchClient final : public CloudWatch {
 public:
  struct Settings {
    std::string endpoint;  // "https://monitoring.eu-west-1.amazonaws.com"
    std::string region;
    std::string user_agent = "haagent";
    CallCounts* counts = nullptr;  // null: nobody asks
  };
  CloudWatchClient(Http& http, Clock& clock, CachedCredentials& credentials, Settings settings);

  Result<void> put(std::string const& space, std::span<MetricDatum const> data,
                   std::stop_token stop) override;

 private:
  QueryCalls calls_;
};

// As ec2_errors.h has it for EC2.
ServiceErrors const& cloudwatch_errors();
Error cloudwatch_error(std::string_view action, std::string_view code, std::string_view message,
                       int status = 400);

}  // namespace haagent::aws
