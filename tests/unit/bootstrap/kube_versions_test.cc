#include "bootstrap/kube/versions.h"

#include <gtest/gtest.h>

#include <set>

#include "bootstrap/kube/render.h"
#include "tests/support/kube_nodes.h"

namespace haagent::bootstrap::kube {
namespace {

using enum Component;
using enum VersionRule::Form;

struct Row {
  Component component;
  VersionRule::Form form;
  char const* name;
  int last_good;  // -1: none checked
  int first_bad;  // -1: none
  char const* sentence_at_bad;
};
class KubeVersionRule : public testing::TestWithParam<Row> {};
TEST_P(KubeVersionRule, HoldsAtItsEdge) {
  auto const& row = GetParam();
  EXPECT_EQ(complaint_about(row.component, row.form, row.name, {row.last_good, 4, ""}), "");
  EXPECT_EQ(complaint_about(row.component, row.form, row.name, {row.first_bad, 4, ""}),
            row.sentence_at_bad);
}
INSTANTIATE_TEST_SUITE_P(
    Edges, KubeVersionRule,
    testing::Values(
        Row{apiserver, flag, "cloud-provider", 32, 33,
            "kube-apiserver 1.33.4 has no --cloud-provider: 1.33 took it away, and an unknown flag "
            "stops the program; take it out: cloud providers are outside of Kubernetes: the "
            "kubelet and kube-controller-manager are told external already"},
        Row{kubelet, flag, "cloud-config", 33, 34,
            "kubelet 1.34.4 has no --cloud-config: 1.34 took it away, and an unknown flag stops "
            "the program; take it out: cloud providers are outside of Kubernetes: the kubelet and "
            "kube-controller-manager are told external already"},
        Row{kubelet, flag, "pod-infra-container-image", 34, 35,
            "kubelet 1.35.4 has no --pod-infra-container-image: 1.35 took it away, and an unknown "
            "flag stops the program; take it out: set the sandbox image in containerd's "
            "configuration"},
        Row{apiserver, flag, "tls-curve-preferences", 36, 35,
            "kube-apiserver 1.35.4 has no --tls-curve-preferences: it came with 1.36, and an "
            "unknown flag stops the program; take it out"},
        Row{kubelet, field, "memoryReservationPolicy", 36, 35,
            "kubelet 1.35.4 has no memoryReservationPolicy: it came with 1.36; take it out"}));

TEST(KubeVersionRules, AreWellFormed) {
  std::set<std::tuple<Component, VersionRule::Form, std::string_view>> seen;
  for (auto const& rule : version_rules()) {
    SCOPED_TRACE(rule.name);
    EXPECT_TRUE(seen.insert({rule.component, rule.form, rule.name}).second) << "stands twice";
    EXPECT_NE(rule.from == 0, rule.until == 0) << "either came or went";
    for (int minor : {rule.from, rule.until}) {
      // At the oldest minor a "came with" would never hold, and a "went" always.
      EXPECT_TRUE(minor == 0 || (minor > kOldestKubeMinor && minor <= kNewestKubeMinor));
    }
  }
}

// Trap: unknown flags are fatal. Nothing that haagent renders by itself may be one.
TEST(KubeVersionRules, NoRenderedFlagIsUnknownToItsVersion) {
  for (int minor = kOldestKubeMinor; minor <= kNewestKubeMinor; ++minor) {
    for (auto config : {test::kube_master(), test::kube_worker()}) {
      config.kubernetes.version = fmt::format("1.{}.0", minor);
      auto files = render(config, test::kube_identity());
      ASSERT_TRUE(files);
      for (auto const& file : *files) {
        for (auto const& rule : version_rules()) {
          if (rule.form != flag || minor < rule.until || (rule.until == 0 && minor >= rule.from)) {
            continue;
          }
          bool its_own = file.path.ends_with(fmt::format("/{}.yaml", program_of(rule.component))) ||
                         (rule.component == kubelet && file.path.ends_with("kubeadm-flags.env"));
          if (!its_own) continue;
          EXPECT_EQ(file.bytes.find(fmt::format("--{}=", rule.name)), std::string::npos)
              << file.path << " of 1." << minor << " has --" << rule.name;
        }
      }
    }
  }
}

}  // namespace
}  // namespace haagent::bootstrap::kube
