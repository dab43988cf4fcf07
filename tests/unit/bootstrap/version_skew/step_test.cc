// The row version-skew of several masters over one etcd, and what it asks the others' apiservers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/base/json.h"
#include "bootstrap/version_skew/kubelets.h"
#include "bootstrap/version_skew/step.h"
#include "tests/support/etcd_keys.h"
#include "tests/support/fake_clock.h"
#include "tests/support/found.h"
#include "tests/support/kube_nodes.h"

namespace haagent::bootstrap::version_skew {
namespace {

using test::Found;
using test::IsDone;
using test::IsError;
using test::IsNeeded;
using namespace std::chrono_literals;

MATCHER_P(IsRefused, reason, "") {
  return arg.as == Found::As::error && arg.kind == Kind::refused && arg.message.reason == reason;
}

// etcd main on this machine, and apiservers wherever the test has some.
class Cluster final : public Http {
 public:
  Result<HttpResponse> send(HttpRequest const& request, std::stop_token) override {
    constexpr std::string_view kEtcd = "https://127.0.0.1:2379";
    if (request.url.starts_with(kEtcd)) return etcd(request, request.url.substr(kEtcd.size()));
    ++asked;
    auto const host = request.url.substr(0, request.url.find('/', 8));
    auto const tables = apiservers.find(host);
    if (tables == apiservers.end()) return fail(Kind::transient, "{} does not answer", host);
    EXPECT_NE(request.url.find("includeObject=None"), std::string::npos) << request.url;
    for (auto const& [name, value] : request.headers)
      EXPECT_EQ(name + ": " + value, "accept: application/json;as=Table;v=v1;g=meta.k8s.io");
    return HttpResponse{.status = 200, .body = tables->second};
  }
  void claim(std::string const& member, std::string const& version) {
    keys.put(std::string(kClaims) + member, claim_text(read_kube_version(version).value()));
  }
  std::string claimed(std::string const& member) {
    auto const text = keys.get(std::string(kClaims) + member);
    return text ? to_string(read_claim(*text).value()) : "";
  }

  test::EtcdKeys keys;
  std::map<std::string, std::string> apiservers;  // what they have, by origin
  std::vector<std::string> members = {"a", "b", "c"};
  bool etcd_answers = true;
  std::function<void()> before_txn;  // once
  int reads = 0, asked = 0;

 private:
  Result<HttpResponse> etcd(HttpRequest const& request, std::string const& path) {
    if (!etcd_answers) return fail(Kind::transient, "etcd does not answer");
    auto ok = [](Tree const& body) {
      return HttpResponse{.status = 200, .body = json::print(body)};
    };
    if (path == "/v3/cluster/member/list") {
      auto list = Tree::list();
      for (auto const& each : members) list.push_back(Tree::map({{"name", "etcd-" + each}}));
      return ok(Tree::map({{"members", std::move(list)}}));
    }
    if (path == "/v3/kv/txn" && before_txn) std::exchange(before_txn, {})();
    if (path == "/v3/kv/range") ++reads;
    return ok(keys.answer(path, json::parse(request.body).value()).value());
  }
};

std::string table(std::vector<Kubelet> const& kubelets, std::string const& next = {}) {
  auto rows = Tree::list();
  for (auto const& each : kubelets)
    rows.push_back(
        Tree::map({{"cells", Tree::list({each.node, "Ready", "<none>", "5d", each.version})},
                   {"object", Tree()}}));
  auto columns = Tree::list();
  for (auto const* name : {"Name", "Status", "Roles", "Age", "Version"})
    columns.push_back(Tree::map({{"name", name}, {"type", "string"}}));
  return json::print(Tree::map({{"kind", "Table"},
                                {"metadata", Tree::map({{"continue", next}})},
                                {"columnDefinitions", std::move(columns)},
                                {"rows", std::move(rows)}}));
}

constexpr char kEndpoint[] = "https://api.prod.example.com";

class VersionSkewStepTest : public testing::Test {
 protected:
  struct Master {
    Master(VersionSkewStepTest& test, std::string const& member, std::string const& version)
        : config(test::kube_master()) {
      config.cluster.endpoint = kEndpoint;
      config.kubernetes.version = version;
      facts.identity.set(test::kube_identity());
      facts.main.volume.set({.member = member});
      facts.main.peers.set({{{"a", "10.0.0.10"}, {"b", "10.0.1.10"}, {"c", ""}}});
      step.emplace(Deps{config, Root("/nowhere"), test.cluster_, test.clock_});
    }
    Found look() { return test::found(step->look(facts, {})); }
    // Until there is nothing more to do, as the runner does it.
    Found converge() {
      for (int i = 0; i < 10; ++i) {
        auto looked = step->look(facts, {});
        if (!looked || !std::holds_alternative<Needed>(*looked)) return test::found(looked);
        auto const acted = std::get<Needed>(*looked).act({});
        EXPECT_TRUE(acted) << acted.error().message.text;
      }
      return look();
    }
    NodeConfig config;
    Facts facts;
    std::optional<VersionSkewStep> step;
  };

