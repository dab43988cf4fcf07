#include "tests/sim/ids.h"

#include <gtest/gtest.h>

#include <set>

namespace haagent::sim {
namespace {

TEST(Ids, HaveEc2sFormAndDoNotRepeat) {
  Ids ids(1);
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    auto const id = ids.make("vol");
    EXPECT_TRUE(is_id(id, "vol")) << id;
    EXPECT_EQ(id.size(), 21u);
    seen.insert(id);
  }
  EXPECT_EQ(seen.size(), 1000u);
  EXPECT_EQ(Ids(1).make("i"), Ids(1).make("i"));
  EXPECT_NE(Ids(1).make("i"), Ids(2).make("i"));
}

TEST(IsId, TakesOldAndNewOnesAndNothingElse) {
  EXPECT_TRUE(is_id("i-0123456789abcdef0", "i"));
  EXPECT_TRUE(is_id("i-01234567", "i"));
  for (auto const* bad : {"", "i", "i-", "i-0123456789abcdef", "i-0123456789ABCDEF0",
                          "vol-0123456789abcdef0", "i-0123456789abcdeg0", "i0123456789abcdef00"}) {
    EXPECT_FALSE(is_id(bad, "i")) << bad;
  }
}

TEST(ParseIpv4, TakesFourNumbersOnly) {
  EXPECT_EQ(parse_ipv4("10.0.16.1").value(), 0x0a001001u);
  EXPECT_EQ(format_ipv4(0x0a001001u), "10.0.16.1");
  for (auto const* bad : {"", "10.0.0", "10.0.0.256", "10.0.0.1.", "10.0.0.1/20", "a.b.c.d",
                          "10.0.0.-1", " 10.0.0.1"}) {
    EXPECT_FALSE(parse_ipv4(bad)) << bad;
  }
  EXPECT_EQ(format_ipv4(subnet_of(*parse_ipv4("10.0.31.254"))), "10.0.16.0");
}

TEST(Names, AreMadeAsEc2MakesThem) {
  EXPECT_EQ(private_dns_name("10.0.0.10", "eu-west-1"), "ip-10-0-0-10.eu-west-1.compute.internal");
  EXPECT_EQ(private_dns_name("10.0.0.10", "us-east-1"), "ip-10-0-0-10.ec2.internal");
  EXPECT_EQ(zone_id("eu-west-1", 0), "euw1-az1");
  EXPECT_EQ(zone_id("ap-southeast-2", 2), "apse2-az3");
  EXPECT_EQ(zone_id("us-gov-west-1", 1), "usgw1-az2");
  EXPECT_EQ(zone_id("eu-central-1", 0), "euc1-az1");
}

}  // namespace
}  // namespace haagent::sim
