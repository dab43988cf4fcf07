#include "agent/boot/lifecycle_hooks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"
#include "tests/support/found.h"
#include "tests/support/in_short.h"
#include "tests/support/temporary_directory.h"

namespace haagent {
namespace {

// The group of one instance, which waits in at most one hook.
class OneGroup final : public aws::AutoScaling {
 public:
  std::optional<std::string> state = "InService";  // nothing: no group has the instance
  std::string held_by;                             // the hook it waits in
  std::optional<Error> fails;
  int completed = 0;

  Result<std::optional<aws::GroupMember>> member(std::string const&, std::stop_token) override {
    if (fails) return std::unexpected(*fails);
    if (!state) return std::nullopt;
    return aws::GroupMember{"masters-a", *state};
  }
  Result<std::vector<aws::LifecycleHook>> hooks(std::string const&, std::stop_token) override {
    return std::vector<aws::LifecycleHook>{};
  }
  Result<void> complete(std::string const&, std::string const& hook, std::string const&,
                        std::stop_token) override {
    if (hook != held_by)
      return fail(Kind::conflict, "No active Lifecycle Action found with token {}", hook);
    ++completed;
    held_by.clear();
    state = "InService";
    return {};
  }
  Result<void> heartbeat(std::string const&, std::string const&, std::string const&,
                         std::stop_token) override {
    return {};
  }
};

class HookSteps : public testing::Test {
 protected:
  HookSteps() { facts_.identity.set(Identity{.instance_id = "i-1"}); }
  HookDeps parts() { return {config_, Root(root_.path()), clock_, group_}; }
  // Looks and acts until it is done; its reason and subject then.
  std::string converge(std::unique_ptr<Step> step) {
    for (int i = 0; i < 10; ++i) {
      auto found = step->look(facts_, {});
      if (!found || !std::holds_alternative<Needed>(*found)) return test::in_short(found);
      if (auto acted = test::act_on(found); !acted) return "error: " + acted.error().message.text;
    }
    return "never done";
  }

  test::TemporaryDirectory root_;
  NodeConfig config_;
  test::FakeClock clock_;
  OneGroup group_;
  Facts facts_;
};

TEST_F(HookSteps, OursIsCompletedOnceAndRemembered) {
  group_.state = "Pending:Wait";
  group_.held_by = "haagent-launching";
  EXPECT_EQ(converge(launching_hook(parts())), "done: HookCompleted haagent-launching");
  EXPECT_EQ(group_.completed, 1);
  EXPECT_TRUE(is_launched(Root(root_.path()), "i-1"));
  group_.fails = Error{Kind::internal, "asked again", {}};
  EXPECT_EQ(converge(launching_hook(parts())), "done: InService i-1");
}

TEST_F(HookSteps, AGroupWithoutALaunchingHookIsToldAndWaitedForByNobody) {
  EXPECT_EQ(converge(launching_hook(parts())), "done: HookNotReached InService");
  EXPECT_TRUE(is_launched(Root(root_.path()), "i-1"));
}

TEST_F(HookSteps, AnotherLaunchingHookIsNotOursToComplete) {
  group_.state = "Pending:Wait";
  group_.held_by = "somebody-elses";
  EXPECT_EQ(converge(launching_hook(parts())), "done: HookMisnamed haagent-launching");
  EXPECT_EQ(group_.held_by, "somebody-elses");
}

TEST_F(HookSteps, AGroupWithoutATerminatingHookKeepsNobody) {
  group_.state = "Terminating:Proceed";
  EXPECT_EQ(converge(terminating_hook(parts())), "done: HookNotReached Terminating:Proceed");
  group_.state = "Terminating:Wait";
  group_.held_by = "somebody-elses";
  EXPECT_EQ(converge(terminating_hook(parts())), "done: HookMisnamed haagent-terminating");
  EXPECT_EQ(group_.held_by, "somebody-elses");
}

TEST_F(HookSteps, AnInstanceOfNoGroupSaysSo) {
  group_.state.reset();
  EXPECT_EQ(converge(launching_hook(parts())), "done: GroupMissing i-1");
  EXPECT_EQ(converge(terminating_hook(parts())), "done: GroupMissing i-1");
}

TEST_F(HookSteps, AMissingPermissionIsToldAndAskedForAgainByTheNextBoot) {
  group_.fails = Error{Kind::denied, "needs autoscaling:DescribeAutoScalingInstances", {}};
  EXPECT_EQ(converge(launching_hook(parts())), "done: HookUnavailable haagent-launching");
  EXPECT_FALSE(is_launched(Root(root_.path()), "i-1"));
}

}  // namespace
}  // namespace haagent
