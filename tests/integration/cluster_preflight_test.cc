// `haagent preflight` on the nodes of a cluster that is well, and on what is then broken.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/base/json.h"
#include "tests/integration/cluster_region.h"

namespace haagent::sim {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class ClusterPreflight : public SharedCluster<ClusterPreflight> {
 public:
  static ClusterPlan plan() {
    return {.workers = 1, .hooks = {{"terminating", "60s"}}, .refusals_are_expected = true};
  }

 protected:
  struct Found {
    int code = -1;
    Tree report;
    // "check reason" of all of a level.
    std::vector<std::string> of(std::string_view level) const {
      std::vector<std::string> told;
      auto const* findings = report.find("findings");
      for (auto const& each : findings ? findings->items() : std::vector<Tree>())
        // How full this machine's disk is, and what its kernel has, is nobody's fault here.
        if (each.text_at("level") == level && !each.text_at("check").starts_with("space:") &&
            each.text_at("check") != "kernel")
          told.push_back(each.text_at("check") + " " + each.text_at("reason"));
      return told;
    }
  };

  static Found preflight(std::string const& where, std::vector<std::string> const& more = {}) {
    std::vector<std::string> argv = {"haagent", "preflight", "-o", "json"};
    argv.insert(argv.end(), more.begin(), more.end());
    auto const outcome = region().run(where, argv);
    auto tree = json::parse(outcome.out);
    EXPECT_TRUE(tree) << outcome.out;
    return {outcome.code, tree.value_or(Tree())};
  }
  static void expect_problem(Found const& found, std::string const& told) {
    EXPECT_EQ(found.code, 1);
    EXPECT_THAT(found.of("problem"), testing::Contains(HasSubstr(told)));
  }
  // Two volumes of another cluster, so that this one's members stay as they are.
  static void create_volumes(std::string const& cluster, std::string const& a,
                             std::string const& b) {
    for (auto const& [zone, tag] : {std::pair("eu-west-1a", a), std::pair("eu-west-1b", b)})
      region().command("create-volume",
                       Tree::map({{"zone", zone},
                                  {"size", 1},
                                  {"tag", Tree::list({"k8s.io/etcd/main=" + tag,
                                                      "kubernetes.io/cluster/" + cluster + "=owned",
                                                      "k8s.io/role/control-plane=1"})}}));
  }
};

TEST_F(ClusterPreflight, AGoodRegionHasNoProblem) {
  // The load balancer's health check may be behind the apiservers.
  Found master;
  auto const before = json::print(*region().command("state").find("volumes"));
  EXPECT_TRUE(region().comes_true([&] { return (master = preflight("masters-a")).code == 0; }));
  EXPECT_THAT(master.of("problem"), IsEmpty());
  EXPECT_THAT(master.of("ok"), testing::IsSupersetOf({
                                   HasSubstr("ec2:AttachVolume CheckPassed"),
                                   HasSubstr("ec2:CreateTags CheckPassed"),
                                   HasSubstr("s3:PutObject CheckPassed"),
                                   HasSubstr("members-main CheckPassed"),
                                   HasSubstr("clock CheckPassed"),
                                   HasSubstr("endpoint-api CheckPassed"),
                               }));
  EXPECT_EQ(std::ranges::count_if(master.of("ok"),
                                  [](auto const& each) { return each.starts_with("peer:"); }),
            2);
  // A volume that was tried is as it was, tags and all.
  EXPECT_EQ(json::print(*region().command("state").find("volumes")), before);
  EXPECT_TRUE(region().is_ready("masters-a"));
  auto const worker = preflight(region().instance_of("workers"));
  EXPECT_THAT(worker.of("problem"), IsEmpty());
  auto const asked = region().calls(region().instance_of("workers"));
  for (auto const& [action, count] : asked) EXPECT_FALSE(action.starts_with("ec2:")) << action;
}

TEST_F(ClusterPreflight, WhatIsDeniedIsNamed) {
  region().api("deny", Tree::map({{"action", Tree::list({"ec2:AttachVolume", "s3:PutObject"})}}));
  auto const found = preflight("masters-b");
  region().api("ok");
  expect_problem(found, "ec2:AttachVolume PermissionDenied");
  expect_problem(found, "s3:PutObject PermissionDenied");
  EXPECT_EQ(found.of("problem").size(), 2u);
}

TEST_F(ClusterPreflight, WrongTagsAreNamed) {
  create_volumes("even.test", "a/a,b", "b/a,b");
  expect_problem(preflight("masters-a", {"--set", "cluster.name=even.test"}),
                 "members-main VolumeTagsInvalid");
  create_volumes("wrong.test", "a", "b/a,b,c");
  expect_problem(preflight("masters-a", {"--set", "cluster.name=wrong.test"}), "VolumeTagsInvalid");
}

TEST_F(ClusterPreflight, AnEndpointThatIsAPlaceholderOrNobodysIsNamed) {
  ASSERT_EQ(region().sh("masters-a", "echo 203.0.113.123 api.kops.test >>/etc/hosts").code, 0);
  expect_problem(preflight("masters-a", {"--set", "cluster.endpoint=https://api.kops.test"}),
                 "endpoint-name EndpointMisdirected");
  expect_problem(preflight("masters-a", {"--set", "cluster.endpoint=https://nobody.invalid"}),
                 "endpoint-name EndpointUnresolved");
}

TEST_F(ClusterPreflight, AClockThatIsOffIsNamed) {
  region().command("skew", Tree::map({{"by", "10m"}}));
  auto const found = preflight("masters-c");
  region().command("skew", Tree::map({{"by", "0s"}}));
  expect_problem(found, "clock ClockWrong");
}

}  // namespace
}  // namespace haagent::sim
