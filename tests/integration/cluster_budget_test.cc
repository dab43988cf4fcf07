// What a boot asks of EC2, counted by the region.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/cluster_region.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
using Calls = std::map<std::string, int>;

// Calls that change something.
int changes(Calls const& calls) {
  int sum = 0;
  for (auto const& [action, count] : calls)
    if (action.starts_with("ec2:") && !action.starts_with("ec2:Describe")) sum += count;
  return sum;
}

int of(Calls const& calls, std::string const& action) {
  auto const found = calls.find(action);
  return found == calls.end() ? 0 : found->second;
}

TEST(ClusterBudget, AFreshMasterAsksLittleAndAWorkerNothing) {
  if (auto const why = no_cluster_because(); !why.empty()) GTEST_SKIP() << why;
  // As long as EC2 takes.
  ClusterRegion region({.workers = 1, .delays = {{"attach", "1500ms"}}, .launched = false});
  // Slow enough that no call comes between two looks at the counts unseen.
  region.api("slow", Tree::map({{"by", "200ms"}}));
  for (auto const& master : region.masters()) region.launch(master);
  region.launch("workers");

  std::map<std::string, Calls> before_attach, before_etcd;
  std::map<std::string, std::chrono::steady_clock::duration> waited;
  auto const began = std::chrono::steady_clock::now();
  ASSERT_TRUE(region.comes_true(
      [&] {
        for (auto const& master : region.masters()) {
          auto const id = region.instance_of(master);
          if (id.empty()) return false;
          auto const calls = region.calls(id);
          if (!of(calls, "ec2:AttachVolume")) before_attach[master] = calls;
          if (region.sh(master, "pgrep -x etcd").code == 0) continue;
          before_etcd[master] = calls;
          waited[master] = std::chrono::steady_clock::now() - began;
        }
        return std::ranges::all_of(region.masters(),
                                   [&](auto const& each) { return region.is_ready(each); });
      },
      60s));
  for (auto const& master : region.masters()) {
    auto const& first = before_attach[master];
    auto const& then = before_etcd[master];
    SCOPED_TRACE(master + testing::PrintToString(then));
    EXPECT_LE(of(first, "ec2:DescribeVolumes"), 1) << testing::PrintToString(first);
    EXPECT_EQ(changes(first), 0);
    EXPECT_EQ(of(then, "ec2:AttachVolume"), 2);
    // Time goes by here as it likes, so this holds the pace: at the most one look in five seconds
    // by the wait for the volumes, and one by a blank member that hears of nobody yet. The count of
    // a boot that nothing holds up is a scenario's, on a clock of its own.
    auto const more = 2 * (1 + static_cast<int>(waited[master] / 5s));
    EXPECT_LE(of(then, "ec2:DescribeVolumes"), 1 + 4 + more);
    EXPECT_EQ(of(then, "ec2:DetachVolume"), 0);
  }

  auto const worker = region.instance_of("workers");
  ASSERT_TRUE(region.comes_true([&] { return region.is_ready(worker); }));
  for (auto const& [action, count] : region.calls(worker))
    EXPECT_FALSE(action.starts_with("ec2:")) << action << " " << count;
}

}  // namespace
}  // namespace haagent::sim
