#include "bootstrap/addons/discovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/base/json.h"
#include "tests/support/scripted_http.h"

namespace haagent::bootstrap::addons {
namespace {

using test::answer;

constexpr char kApps[] =
    R"({"kind":"APIResourceList","groupVersion":"apps/v1","resources":[)"
    R"({"name":"deployments","singularName":"deployment","namespaced":true,"kind":"Deployment"},)"
    R"({"name":"deployments/scale","namespaced":true,"group":"autoscaling","kind":"Scale"},)"
    R"({"name":"things","namespaced":false,"kind":"Thing"}]})";
constexpr char kUrl[] = "GET https://127.0.0.1:6443";

TEST(AddonDiscovery, ReadsTheKindsOfAGroup) {
  auto const resources = read_resources(json::parse(kApps).value(), "apps", "v1");
  ASSERT_EQ(resources.size(), 2u);
  EXPECT_EQ(resources[0], (Resource{"apps", "v1", "Deployment", "deployments", true}));
  EXPECT_EQ(resources[1], (Resource{"apps", "v1", "Thing", "things", false}));
  EXPECT_TRUE(read_resources(Tree("text"), "", "v1").empty());
}

TEST(AddonDiscovery, KnowsThePaths) {
  Resource const deployment{"apps", "v1", "Deployment", "deployments", true};
  EXPECT_EQ(object_path(deployment, {"apps", "Deployment", "a", "web"}),
            "/apis/apps/v1/namespaces/a/deployments/web");
  EXPECT_EQ(collection_path(deployment, "a"), "/apis/apps/v1/namespaces/a/deployments");
  Resource const node{"", "v1", "Node", "nodes", false};
  EXPECT_EQ(object_path(node, {"", "Node", "", "n"}), "/api/v1/nodes/n");
}

TEST(AddonDiscovery, ReadsTheVersionsOfAGroupThePreferredFirst) {
  EXPECT_THAT(read_versions(json::parse(R"({"versions":[{"version":"v2"},{"version":"v1"}],)"
                                        R"("preferredVersion":{"version":"v1"}})")
                                .value()),
              testing::ElementsAre("v1", "v2"));
}

class AddonDiscoveryAsking : public testing::Test {
 protected:
  std::string plural(std::string const& kind) {
    auto const found = discovery_.find("apps", "v1", kind, {});
    return !found ? "error" : *found ? (*found)->plural : "none";
  }
  test::ScriptedHttp http_;
  Discovery discovery_{ApiserverClient(http_, {.url = "https://127.0.0.1:6443", .tls = {}})};
};

TEST_F(AddonDiscoveryAsking, AsksOnceAndAgainInEachPassForWhatIsNotKnown) {
  http_.always(std::string(kUrl) + "/apis/apps/v1", answer(200, kApps));
  EXPECT_EQ(plural("Deployment"), "deployments");
  EXPECT_EQ(plural("Thing"), "things");
  EXPECT_EQ(plural("New"), "none");
  EXPECT_EQ(http_.count("apps"), 1);
  discovery_.begin_pass();
  EXPECT_EQ(plural("Thing"), "things");
  EXPECT_EQ(http_.count("apps"), 1);
  EXPECT_EQ(plural("New"), "none");
  EXPECT_EQ(http_.count("apps"), 2);
}

TEST_F(AddonDiscoveryAsking, TellsAServerThatIsAwayFromAKindThatIsNot) {
  http_.on(std::string(kUrl) + "/apis/apps/v1", answer(503, ""));
  http_.on(std::string(kUrl) + "/apis/apps/v1", answer(404, "404 page not found"));
  EXPECT_EQ(plural("Thing"), "error");
  EXPECT_EQ(plural("Thing"), "none");
}

TEST_F(AddonDiscoveryAsking, FindsAnotherVersionOfAKind) {
  http_.on(std::string(kUrl) + "/apis/apps/v1beta1", answer(404, ""));
  http_.on(std::string(kUrl) + "/apis/apps",
           answer(200, R"({"preferredVersion":{"version":"v1"}})"));
  http_.on(std::string(kUrl) + "/apis/apps/v1", answer(200, kApps));
  auto const found = discovery_.find_any({"apps", "Thing", "", "a"}, "v1beta1", {});
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->version, "v1");
}

}  // namespace
}  // namespace haagent::bootstrap::addons
