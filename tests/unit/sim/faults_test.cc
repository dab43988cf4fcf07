#include "tests/sim/faults.h"

#include <gtest/gtest.h>

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;

TEST(MatchesWildcard, AsEc2Does) {
  struct Row {
    char const* text;
    char const* pattern;
    bool matches;
  };
  for (auto const& row : {
           Row{"abc", "abc", true},
           Row{"abc", "ABC", false},
           Row{"abc", "a*", true},
           Row{"abc", "*c", true},
           Row{"abc", "a?c", true},
           Row{"abc", "a?", false},
           Row{"", "*", true},
           Row{"", "?", false},
           Row{"abc", "*b*", true},
           Row{"a*c", "a\\*c", true},
           Row{"abc", "a\\*c", false},
           Row{"aXbXc", "a*b*c", true},
           Row{"aaaaaaaaab", "*a*b", true},
           Row{"abc", "", false},
           Row{"", "", true},
           Row{"a/a,b,c", "a/*", true},
       }) {
    EXPECT_EQ(matches_wildcard(row.text, row.pattern), row.matches)
        << row.text << " " << row.pattern;
  }
}

TEST(Faults, HitTheNextCallsAndNoMore) {
  Faults faults([] { return 0.0; });
  faults.set(FaultKind::throttle, Fault{2, 1, {"AttachVolume"}});
  EXPECT_FALSE(faults.judge("ec2:DescribeVolumes").fault);
  EXPECT_EQ(faults.judge("ec2:AttachVolume").fault, FaultKind::throttle);
  EXPECT_EQ(faults.judge("ec2:AttachVolume").fault, FaultKind::throttle);
  EXPECT_FALSE(faults.judge("ec2:AttachVolume").fault);
}

TEST(Faults, HitBySharesAndUntilCleared) {
  double drawn = 0;
  Faults faults([&] { return drawn; });
  faults.set(FaultKind::fail, Fault{-1, 0.25, {"ec2:Describe*"}});
  faults.set_latency(2s);
  drawn = 0.24;
  EXPECT_EQ(faults.judge("ec2:DescribeVolumes").fault, FaultKind::fail);
  drawn = 0.25;
  EXPECT_FALSE(faults.judge("ec2:DescribeVolumes").fault);
  EXPECT_EQ(faults.judge("ec2:DescribeVolumes").latency, 2s);
  faults.clear();
  drawn = 0;
  EXPECT_FALSE(faults.judge("ec2:DescribeVolumes").fault);
  EXPECT_EQ(faults.judge("ec2:DescribeVolumes").latency, 0s);
}

TEST(Faults, DenyByActionWithOrWithoutItsService) {
  Faults faults([] { return 0.0; });
  faults.deny({"AttachVolume", "autoscaling:*"});
  EXPECT_TRUE(faults.is_denied("ec2:AttachVolume"));
  EXPECT_FALSE(faults.is_denied("ec2:DetachVolume"));
  EXPECT_TRUE(faults.is_denied("autoscaling:SetDesiredCapacity"));
}

}  // namespace
}  // namespace haagent::sim
