#include "agent/aws/endpoints.h"

#include <gtest/gtest.h>

namespace haagent::aws {
namespace {

TEST(Endpoints, OfEachPartition) {
  struct Case {
    std::string_view region, partition, endpoint;
  };
  for (auto const& each : {
           Case{"eu-west-1", "aws", "https://ec2.eu-west-1.amazonaws.com"},
           Case{"us-east-1", "aws", "https://ec2.us-east-1.amazonaws.com"},
           Case{"mars-north-1", "aws", "https://ec2.mars-north-1.amazonaws.com"},
           Case{"cn-northwest-1", "aws-cn", "https://ec2.cn-northwest-1.amazonaws.com.cn"},
           Case{"us-gov-west-1", "aws-us-gov", "https://ec2.us-gov-west-1.amazonaws.com"},
           Case{"us-iso-east-1", "aws-iso", "https://ec2.us-iso-east-1.c2s.ic.gov"},
           Case{"us-isob-east-1", "aws-iso-b", "https://ec2.us-isob-east-1.sc2s.sgov.gov"},
           Case{"eu-isoe-west-1", "aws-iso-e", "https://ec2.eu-isoe-west-1.cloud.adc-e.uk"},
           Case{"us-isof-south-1", "aws-iso-f", "https://ec2.us-isof-south-1.csp.hci.ic.gov"},
           Case{"eusc-de-east-1", "aws-eusc", "https://ec2.eusc-de-east-1.amazonaws.eu"},
       }) {
    EXPECT_EQ(partition_of(each.region).name, each.partition) << each.region;
    EXPECT_EQ(ec2_endpoint(each.region), each.endpoint);
  }
}

TEST(Endpoints, DomainOfTheInstanceComesFirst) {
  EXPECT_EQ(ec2_endpoint("xx-new-1", "aws.example"), "https://ec2.xx-new-1.aws.example");
  EXPECT_EQ(autoscaling_endpoint("xx-new-1", "aws.example"),
            "https://autoscaling.xx-new-1.aws.example");
  EXPECT_EQ(autoscaling_endpoint("cn-north-1"), "https://autoscaling.cn-north-1.amazonaws.com.cn");
  EXPECT_EQ(cloudwatch_endpoint("eu-west-1"), "https://monitoring.eu-west-1.amazonaws.com");
  EXPECT_EQ(cloudwatch_endpoint("cn-north-1"), "https://monitoring.cn-north-1.amazonaws.com.cn");
  EXPECT_EQ(cloudwatch_endpoint("xx-new-1", "aws.example"),
            "https://monitoring.xx-new-1.aws.example");
}

}  // namespace
}  // namespace haagent::aws
