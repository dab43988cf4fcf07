// Where a service of a region answers.
#pragma once

#include <string>
#include <string_view>

namespace haagent::aws {

struct Partition {
  std::string_view name;    // "aws-cn"
  std::string_view domain;  // "amazonaws.com.cn"
};

// By the region's name. Instance metadata says both for the instance's own region, and is to be
// preferred: this table does not know the partitions of tomorrow and answers "aws" for them.
Partition partition_of(std::string_view region);

// "https://ec2.eu-west-1.amazonaws.com". The domain is instance metadata's; empty: by the table.
std::string ec2_endpoint(std::string_view region, std::string_view domain = "");
// "https://autoscaling.eu-west-1.amazonaws.com", likewise.
std::string autoscaling_endpoint(std::string_view region, std::string_view domain = "");
// "https://monitoring.eu-west-1.amazonaws.com", likewise.
std::string cloudwatch_endpoint(std::string_view region, std::string_view domain = "");
// "https://sts.eu-west-1.amazonaws.com": the regional one, whose host is what is signed.
std::string sts_endpoint(std::string_view region, std::string_view domain = "");

// The same of S3, without a bucket.
std::string s3_endpoint(std::string_view region, std::string_view domain = "");

}  // namespace haagent::aws
