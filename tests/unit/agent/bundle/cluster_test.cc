// What the masters gave, put together: one that does not answer, or answers with something else,
// spoils nothing of the others.
#include "agent/bundle/cluster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/base/json.h"
#include "agent/bundle/archive.h"

namespace haagent::bundle {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

std::string archive_of(std::string const& path, std::string const& content) {
  std::string bytes;
  Archive archive([&](std::string_view piece) -> Result<void> {
    bytes += piece;
    return {};
  });
  EXPECT_TRUE(archive.add(path, content, UtcTime{}));
  EXPECT_TRUE(archive.finish());
  return bytes;
}

// Agents that answer by their address.
struct Agents final : Http {
  std::map<std::string, HttpResponse> answers;
  Result<HttpResponse> send(HttpRequest const& request, std::stop_token) override {
    for (auto const& [address, answer] : answers)
      if (request.url == "https://" + address + ":3999/v1/support-bundle") return answer;
    return fail(Kind::transient, "{}: connection refused", request.url);
  }
};

About about() {
  return {.haagent = "1.2.3", .node = "a", .cluster = "c", .most = 32u << 20u};
}

ClusterView view() {
  ClusterView made{.cluster = "c"};
  auto add = [&](std::string const& id, std::string const& address, bool master) -> NodeView& {
    made.nodes.push_back({.instance_id = id,
                          .zone = "eu-west-1a",
                          .address = address,
                          .instance_state = "running",
                          .master = master});
    return made.nodes.back();
  };
  add("i-own", "10.0.0.10", true);
  auto& b = add("i-0b", "10.0.16.10", true);
  b.report.emplace();
  b.report->identity = Identity{.hostname = "ip-10-0-16-10.eu-west-1.compute.internal"};
  add("i-0c", "10.0.32.10", true);
  add("i-0d", "", true);
  add("i-0w", "10.0.0.11", false);
  return made;
}

TEST(ClusterBundle, HasAFolderForEachMasterAndSaysOfEachNodeWhyItHasNone) {
  Agents agents;
  agents.answers["10.0.16.10"] = {.status = 200, .body = archive_of("x/kernel/mounts.txt", "b's")};
  agents.answers["10.0.0.11"] = {.status = 200, .body = archive_of("x/worker.txt", "w's")};
  auto parts = ask_for_bundles(view(), "10.0.0.10", agents, {}, Duration(1'000), {});
  ASSERT_EQ(parts.size(), 4u);
  EXPECT_FALSE(is_whole(parts));
  parts.insert(parts.begin(), NodePart{.node = "ip-10-0-0-10",
                                       .instance_id = "i-own",
                                       .master = true,
                                       .files = {{"MANIFEST.json", "{}"}}});
  auto const files = cluster_files(parts, "EC2 was not asked", about());
  std::vector<std::string> paths;
  for (auto const& file : files) paths.push_back(file.path);
  EXPECT_THAT(paths, ElementsAre("NODES.json", "ip-10-0-0-10/MANIFEST.json",
                                 "ip-10-0-16-10/kernel/mounts.txt"));
  auto const nodes = json::parse(files[0].bytes);
  ASSERT_TRUE(nodes) << files[0].bytes;
  std::map<std::string, bool> has;
  for (auto const& each : nodes->find("nodes")->items())
    has[each.text_at("instanceId")] = each.text_at("missing").empty();
  EXPECT_THAT(has, UnorderedElementsAre(std::pair("i-own", true), std::pair("i-0b", true),
                                        std::pair("i-0c", false), std::pair("i-0d", false),
                                        std::pair("i-0w", false)));
}

TEST(ClusterBundle, IsWholeWithoutWorkersAndNotWithoutAMaster) {
  std::vector<NodePart> parts = {{.node = "a", .master = true},
                                 {.node = "w", .master = false, .missing = "a worker"}};
  EXPECT_TRUE(is_whole(parts));
  parts.push_back({.node = "b", .master = true, .missing = "timeout"});
  EXPECT_FALSE(is_whole(parts));
}

TEST(ClusterBundle, WhatAMasterAnswersInsteadIsWhyItHasNone) {
  for (auto const& answer : std::initializer_list<HttpResponse>{
           {.status = 403, .body = "the caller's certificate is no agent's\n"},
           {.status = 404, .body = ""},
           {.status = 429, .body = "another support bundle is being made\n"},
           {.status = 200, .body = ""},
           {.status = 200, .body = archive_of("x/../../etc/passwd", "x")},
           {.status = 200, .body = archive_of("x/a", "x").substr(0, 40)}}) {
    Agents agents;
    agents.answers["10.0.16.10"] = answer;
    agents.answers["10.0.32.10"] = {.status = 200, .body = archive_of("x/a", "c's")};
    auto const parts = ask_for_bundles(view(), "10.0.0.10", agents, {}, Duration(1'000), {});
    EXPECT_NE(parts[0].missing, "") << answer.status;
    EXPECT_TRUE(parts[0].files.empty());
    EXPECT_EQ(parts[1].files.size(), 1u) << "the next one's are there";
  }
}

TEST(ClusterBundle, TwoNodesOfOneNameHaveFoldersOfTheirOwn) {
  std::vector<NodePart> const parts = {
      {.node = "../a", .master = true, .files = {{"x", "1"}}},
      {.node = "", .instance_id = "i-1", .master = true, .files = {{"x", "2"}}},
      {.node = "i-1", .master = true, .files = {{"x", "3"}}}};
  std::set<std::string> paths;
  for (auto const& file : cluster_files(parts, "", about())) {
    EXPECT_TRUE(paths.insert(file.path).second) << file.path;
    EXPECT_FALSE(file.path.contains("/../") || file.path.starts_with("..")) << file.path;
  }
  EXPECT_EQ(paths.size(), 4u);
}

}  // namespace
}  // namespace haagent::bundle
