#include "tests/support/golden.h"

#include <gtest/gtest.h>

#include "tests/support/temporary_directory.h"

namespace haagent::test {
namespace {

// An absolute path stands for itself, so the test needs no file of its own in tests/golden.
class Golden : public testing::Test {
 protected:
  TemporaryDirectory directory_;
};

TEST_F(Golden, TellsTheSameFromTheDifferent) {
  auto path = directory_ / "page.expected";
  write_bytes(path, "one\ntwo\nthree\n");
  EXPECT_TRUE(matches_golden(path, "one\ntwo\nthree\n"));
  auto differs = matches_golden(path, "one\ntoo\nthree\n");
  EXPECT_FALSE(differs);
  EXPECT_NE(std::string(differs.message()).find("line 2\n  expected: two\n  actual:   too\n"),
            std::string::npos)
      << differs.message();
  EXPECT_FALSE(matches_golden(path, "one\ntwo\nthree\nfour\n"));
  EXPECT_FALSE(matches_golden(path, ""));
  EXPECT_FALSE(matches_golden(directory_ / "missing", "one\n"));
}

}  // namespace
}  // namespace haagent::test
