// Three masters at once: as a cluster comes up on the day that it is made.
#include <gmock/gmock.h>

#include "tests/vm/machines.h"

namespace haagent::sim {
namespace {

using testing::IsEmpty;

// 3 GiB of memory, and a processor each to be quick: HAAGENT_VM_THREE=1 asks for it.
TEST(VmCluster, ThreeMastersAtOnceFormOneClusterOfThree) {
  if (auto const why = no_machines_because(); !why.empty()) GTEST_SKIP() << why;
  if (!std::getenv("HAAGENT_VM_THREE"))
    GTEST_SKIP() << "takes long: HAAGENT_VM_THREE=1 asks for it";
  // Emulated machines that share few processors are no network of a few milliseconds.
  constexpr char kSlow[] = "{heartbeatInterval: 1s, electionTimeout: 10s}";
  Machines machines("cluster", {.members = "abc",
                                .etcd_settings = fmt::format("{{main: {0}, events: {0}}}", kSlow)});
  auto& region = machines.region();
  for (auto const& master : region.masters()) {
    ASSERT_TRUE(machines.master_is_ready(master));
    ASSERT_TRUE(machines.has_booted(master));
  }
  for (auto cluster : kEtcdClusters) {
    EXPECT_TRUE(machines.comes_true([&] { return region.is_whole("masters-a", cluster, 3); }));
    EXPECT_TRUE(region.put("masters-a", cluster, "said", "once"));
    for (auto const& master : region.masters())
      EXPECT_TRUE(
          machines.comes_true([&] { return region.get(master, cluster, "said") == "once"; }));
  }
  for (auto const& master : region.masters())
    EXPECT_THAT(complaints(machines, master, {"it gets no fixes any more"}), IsEmpty()) << master;
}

}  // namespace
}  // namespace haagent::sim
