// What a cluster asks of AWS in its life, against the policies of packaging/aws: all of it is
// allowed, which every region holds (cluster_region.h), and all that is allowed is used.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/cluster_region.h"
#include "tests/sim/iam_policy.h"
#include "tests/support/shipped_policy.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
using testing::IsSupersetOf;
using testing::UnorderedElementsAreArray;

// "MoveEtcdVolumes ec2:AttachVolume", of all that a policy has.
std::vector<std::string> all_of(std::string const& policy) {
  std::vector<std::string> all;
  auto const parsed =
      IamPolicy::parse(test::shipped_policy(policy, kClusterName, kStateBucket)).value();
  for (auto const& statement : parsed.statements())
    for (auto const& action : statement.actions) all.push_back(statement.sid + " " + action);
  return all;
}

TEST(ClusterPermissions, AllThatIsAllowedIsUsed) {
  if (auto const why = no_cluster_because(); !why.empty()) GTEST_SKIP() << why;
  ClusterRegion region(
      {.workers = 1, .hooks = {{"launching", "120s"}, {"terminating", "60s"}}, .launched = false});
  auto const used = [&](char const* role) { return region.permissions_used(role); };
  // A hook that cannot be completed is kept alive.
  region.api("fail", Tree::map({{"action", Tree::list({"CompleteLifecycleAction"})}}));
  for (auto const& master : region.masters()) region.launch(master);
  region.launch("workers");
  auto const kept_alive = [&](char const* role) {
    auto const so_far = used(role);
    return std::ranges::count(so_far, "SettleHooks autoscaling:RecordLifecycleActionHeartbeat") > 0;
  };
  ASSERT_TRUE(region.comes_true(
      [&] { return kept_alive("haagent-master") && kept_alive("haagent-worker"); }, 60s));
  region.api("ok");
  ASSERT_TRUE(region.gets_ready());
  ASSERT_TRUE(region.comes_true([&] { return region.is_ready("workers"); }));

  auto const old = region.instance_of("masters-b");
  region.command("replace", Tree::map({{"instance", old}}));
  ASSERT_TRUE(region.comes_true(
      [&] {
        auto const now = region.instance_of("masters-b");
        return !now.empty() && now != old;
      },
      60s));
  ASSERT_TRUE(region.gets_ready());

  // An upload that is given up and a backup that is old are rarer: state_store_test.cc has them.
  auto expected = all_of("masters");
  std::erase(expected, "KeepState s3:AbortMultipartUpload");
  std::erase(expected, "KeepState s3:DeleteObject");
  // The cloud controller manager's, which runs with Kubernetes itself (tests/kubernetes).
  std::erase_if(expected, [](auto const& each) {
    return std::string_view(each).starts_with("DescribeNodesToKubernetes ");
  });
  EXPECT_THAT(used("haagent-master"), IsSupersetOf(expected));
  EXPECT_THAT(used("haagent-worker"), UnorderedElementsAreArray(all_of("workers")));
}

}  // namespace
}  // namespace haagent::sim
