#include "agent/aws/endpoints.h"

#include <fmt/format.h>

namespace haagent::aws {
namespace {

struct Row {
  std::string_view prefix;
  Partition partition;
};

constexpr Row kPartitions[] = {
    {"cn-", {"aws-cn", "amazonaws.com.cn"}},       {"us-gov-", {"aws-us-gov", "amazonaws.com"}},
    {"us-iso-", {"aws-iso", "c2s.ic.gov"}},        {"us-isob-", {"aws-iso-b", "sc2s.sgov.gov"}},
    {"eu-isoe-", {"aws-iso-e", "cloud.adc-e.uk"}}, {"us-isof-", {"aws-iso-f", "csp.hci.ic.gov"}},
    {"eusc-", {"aws-eusc", "amazonaws.eu"}},
};

std::string service_endpoint(std::string_view service, std::string_view region,
                             std::string_view domain) {
  return fmt::format("https://{}.{}.{}", service, region,
                     domain.empty() ? partition_of(region).domain : domain);
}

}  // namespace

Partition partition_of(std::string_view region) {
  for (auto const& row : kPartitions) {
    if (region.starts_with(row.prefix)) return row.partition;
  }
  return {"aws", "amazonaws.com"};
}

std::string ec2_endpoint(std::string_view region, std::string_view domain) {
  return service_endpoint("ec2", region, domain);
}

std::string autoscaling_endpoint(std::string_view region, std::string_view domain) {
  return service_endpoint("autoscaling", region, domain);
}

std::string cloudwatch_endpoint(std::string_view region, std::string_view domain) {
  return service_endpoint("monitoring", region, domain);
}

std::string sts_endpoint(std::string_view region, std::string_view domain) {
  return service_endpoint("sts", region, domain);
}

std::string s3_endpoint(std::string_view region, std::string_view domain) {
  return fmt::format("https://s3.{}.{}", region,
                     domain.empty() ? partition_of(region).domain : domain);
}

}  // namespace haagent::aws
