// Nodes that have nothing to share: a worker, and a master whose volume never comes.
#include <gmock/gmock.h>

#include "tests/vm/machines.h"

namespace haagent::sim {
namespace {

using testing::HasSubstr;

std::size_t times(std::string const& text, std::string const& what) {
  std::size_t count = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

TEST(VmNodes, AVolumeThatNeverComesIsToldOnceAndAWorkerWaitsForAMaster) {
  if (auto const why = no_machines_because(); !why.empty()) GTEST_SKIP() << why;
  Machines machines("nodes", {.members = "a",
                              .workers = 1,
                              .without = {"main-a"},
                              .masters_told = UserData::alone,
                              .workers_told = UserData::command});
  auto& region = machines.region();

  ASSERT_TRUE(machines.comes_true([&] {
    return region.instance_of("masters-a") != "" &&
           region.step_state("masters-a", "volume-main") == "waiting";
  }));
  auto const sentence = region.sentence("masters-a", "volume-main");
  EXPECT_THAT(sentence, HasSubstr("k8s.io/etcd/main"));
  EXPECT_THAT(machines.ask("masters-a", "haagent status || true"), HasSubstr("working"));

  // A worker waits for a master, which this cluster has none of, and holds nothing up meanwhile.
  ASSERT_TRUE(machines.comes_true([&] {
    return region.instance_of("workers") != "" &&
           region.has_reason("workers", "join", Reason::MastersNotReached);
  }));
  // Its config is what runcmd has written, which the service waited for.
  EXPECT_EQ(region.step_state("workers", "config"), "done");
  for (auto const& [action, count] : region.calls(region.instance_of("workers")))
    EXPECT_FALSE(action.starts_with("ec2:")) << action << ", " << count << " times";
  EXPECT_EQ(machines.of_unit("workers", "haagent", "ActiveState"), "activating");

  // The rest of that machine has booted all the same, and people can get at it.
  ASSERT_TRUE(machines.has_booted("masters-a"));
  auto const journal = machines.ask("masters-a", "journalctl -b --no-pager -o cat -u haagent");
  EXPECT_EQ(times(journal, sentence), 1u) << journal;
  EXPECT_TRUE(machines.comes_true(
      [&] { return machines.console(region.instance_of("masters-a")).contains(sentence); }));
}

}  // namespace
}  // namespace haagent::sim
