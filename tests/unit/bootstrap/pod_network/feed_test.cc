#include "bootstrap/pod_network/feed.h"

#include <gtest/gtest.h>

#include "tests/support/scripted_http.h"

namespace haagent::bootstrap::pod_network {
namespace {

using namespace std::chrono_literals;

std::string const kUrl = "GET https://api/api/v1/nodes?";
std::string const kWatch =
    kUrl + "watch=1&allowWatchBookmarks=true&timeoutSeconds=60&resourceVersion=";

std::string node_of(std::string const& name, std::string const& range) {
  return fmt::format(
      R"({{"metadata":{{"name":"{}","resourceVersion":"9"}},"spec":{{"podCIDR":"{}"}},)"
      R"("status":{{"addresses":[{{"type":"InternalIP","address":"10.0.0.9"}}]}}}})",
      name, range);
}

TEST(NodeFeed, ReadsEveryPageAndGoesOnFromTheLast) {
  test::ScriptedHttp http;
  http.on(kUrl + "limit=200",
          test::answer(200, R"({"metadata":{"resourceVersion":"5","continue":"next"},"items":[)" +
                                node_of("a", "10.244.1.0/24") + "]}"));
  http.on(kUrl + "limit=200&continue=next",
          test::answer(200, R"({"metadata":{"resourceVersion":"5"},"items":[)" +
                                node_of("b", "10.244.2.0/24") + "]}"));
  http.on(kWatch + "5",
          test::answer(200, R"({"type":"MODIFIED","object":)" + node_of("a", "10.244.1.0/24") +
                                "}\n" + R"({"type":"ADDED","object":)" +
                                node_of("c", "10.244.3.0/24") + "}\n" + R"({"type":"ADD)"));
  http.on(kWatch + "9", test::answer(200, ""));
  NodeFeed feed(http, "https://api", {});
  ASSERT_TRUE(feed.list({}));
  EXPECT_EQ(feed.table().nodes().size(), 2u);
  EXPECT_EQ(feed.watch(60s, {}), true);
  EXPECT_EQ(feed.table().nodes().size(), 3u);
  EXPECT_EQ(feed.watch(60s, {}), false);
}

TEST(NodeFeed, WhoMayNotAskIsToldSo) {
  test::ScriptedHttp http;
  http.on(kUrl + "limit=200", test::answer(403, R"({"message":"nodes is forbidden"})"));
  NodeFeed feed(http, "https://api", {});
  auto const listed = feed.list({});
  ASSERT_FALSE(listed);
  EXPECT_EQ(listed.error().kind, Kind::denied);
  EXPECT_TRUE(feed.table().nodes().empty());
}

TEST(NodeFeed, AListThatFailsHalfWayChangesNothing) {
  test::ScriptedHttp http;
  http.on(kUrl + "limit=200",
          test::answer(200, R"({"metadata":{"resourceVersion":"5","continue":"next"},"items":[)" +
                                node_of("a", "10.244.1.0/24") + "]}"));
  http.on(kUrl + "limit=200&continue=next", test::answer(500));
  NodeFeed feed(http, "https://api", {});
  EXPECT_EQ(feed.list({}).error().kind, Kind::transient);
  EXPECT_TRUE(feed.table().nodes().empty());
}

TEST(NodeFeed, AWatchThatNobodyRemembersEndsWithAnError) {
  test::ScriptedHttp http;
  http.on(kUrl + "limit=200",
          test::answer(200, R"({"metadata":{"resourceVersion":"5"},"items":[]})"));
  http.on(kWatch + "5", test::answer(410, R"({"message":"too old"})"));
  http.on(kWatch + "5", test::answer(200, R"({"type":"ERROR","object":{"code":410}})"
                                          "\n"));
  http.on(kWatch + "5", test::answer(200, "nonsense\n"));
  NodeFeed feed(http, "https://api", {});
  ASSERT_TRUE(feed.list({}));
  EXPECT_EQ(feed.watch(60s, {}).error().kind, Kind::transient);
  EXPECT_EQ(feed.watch(60s, {}).error().kind, Kind::transient);
  EXPECT_FALSE(feed.watch(60s, {}));
}

}  // namespace
}  // namespace haagent::bootstrap::pod_network
