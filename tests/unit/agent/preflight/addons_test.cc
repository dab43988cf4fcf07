#include "agent/preflight/addons.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bootstrap/addons/store_set.h"
#include "tests/support/kube_nodes.h"
#include "tests/support/memory_store.h"
#include "tests/support/temporary_directory.h"

namespace haagent::preflight {
namespace {

using testing::HasSubstr;

constexpr char kMap[] =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: kube-system}\n"
    "data: {image: \"${haagent:image}\"}\n";
constexpr char kPlainMap[] =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: kube-system}\n";

class PreflightAddons : public testing::Test {
 protected:
  PreflightAddons() {
    package("dns/1.31-.yaml", kMap);
    package("dns/images.yaml", "\"1.31\": dns/dns:v1\n");
  }
  void package(std::string const& file, std::string const& text) {
    auto const path = Root(directory_.path())("/usr/share/haagent/addons/" + file);
    std::filesystem::create_directories(path.parent_path());
    test::write_bytes(path, text);
  }
  Findings look() {
    return look_at_addons(config_, Root(directory_.path()), store_, test::kube_identity(), {});
  }
  static std::vector<Reason> warnings(Findings const& found) {
    std::vector<Reason> reasons;
    for (auto const& each : found) {
      EXPECT_NE(each.level, Level::problem) << "a node comes up without its add-ons";
      if (each.level != Level::warning) continue;
      reasons.push_back(each.message.reason);
      EXPECT_NE(each.message.advice, "");
    }
    return reasons;
  }

  test::TemporaryDirectory directory_;
  SystemClock clock_;
  test::MemoryStore store_{clock_};
  NodeConfig config_ = test::kube_master();
};

TEST_F(PreflightAddons, ThoseThatCanBeReadAndThoseThatAreNotWantedAreNamed) {
  ASSERT_TRUE(bootstrap::addons::push_addons(store_, {{"web", kPlainMap}}, {}));
  config_.addons = {{"metrics", "off"}};
  auto const found = look();
  EXPECT_EQ(warnings(found), std::vector<Reason>());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_THAT(found.front().message.text,
              testing::AllOf(HasSubstr("package: dns;"), HasSubstr("store: web;"),
                             HasSubstr("not wanted: metrics")));
}

TEST_F(PreflightAddons, WhatCannotBeReadIsAWarningEach) {
  package("old/1.31.yaml", kPlainMap);
  package("newer/1.31-.yaml", kMap);
  package("newer/images.yaml", "\"1.36\": newer/newer:v1\n");
  package("bad/1.31-.yaml", "kind: X\n");
  ASSERT_TRUE(bootstrap::addons::push_addons(store_, {{"web", kPlainMap}}, {}));
  store_.put("addons/web.yaml", std::string(kPlainMap) + "# by hand");
  EXPECT_THAT(warnings(look()),
              testing::UnorderedElementsAre(Reason::AddonMissing, Reason::AddonMissing,
                                            Reason::AddonInvalid, Reason::AddonDigestMismatch));
  config_.addons = {{"old", "off"}, {"newer", "off"}, {"bad", "off"}, {"web", "off"}};
  EXPECT_EQ(warnings(look()), std::vector<Reason>());
}

TEST_F(PreflightAddons, AStateStoreThatDoesNotAnswerIsSaid) {
  store_.fail_all(Kind::denied);
  EXPECT_THAT(warnings(look()), testing::Contains(Reason::AddonUnreadable));
}

TEST_F(PreflightAddons, OfAnImageThePackageAloneIsLookedAt) {
  Root const root(directory_.path());
  auto found = look_at_packaged_addons({}, root, "1.36.3");
  EXPECT_EQ(warnings(found), std::vector<Reason>());
  EXPECT_THAT(found.front().message.text, HasSubstr("dns"));
  package("dns/images.yaml", "\"1.37\": dns/dns:v1\n");
  EXPECT_EQ(warnings(look_at_packaged_addons({}, root, "1.36.3")),
            std::vector{Reason::AddonMissing});
  found = look_at_packaged_addons({}, root, "");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found.front().level, Level::untried);
}

}  // namespace
}  // namespace haagent::preflight
