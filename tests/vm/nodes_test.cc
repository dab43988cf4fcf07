// Nodes that have nothing to share: a worker, and a master whose volume never comes.
#include <gmock/gmock.h>

#include "tests/vm/machines.h"

namespace haagent::sim {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

std::size_t times(std::string const& text, std::string const& what) {
  std::size_t count = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

TEST(VmNodes, AVolumeThatNeverComesIsToldOnceAndAWorkerNeedsNone) {
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

  ASSERT_TRUE(machines.comes_true(
      [&] { return region.instance_of("workers") != "" && region.is_ready("workers"); }));
  EXPECT_THAT(machines.ask("workers", "cat /etc/kubernetes/kubelet.conf"),
              HasSubstr("server: https://10.255.0.10"));
  for (auto const& [action, count] : region.calls(region.instance_of("workers")))
    EXPECT_FALSE(action.starts_with("ec2:")) << action << ", " << count << " times";
  ASSERT_TRUE(machines.has_booted("workers"));
  EXPECT_THAT(complaints(machines, "workers"), IsEmpty());
  // Its runcmd wrote the config, which the service waited for, and returned once the node was
  // ready.
  EXPECT_EQ(machines.ask("workers", "timeout 600 cloud-init status --wait | tr -d '.\\n'"),
            "status: done");
  auto const entered = [&](std::string const& unit) {
    return std::stoll(machines.of_unit("workers", unit, "ActiveEnterTimestampMonotonic"));
  };
  EXPECT_GT(entered("cloud-final.service"), entered("haagent"));

  // The rest of that machine has booted all the same, and people can get at it.
  ASSERT_TRUE(machines.has_booted("masters-a"));
  auto const journal = machines.ask("masters-a", "journalctl -b --no-pager -o cat -u haagent");
  EXPECT_EQ(times(journal, sentence), 1u) << journal;
  EXPECT_THAT(machines.console(region.instance_of("masters-a")), HasSubstr(sentence));
}

}  // namespace
}  // namespace haagent::sim
