#include "agent/base/cidr.h"

#include <gtest/gtest.h>

namespace haagent {
namespace {

TEST(Cidr, ReadsBothFamilies) {
  for (auto const* text : {"10.96.0.0/16", "0.0.0.0/0", "203.0.113.7/32", "fd00::/108", "::/0"}) {
    auto cidr = parse_cidr(text);
    ASSERT_TRUE(cidr) << text;
    EXPECT_EQ(to_string(*cidr), text);
  }
}

TEST(IpAddress, IsTheSameHoweverItIsWritten) {
  EXPECT_TRUE(is_same_address("10.0.0.5", "10.0.0.5"));
  EXPECT_TRUE(is_same_address("FD00::1", "fd00:0:0:0:0:0:0:1"));
  for (auto const* other : {"10.0.0.6", "::ffff:10.0.0.5", "10.0.0.5 ", ""}) {
    EXPECT_FALSE(is_same_address("10.0.0.5", other)) << other;
  }
  EXPECT_FALSE(is_same_address("", ""));
}

TEST(Cidr, KnowsWhatItContains) {
  auto range = *parse_cidr("10.96.0.0/13");
  EXPECT_TRUE(range.contains(*parse_ip("10.96.0.0")));
  EXPECT_TRUE(range.contains(*parse_ip("10.103.255.255")));
  EXPECT_FALSE(range.contains(*parse_ip("10.104.0.0")));
  EXPECT_FALSE(range.contains(*parse_ip("::a60:0")));
  EXPECT_TRUE(parse_cidr("0.0.0.0/0")->contains(*parse_ip("1.2.3.4")));
}

TEST(Cidr, OverlapsWithWhatLiesInItOrAroundIt) {
  auto overlap = [](char const* one, char const* other) {
    return parse_cidr(one)->overlaps(*parse_cidr(other));
  };
  EXPECT_TRUE(overlap("10.0.0.0/8", "10.96.0.0/16"));
  EXPECT_TRUE(overlap("10.96.0.0/16", "10.0.0.0/8"));
  EXPECT_FALSE(overlap("10.96.0.0/16", "10.97.0.0/16"));
  EXPECT_FALSE(overlap("0.0.0.0/0", "::/0"));
}

struct Refused {
  char const* text;
  std::string says;  // the text that is refused, or what was meant
};
class CidrRefuses : public testing::TestWithParam<Refused> {};
TEST_P(CidrRefuses, NamingTheText) {
  auto cidr = parse_cidr(GetParam().text);
  ASSERT_FALSE(cidr);
  EXPECT_EQ(cidr.error().kind, Kind::invalid);
  EXPECT_TRUE(cidr.error().message.text.contains(GetParam().says)) << cidr.error().message.text;
}
INSTANTIATE_TEST_SUITE_P(Texts, CidrRefuses,
                         testing::Values(Refused{"", "''"}, Refused{"10.96.0/16", "'10.96.0/16'"},
                                         Refused{"10.96.0.0", "'10.96.0.0'"},
                                         Refused{"10.96.0.0/", "'10.96.0.0/'"},
                                         Refused{"10.96.0.0/33", "'10.96.0.0/33'"},
                                         Refused{"fd00::/129", "'fd00::/129'"},
                                         Refused{"10.96.0.0/16 ", "'10.96.0.0/16 '"},
                                         Refused{"10.96.7.9/16", "'10.96.0.0/16'"},
                                         Refused{"fd00::1/108", "'fd00::/108'"}));

}  // namespace
}  // namespace haagent
