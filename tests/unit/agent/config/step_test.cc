#include "agent/config/step.h"

#include <gtest/gtest.h>

namespace haagent {
namespace {

using namespace std::chrono_literals;

TEST(PassingProblems, CountOnceTheyStayTheSame) {
  SteadyTime const start{1h};
  PassingProblems problems;
  EXPECT_TRUE(problems.may_pass("role is missing", start));
  EXPECT_TRUE(problems.may_pass("role is missing", start + 20s));
  EXPECT_TRUE(problems.may_pass("cluster is missing", start + 25s)) << "somebody writes it";
  EXPECT_TRUE(problems.may_pass("cluster is missing", start + 50s));
  EXPECT_FALSE(problems.may_pass("cluster is missing", start + 55s));
}

}  // namespace
}  // namespace haagent
