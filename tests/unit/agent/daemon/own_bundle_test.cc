#include "agent/daemon/own_bundle.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace haagent {
namespace {

struct Program final : Process {
  Result<ProcessOutcome> outcome = ProcessOutcome{};
  std::vector<std::string> ran;
  Result<ProcessOutcome> run(ProcessSpec const& spec, std::stop_token) override {
    ran = spec.argv;
    EXPECT_FALSE(spec.to_its_end) << "a bundle that nobody waits for any more is ended";
    return outcome;
  }
};

TEST(OwnBundle, IsWhatTheProgramWrites) {
  Program program;
  program.outcome = ProcessOutcome{.out = std::string("a\0b", 3), .err = "haagent: 9 files"};
  EXPECT_EQ(make_own_bundle(program, Root(), {}).value(), std::string("a\0b", 3));
  EXPECT_EQ(std::ranges::count(program.ran, "--root"), 0);
  EXPECT_TRUE(make_own_bundle(program, Root("/tmp/x"), {}));
  EXPECT_EQ(std::ranges::count(program.ran, "/tmp/x"), 1);
}

TEST(OwnBundle, HalfAnArchiveIsNone) {
  Program program;
  program.outcome = ProcessOutcome{.exit_code = 1, .out = "half", .err = "no memory"};
  EXPECT_FALSE(make_own_bundle(program, Root(), {}));
  program.outcome = ProcessOutcome{.out = "half", .truncated = true};
  EXPECT_FALSE(make_own_bundle(program, Root(), {}));
  program.outcome = fail(Kind::transient, "it ran for 50 s");
  EXPECT_EQ(make_own_bundle(program, Root(), {}).error().kind, Kind::transient);
}

}  // namespace
}  // namespace haagent
