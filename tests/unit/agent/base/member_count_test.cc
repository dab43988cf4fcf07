#include "agent/base/member_count.h"

#include <gtest/gtest.h>

namespace haagent {
namespace {

TEST(MemberCount, IsOdd) {
  for (std::size_t members : {1u, 3u, 5u, 7u}) EXPECT_TRUE(check_member_count(members)) << members;
  for (std::size_t members : {0u, 2u, 4u, 6u}) {
    auto checked = check_member_count(members);
    ASSERT_FALSE(checked) << members;
    EXPECT_EQ(checked.error().kind, Kind::invalid);
  }
}

TEST(MemberCount, SaysWhy) {
  EXPECT_EQ(check_member_count(2).error().message.text,
            "2 etcd members are worse than 1: a majority of 2 is 2, so losing either stops the "
            "cluster; state 1 or 3");
  EXPECT_EQ(check_member_count(4).error().message.text,
            "4 etcd members is an even number: a majority is 3, so the cluster outlives the loss "
            "of 1, as 3 members would, with one more that can fail; state 3 or 5");
}

}  // namespace
}  // namespace haagent
