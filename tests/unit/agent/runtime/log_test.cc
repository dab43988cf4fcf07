#include "agent/runtime/log.h"

#include <gtest/gtest.h>

namespace haagent {
namespace {

// What a program reads is the line and nothing else: no level, no time.
TEST(LogRecord, IsTheLineAloneWhereThereIsNoJournal) {
  testing::internal::CaptureStdout();
  log::record("haagent-metrics", R"({"_aws":{}})");
  log::record("haagent-metrics", R"({"_aws":1})");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "{\"_aws\":{}}\n{\"_aws\":1}\n");
}

}  // namespace
}  // namespace haagent
