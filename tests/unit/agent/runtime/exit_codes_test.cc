#include "agent/runtime/exit_codes.h"

#include <gtest/gtest.h>

namespace haagent {
namespace {

TEST(ExitCodes, AnErrorEndsWithWhatTheUnitGoesBy) {
  EXPECT_EQ(exit_code_of(Error(Kind::refused, "x")), kExitRefused);
  EXPECT_EQ(exit_code_of(Error(Kind::invalid, Message(Reason::ConfigurationInvalid, "x"))),
            kExitBadConfig);
  EXPECT_EQ(exit_code_of(Error(Kind::transient, "x")), kExitFailed);
}

TEST(ExitCodes, AReasonThatIsExplainedIsPointedTo) {
  auto const page =
      in_full(Error(Kind::refused, Message(Reason::QuorumServes, "a quorum serves", "wait")));
  EXPECT_TRUE(page.contains("haagent: " + worded("a quorum serves") + ": " + worded("wait") + '\n'))
      << page;
  EXPECT_TRUE(page.contains("'haagent explain QuorumServes'")) << page;
}

TEST(ExitCodes, AnErrorWhoseKindIsAllThatIsKnownPointsNowhere) {
  for (auto kind : {Kind::transient, Kind::conflict, Kind::denied, Kind::invalid, Kind::refused,
                    Kind::interrupted, Kind::internal})
    EXPECT_FALSE(in_full(Error(kind, "x")).contains("explain")) << to_string(kind);
}

}  // namespace
}  // namespace haagent
