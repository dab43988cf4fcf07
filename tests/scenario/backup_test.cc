// A backup that is cut off at each of its side effects by a kill -9 of the agent: the next agent
// comes to a verified backup, nothing that was good is lost, and nothing is left lying about.
#include <gtest/gtest.h>

#include "tests/scenario/backup_world.h"

namespace haagent::scenario {
namespace {

TEST(BackingUp, ConvergesHoweverTheAgentIsKilled) {
  int k = 1;
  for (;; ++k) {
    BackupWorld world;
    // Old ones, of which the next sweep takes some away.
    world.live({});
    world.clock.advance(25h);
    world.live({});
    auto const before = world.good();
    ASSERT_EQ(before.size(), 1u) << "a sweep leaves the newest";
    world.clock.advance(25h);

    auto const cut = world.live_until(k);
    if (cut.empty()) break;
    SCOPED_TRACE(fmt::format("killed at point {}, {}", k, cut));
    EXPECT_FALSE(world.good().empty()) << "there is a good one at every moment";
    world.clock.advance(20min);
    world.live({});
    auto const after = world.good();
    ASSERT_FALSE(after.empty());
    EXPECT_NE(after.back(), before.back()) << "the next agent has taken a new one";
    EXPECT_EQ(world.scratch(), std::vector<fs::path>());

    // A day later, whatever it had begun is gone.
    world.clock.advance(25h);
    world.live({});
    world.clock.advance(25h);
    world.live({});
    EXPECT_EQ(world.good().size(), 1u);
    EXPECT_EQ(world.strays(), 0u);
    if (HasFailure()) return;
  }
  EXPECT_GT(k, 10) << "where nothing is interrupted, nothing is shown";
}

// An agent that was killed in a backup before a change of members may never take one again.
TEST(BackingUp, TheNextBackupForAnotherReasonSweepsTheScratchFolder) {
  for (int k = 1;; ++k) {
    BackupWorld world;
    std::stop_source kill;
    world.power.cut_at(k, [&] { kill.request_stop(); });
    auto const taken = Backups(EtcdCluster::main, world.parts())
                           .take("http://127.0.0.1:2379", bootstrap::BackupReason::before_change,
                                 kill.get_token());
    auto const off = world.power.off();
    world.power.cut_at(0, [] {});
    if (!off) {
      EXPECT_TRUE(taken);
      EXPECT_GT(k, 5);
      break;
    }
    world.clock.advance(20min);
    world.live({});
    EXPECT_EQ(world.scratch(), std::vector<fs::path>()) << k;
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace haagent::scenario
