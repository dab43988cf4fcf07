// The table of nodes that a real apiserver gives, page by page.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/base/json.h"
#include "bootstrap/version_skew/kubelets.h"
#include "tests/integration/apiserver_world.h"
#include "tests/integration/etcd_versions.h"
#include "tests/integration/etcd_world.h"

namespace haagent::bootstrap::version_skew {
namespace {

using namespace std::chrono_literals;

TEST(KubeletTableOfAnApiserver, HasEachNodeWithItsVersion) {
  auto const etcd = test::etcd_programs("3.6");
  if (!etcd.missing.empty()) GTEST_SKIP() << etcd.missing;
  auto const kubernetes = test::kubernetes_programs("1.36");
  if (!kubernetes.missing.empty()) GTEST_SKIP() << kubernetes.missing;
  in_a_world(300s, [&] {
    test::ApiserverWorld world(etcd.etcd(), kubernetes.folder);
    auto ask = [&] {
      auto const kubelets = ask_kubelets(world.agent(), 10s, {}, /*nodes_of_a_page=*/2);
      EXPECT_TRUE(kubelets) << kubelets.error().message.text;
      std::map<std::string, std::string> versions;
      for (auto const& each : kubelets.value_or(std::vector<Kubelet>()))
        versions[each.node] = each.version;
      return versions;
    };
    EXPECT_THAT(ask(), testing::IsEmpty());
    std::map<std::string, std::string> expected;
    for (int number = 1; number <= 5; ++number) {
      auto const name = fmt::format("n{}", number);
      expected[name] = fmt::format("v1.{}.{}", 33 + number, number);
      auto const node = Tree::map({{"metadata", Tree::map({{"name", name}})}});
      auto const status = Tree::map(
          {{"status", Tree::map({{"nodeInfo", Tree::map({{"kubeletVersion", expected[name]}})}})}});
      world.ask("POST", "/api/v1/nodes", json::print(node));
      world.ask("PATCH", "/api/v1/nodes/" + name + "/status", json::print(status),
                "application/merge-patch+json");
    }
    EXPECT_EQ(ask(), expected);
  });
}

}  // namespace
}  // namespace haagent::bootstrap::version_skew