  Cluster cluster_;
  test::FakeClock clock_;
};

TEST_F(VersionSkewStepTest, ANewClusterClaimsAndAsksNobody) {
  Master a(*this, "a", "1.36.3");
  EXPECT_THAT(a.look(), IsNeeded(Reason::ApiserverVersionToClaim));
  EXPECT_THAT(a.converge(), IsDone(Reason::ApiserverVersionClaimed));
  EXPECT_EQ(cluster_.claimed("a"), "1.36.3");
  EXPECT_EQ(cluster_.asked, 0) << "there is no Node";
}

TEST_F(VersionSkewStepTest, AtRestThereIsOneReadAndNoWrite) {
  for (auto const* member : {"a", "b", "c"}) cluster_.claim(member, "1.36.3");
  cluster_.keys.put("/registry/minions/n1", "");
  Master a(*this, "a", "1.36.3");
  for (int look = 1; look <= 3; ++look) {
    EXPECT_THAT(a.look(), IsDone(Reason::ApiserverVersionClaimed));
    EXPECT_EQ(cluster_.reads, look);
  }
  EXPECT_EQ(cluster_.keys.writes, 0);
  EXPECT_EQ(cluster_.asked, 0);
}

TEST_F(VersionSkewStepTest, ARefusalHealsOnceTheOthersHaveFollowed) {
  for (auto const* member : {"a", "b", "c"}) cluster_.claim(member, "1.35.1");
  cluster_.claim("a", "1.36.3");
  Master a(*this, "a", "1.37.0");
  auto const refused = a.look();
  EXPECT_THAT(refused, IsRefused(Reason::ApiserverVersionUnfit));
  EXPECT_EQ(cluster_.claimed("a"), "1.36.3");
  cluster_.claim("b", "1.36.3");
  EXPECT_THAT(a.look(), IsRefused(Reason::ApiserverVersionUnfit));
  EXPECT_NE(a.look().message.subject, refused.message.subject);
  cluster_.claim("c", "1.36.3");
  EXPECT_THAT(a.converge(), IsDone(Reason::ApiserverVersionClaimed));
  EXPECT_EQ(cluster_.claimed("a"), "1.37.0");
}

// Each has read that nobody has claimed anything.
TEST_F(VersionSkewStepTest, OfTwoThatDoNotFitOneGetsIn) {
  Master a(*this, "a", "1.35.1"), b(*this, "b", "1.37.0");
  cluster_.before_txn = [&] { EXPECT_THAT(b.converge(), IsDone(Reason::ApiserverVersionClaimed)); };
  EXPECT_THAT(a.converge(), IsRefused(Reason::ApiserverVersionUnfit));
  EXPECT_EQ(cluster_.claimed("a"), "");
  EXPECT_EQ(cluster_.claimed("b"), "1.37.0");
}

TEST_F(VersionSkewStepTest, OfTwoThatFitBothGetIn) {
  Master a(*this, "a", "1.36.3"), b(*this, "b", "1.37.0");
  cluster_.before_txn = [&] { b.converge(); };
  EXPECT_THAT(a.converge(), IsRefused(Reason::ApiserverVersionUnfit))
      << "below all: b is there first";
  cluster_.keys.erase("/haagent.io/apiservers/b");
  cluster_.before_txn = [&] { cluster_.claim("b", "1.36.0"); };
  EXPECT_THAT(a.converge(), IsDone(Reason::ApiserverVersionClaimed));
}

// A claim that goes away meanwhile, which the decision went by, is a change as well.
TEST_F(VersionSkewStepTest, AWayDownThatClosesMeanwhileIsClosed) {
  for (auto const* member : {"a", "b", "c"}) cluster_.claim(member, "1.37.0");
  cluster_.claim("c", "1.36.3");
  Master a(*this, "a", "1.36.3");
  cluster_.before_txn = [&] { cluster_.keys.erase("/haagent.io/apiservers/c"); };
  EXPECT_THAT(a.converge(), IsRefused(Reason::ApiserverVersionUnfit));
  EXPECT_EQ(cluster_.claimed("a"), "1.37.0");
}

TEST_F(VersionSkewStepTest, WhatAMasterThatIsGoneHasLeftIsRemoved) {
  cluster_.claim("a", "1.36.3");
  cluster_.claim("d", "1.34.1");
  cluster_.claim("e", "1.37.0");
  cluster_.members = {"a", "b", "c", "e"};  // not yet removed, though no tag names it
  Master a(*this, "a", "1.37.0");
  EXPECT_THAT(a.converge(), IsDone(Reason::ApiserverVersionClaimed));
  EXPECT_EQ(cluster_.claimed("d"), "");
  EXPECT_EQ(cluster_.claimed("e"), "1.37.0");
  EXPECT_EQ(cluster_.claimed("a"), "1.37.0");
  // It has come back in the meantime.
  cluster_.members = {"a", "b", "c"};
  cluster_.before_txn = [&] { cluster_.claim("e", "1.36.3"), cluster_.members.push_back("e"); };
  EXPECT_THAT(a.converge(), IsDone(Reason::ApiserverVersionClaimed));
  EXPECT_EQ(cluster_.claimed("e"), "1.36.3");
}

TEST_F(VersionSkewStepTest, KubeletsAreAskedForBeforeTheHighestMinorRises) {
  for (auto const* member : {"a", "b", "c"}) cluster_.claim(member, "1.36.3");
  cluster_.keys.put("/registry/minions/n1", "");
  cluster_.apiservers[kEndpoint] = table({{"n1", "v1.34.0"}, {"n2", "v1.33.9"}});
  Master a(*this, "a", "1.37.0");
  auto const refused = a.converge();
  EXPECT_THAT(refused, IsRefused(Reason::KubeletsTooOld));
  EXPECT_EQ(cluster_.claimed("a"), "1.36.3");
  // The node was replaced. What still stands under this machine's own name does not count.
  cluster_.apiservers[kEndpoint] =
      table({{"n1", "v1.34.0"}, {a.facts.identity.get()->hostname, "v1.33.0"}});
  EXPECT_THAT(a.converge(), IsDone(Reason::ApiserverVersionClaimed));
  auto const asked = cluster_.asked;
  // The second one raises nothing.
  Master b(*this, "b", "1.37.0");
  EXPECT_THAT(b.converge(), IsDone(Reason::ApiserverVersionClaimed));
  EXPECT_EQ(cluster_.asked, asked);
}

TEST_F(VersionSkewStepTest, WhereTheEndpointIsSilentAnotherMasterIsAsked) {
  cluster_.claim("a", "1.36.3");
  cluster_.keys.put("/registry/minions/n1", "");
  cluster_.apiservers["https://10.0.1.10:6443"] = table({{"n2", "v1.33.9"}});
  Master a(*this, "a", "1.37.0");
  EXPECT_THAT(a.converge(), IsRefused(Reason::KubeletsTooOld));
}

TEST_F(VersionSkewStepTest, WhereNobodyAnswersItGoesOnAndSaysSo) {
  cluster_.claim("a", "1.36.3");
  cluster_.keys.put("/registry/minions/n1", "");
  Master a(*this, "a", "1.37.0");
  auto const done = a.converge();
  EXPECT_THAT(done, IsDone(Reason::ApiserverVersionClaimed));
  EXPECT_EQ(cluster_.claimed("a"), "1.37.0");
  EXPECT_GE(cluster_.asked, 2);
  cluster_.apiservers[kEndpoint] = table({});
  Master other(*this, "a", "1.37.0");
  EXPECT_NE(done.message.text, other.look().message.text) << "it says what it does not know";
}

TEST_F(VersionSkewStepTest, EtcdThatIsAwayForAWhileIsNoNews) {
  Master a(*this, "a", "1.36.3");
  a.converge();
  cluster_.etcd_answers = false;
  EXPECT_THAT(a.look(), IsDone(Reason::ApiserverVersionClaimed));
  Master just_started(*this, "a", "1.36.3");
  EXPECT_EQ(just_started.look().kind, Kind::transient);
}

TEST_F(VersionSkewStepTest, WhatCannotBeReadStopsAClaimAndNoReboot) {
  cluster_.claim("a", "1.36.3");
  cluster_.keys.put(std::string(kClaims) + "b", R"({"schema": 2})");
  Master a(*this, "a", "1.36.3");
  EXPECT_THAT(a.look(), IsDone(Reason::ApiserverVersionClaimed));
  Master again(*this, "a", "1.36.4");
  EXPECT_THAT(again.look(), IsError(Reason::ApiserverClaimUnreadable));
}

TEST(ApiserverClaims, TheLowestCounts) {
  auto stored = [](std::string const& version) {
    return StoredClaim{.member = "x", .version = read_kube_version(version).value()};
  };
  EXPECT_FALSE(lowest({}));
  EXPECT_FALSE(lowest({{.member = "x", .version = {}, .unreadable = "it is no JSON"}}));
  EXPECT_EQ(to_string(*lowest({stored("1.37.0"), stored("1.36.10"), stored("1.36.9")})), "1.36.9");
}

TEST(ApiserverClaims, AClaimIsReadStrictlyEnough) {
  EXPECT_EQ(claim_text(KubeVersion{36, 3, ""}), R"({"schema":1,"version":"1.36.3"})");
  EXPECT_EQ(read_claim(R"({"schema": 1, "version": "1.41.0-rc.1"})")->minor, 41);
  for (auto const* text : {"", "{}", R"({"schema": 2, "version": "1.36.3"})",
                           R"({"schema": 1, "version": "2.0.0"})", R"({"schema": 1})"})
    EXPECT_FALSE(read_claim(text)) << text;
}

TEST(KubeletTable, IsReadByTheNamesOfItsColumns) {
  auto const page = read_page(json::parse(table({{"n1", "v1.36.3"}}, "more")).value());
  ASSERT_TRUE(page);
  EXPECT_EQ(page->next, "more");
  ASSERT_EQ(page->kubelets.size(), 1u);
  EXPECT_EQ(page->kubelets[0].node, "n1");
  EXPECT_EQ(page->kubelets[0].version, "v1.36.3");
  auto of = [](char const* text) { return read_page(json::parse(text).value()); };
  EXPECT_TRUE(
      of(R"({"columnDefinitions": [{"name": "Name"}, {"name": "Version"}], "rows": null})"));
  EXPECT_FALSE(of(R"({"kind": "NodeList", "items": []})"));
  EXPECT_FALSE(of(R"({"columnDefinitions": [{"name": "Name"}], "rows": []})"));
  EXPECT_FALSE(of(
      R"({"columnDefinitions": [{"name": "Name"}, {"name": "Version"}], "rows": [{"cells": ["n"]}]})"));
}

}  // namespace
}  // namespace haagent::bootstrap::version_skew
