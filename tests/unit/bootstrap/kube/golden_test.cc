// Every rendered file of every supported version, held against files that people read in review.
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "agent/base/kube_versions.h"
#include "bootstrap/kube/render.h"
#include "tests/support/golden.h"
#include "tests/support/kube_nodes.h"

namespace haagent::bootstrap::kube {
namespace {

void expect_golden(std::string const& folder, NodeConfig const& config, Identity const& identity) {
  auto files = render(config, identity);
  ASSERT_TRUE(files) << files.error().message.text;
  std::set<std::string> expected;
  for (auto const& file : *files) {
    auto below = "kube/" + folder + file.path;
    EXPECT_TRUE(test::matches_golden(below, file.bytes));
    expected.insert(test::golden_path(below));
  }
  // And no file that is no longer rendered.
  for (auto const& entry :
       std::filesystem::recursive_directory_iterator(test::golden_path("kube/" + folder))) {
    if (!entry.is_regular_file()) continue;
    EXPECT_TRUE(expected.contains(entry.path())) << entry.path();
  }
  auto again = render(config, identity);
  for (std::size_t i = 0; i < files->size(); ++i) EXPECT_EQ((*files)[i].bytes, (*again)[i].bytes);
}

class KubeGolden : public testing::TestWithParam<int> {};
TEST_P(KubeGolden, Master) {
  auto config = test::kube_master();
  config.kubernetes.version = fmt::format("1.{}.2", GetParam());
  expect_golden(fmt::format("1.{}/master", GetParam()), config, test::kube_identity());
}
TEST_P(KubeGolden, Worker) {
  auto config = test::kube_worker();
  config.kubernetes.version = fmt::format("1.{}.2", GetParam());
  expect_golden(fmt::format("1.{}/worker", GetParam()), config, test::kube_identity());
}
INSTANTIATE_TEST_SUITE_P(Minors, KubeGolden, testing::Range(kOldestKubeMinor, kNewestKubeMinor + 1),
                         [](auto const& minor) { return fmt::format("1_{}", minor.param); });

TEST(KubeGoldenMaster, WithOverlays) {
  expect_golden("1.33/master-overlays", test::kube_master_with_overlays(), test::kube_identity());
}
TEST(KubeGoldenMaster, OnIpv6Only) {
  expect_golden("1.33/master-ipv6", test::kube_master_ipv6(), test::kube_identity_ipv6());
}

}  // namespace
}  // namespace haagent::bootstrap::kube
