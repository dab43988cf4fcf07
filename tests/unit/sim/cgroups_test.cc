#include "tests/sim/cgroups.h"

#include <gtest/gtest.h>

namespace haagent::sim {
namespace {

TEST(Cgroups, TheHierarchiesOfVersionOneAreMountedAgainByTheirControllers) {
  auto const found = cgroup_hierarchies(
      "25 18 0:23 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
      "26 25 0:24 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw\n"
      "27 25 0:25 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup "
      "rw,xattr,release_agent=/lib/systemd/agent,name=systemd\n"
      "28 25 0:26 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:11 master:2 - cgroup cgroup "
      "rw,cpu,cpuacct\n"
      "29 25 0:27 / /sys/fs/cgroup/memory rw,relatime - cgroup none rw,memory\n");
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].mount, "/sys/fs/cgroup/systemd");
  EXPECT_EQ(found[0].options, "none,name=systemd");
  EXPECT_EQ(found[1].mount, "/sys/fs/cgroup/cpu,cpuacct");
  EXPECT_EQ(found[1].options, "cpu,cpuacct");
  EXPECT_EQ(found[2].options, "memory");
}

TEST(Cgroups, AMachineOfVersionTwoAloneHasNone) {
  EXPECT_TRUE(cgroup_hierarchies("26 25 0:24 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n").empty());
  EXPECT_TRUE(cgroup_hierarchies("").empty());
}

}  // namespace
}  // namespace haagent::sim
