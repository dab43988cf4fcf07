#include "bootstrap/addons/summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace haagent::bootstrap::addons {
namespace {

AddonView view_of(std::vector<Seen> seen) {
  AddonView view{.set = {.name = "dns",
                         .claim = {.origin = Origin::packaged, .version = "1", .digest = "d"},
                         .objects = {}},
                 .recorded = {},
                 .seen = std::move(seen),
                 .left = {},
                 .plan = {}};
  for (std::size_t i = 0; i < view.seen.size(); ++i)
    view.set.objects.push_back(
        {.id = {"", "ConfigMap", "x", fmt::format("m{}", i)}, .version = "v1", .object = {}});
  return view;
}

TEST(AddonSummaries, SayTheWorstFirst) {
  Seen const good{.sight = Sight::in_sync};
  Seen const conflicted{.sight = Sight::conflicted, .conflicts = {{".data.a", "kubectl-edit"}}};
  Seen const rejected{.sight = Sight::rejected, .text = "no"};
  Seen const unknown{.sight = Sight::unknown, .text = "503"};
  struct Case {
    std::vector<Seen> seen;
    AddonState state;
    Reason reason;
  };
  for (auto const& [seen, state, reason] :
       std::vector<Case>{{{good}, AddonState::in_sync, Reason::AddonsInSync},
                         {{good, unknown}, AddonState::waiting, Reason::AddonWaiting},
                         {{unknown, conflicted}, AddonState::conflicted, Reason::AddonConflicted},
                         {{conflicted, rejected}, AddonState::rejected, Reason::AddonRejected}}) {
    auto const summary = summary_of(view_of(seen));
    EXPECT_EQ(summary.state, state);
    EXPECT_EQ(summary.message.reason, reason);
    EXPECT_EQ(summary.message.subject, "dns");
  }
  EXPECT_THAT(summary_of(view_of({conflicted})).message.text,
              testing::AllOf(testing::HasSubstr(worded(".data.a")),
                             testing::HasSubstr(worded("kubectl-edit"))));
}

TEST(AddonSummaries, KnowWorkWaitsAndWhatIsOff) {
  auto view = view_of({{.sight = Sight::absent}});
  view.plan.apply = {0};
  EXPECT_EQ(summary_of(view).state, AddonState::drifted);
  view.plan.apply.clear();
  view.plan.wait = {0};
  EXPECT_EQ(summary_of(view).state, AddonState::waiting);
  auto off = view_of({});
  off.set.claim.origin = Origin::off;
  EXPECT_EQ(summary_of(off).state, AddonState::off);
  auto held = view_of({});
  held.plan.standing = Standing::held_back;
  held.recorded = Inventory{.addon = "dns", .claim = {}, .entries = {}};
  EXPECT_EQ(summary_of(held).message.reason, Reason::AddonHeldBack);
}

}  // namespace
}  // namespace haagent::bootstrap::addons
