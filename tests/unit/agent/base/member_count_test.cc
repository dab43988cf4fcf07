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
  for (std::size_t const even : {2u, 4u}) {
    auto const text = check_member_count(even).error().message.text;
    EXPECT_TRUE(text.starts_with(std::to_string(even))) << text;
    EXPECT_TRUE(text.ends_with(std::to_string(even + 1))) << text;
    EXPECT_TRUE(text.contains(fmt::format(" {} ", even - 1)) ||
                text.contains(fmt::format(" {}: ", even - 1)))
        << text;
  }
}

}  // namespace
}  // namespace haagent
