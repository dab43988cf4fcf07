// A master that hands over, cut off at each of its steps: by a kill -9 of the agent, by the end of
// the instance, and by the end of the reason.
#include <gtest/gtest.h>

#include <filesystem>

#include "bootstrap/layout/names.h"
#include "tests/scenario/world.h"

namespace haagent::scenario {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// What comes after the cut.
enum class Then {
  agent_killed,   // it is started again, goes on by its record, and the instance ends
  instance_ends,  // at once: a successor finds whatever was left
  reason_gone,    // the agent is started again, and boots instead
};

std::string_view to_string(Then then) {
  switch (then) {
    case Then::agent_killed:
      return "the agent is started again and goes on";
    case Then::instance_ends:
      return "the instance ends";
    case Then::reason_gone:
      return "there is no reason any more";
  }
  return "";
}

struct Played {
  std::string cut_at;       // empty: it came to its end before
  std::string handed;       // the world once it has handed over
  std::string state;        // and at the end
  std::string left_behind;  // files in the making
  bool handed_over = true, booted = false, took_back = false;
  std::vector<std::string> violations;
};

// What writers that were cut off have left.
std::string abandoned(fs::path const& root) {
  std::string found;
  for (auto const& entry : fs::recursive_directory_iterator(root))
    if (entry.is_regular_file() && entry.path().filename().string().starts_with("."))
      found += entry.path().string() + "\n";
  return found;
}

Played play_once(bool away, int cut_at, Then then) {
  World world;
  world.add_formed_clusters(World::Peers::up);
  auto& first = world.add_master("i-0a11", "a");
  first.left_out = of_kubernetes();
  auto* last = &first;
  Played played;
  auto live = [&] {
    ASSERT_TRUE(first.boot().all_done);
    for (auto cluster : kEtcdClusters)
      world.etcd.lead(bootstrap::etcd_cluster_token(first.config, cluster),
                      bootstrap::etcd_member_name(cluster, "a"));
    auto end = first.hand_over(away, cut_at);
    if (end.cut) played.cut_at = first.power.points().back();
    if (end.cut && then == Then::agent_killed) {
      world.clock.sleep(2s, {});
      end = first.hand_over(away);
    }
    if (!end.cut) {
      played.handed_over = end.all_done;
      for (auto const& row : end.rows)
        if (row.message.reason == Reason::NotDone) played.handed_over = false;
      played.handed = world.state(first, /*same_instance=*/true);
    }
    if (then == Then::reason_gone) {
      world.clock.sleep(2s, {});
      played.booted = first.boot().all_done;
      return;
    }
    first.lose_power();
    world.etcd.disconnect(first.identity.address);
    world.ec2.set_instance_state(first.identity.instance_id, "terminated");
    world.clock.sleep(30s, {});
    last = &world.add_machine("i-0fee", "a", first.config);
    last->left_out = first.left_out;
    world.clock.change_strands({last->strand}, {first.strand});
    test::VirtualClock::become(last->strand);
    played.booted = last->boot().all_done;
    world.clock.change_strands({}, {last->strand});
  };
  world.run({{first, live}});
  played.state = world.state(*last, /*same_instance=*/false);
  // EC2 may be late to say so of a disk that is mounted.
  for (std::size_t at; (at = played.state.find("attaching here")) != std::string::npos;)
    played.state.replace(at, 14, "attached here");
  played.violations = world.violations();
  // An instance that goes away takes its root disk with it; one that stays writes each file again
  // on its next way out, and takes away what lies beside it.
  if (then == Then::reason_gone) {
    world.run({{first, [&] { first.hand_over(away); }}});
    played.left_behind = abandoned(first.root.directory());
  }
  return played;
}

class HandingOver : public testing::TestWithParam<std::tuple<bool, Then>> {};

TEST_P(HandingOver, ConvergesHoweverInterrupted) {
  auto const [away, then] = GetParam();
  auto const expected = play_once(away, 0, then);
  ASSERT_TRUE(expected.handed_over);
  ASSERT_TRUE(expected.booted);
  ASSERT_EQ(expected.violations, std::vector<std::string>());
  // Both volumes are free, or unmounted, and nothing of it runs.
  EXPECT_EQ(expected.handed.contains("mounted:"), false) << expected.handed;
  EXPECT_EQ(expected.handed.contains("attached here"), !away) << expected.handed;
  int k = 1;
  for (;; ++k) {
    auto const played = play_once(away, k, then);
    if (played.cut_at.empty()) break;
    SCOPED_TRACE(fmt::format("cut at point {}, {}; then {}", k, played.cut_at, to_string(then)));
    EXPECT_TRUE(played.handed_over);
    EXPECT_TRUE(played.booted);
    if (then == Then::agent_killed) {
      EXPECT_EQ(played.handed, expected.handed);
    }
    EXPECT_EQ(played.state, expected.state);
    EXPECT_EQ(played.violations, std::vector<std::string>());
    EXPECT_EQ(played.left_behind, "");
    if (HasFailure()) return;
  }
  EXPECT_GT(k, 8) << "where nothing is interrupted, nothing is shown";
}

INSTANTIATE_TEST_SUITE_P(Ways, HandingOver,
                         testing::Combine(testing::Bool(),
                                          testing::Values(Then::agent_killed, Then::instance_ends,
                                                          Then::reason_gone)));

TEST(HandOver, TheLeadGoesToAVoterThatStays) {
  World world;
  world.add_formed_clusters(World::Peers::up);
  auto& master = world.add_master("i-0a11", "a");
  master.left_out = of_kubernetes();
  auto const token = bootstrap::etcd_cluster_token(master.config, EtcdCluster::main);
  world.run({{master, [&] {
                ASSERT_TRUE(master.boot().all_done);
                world.etcd.lead(token, "etcd-a");
                EXPECT_EQ(world.etcd.leader(token), "etcd-a");
                auto const end = master.hand_over(/*away=*/true);
                EXPECT_TRUE(end.all_done);
                EXPECT_EQ(end.row("leader-main").message.reason, Reason::LeadsElsewhere)
                    << end.row("leader-main").message.text;
              }}});
  EXPECT_EQ(world.violations(), std::vector<std::string>());
}

}  // namespace
}  // namespace haagent::scenario
