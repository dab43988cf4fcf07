// The cluster's page from what its nodes' agents answer: what a person who is paged must see on it.
#include "agent/status/cluster.h"
#include "agent/status/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <mutex>
#include <set>

#include "agent/base/json.h"
#include "tests/support/golden.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;
using State = RowStatus::State;
using test::matches_golden;
using testing::HasSubstr;

constexpr UtcTime kStart{std::chrono::seconds(1768472100)};
constexpr std::string_view kZones = "abc";

RowStatus done(std::string name) {
  RowStatus row;
  row.name = std::move(name);
  row.state = State::done;
  return row;
}

EtcdStatus member_of(EtcdCluster cluster, char letter) {
  std::string const prefix = cluster == EtcdCluster::main ? "etcd-" : "etcd-events-";
  EtcdMemberFacts member;
  member.name = prefix + letter;
  member.cluster_id = cluster == EtcdCluster::main ? "cdf818194e3a8c32" : "5a103783d7e0f7a1";
  member.leader = prefix + 'b';
  member.voters = member.healthy_voters = 3;
  member.db_size = 25u << 20u;
  auto const volume = fmt::format("vol-{}-{}", to_string(cluster), letter);
  auto const device = cluster == EtcdCluster::main ? "/dev/nvme1n1" : "/dev/nvme2n1";
  return {cluster, volume, "/dev/sdf", device, "/var/lib/haagent-etcd", member};
}

NodeView node(std::string role, char letter, int number) {
  StatusReport report;
  report.role = role;
  report.started = kStart;
  report.booted = kStart + 3100ms;
  report.boot_took = 3100ms;
  report.rows = {done("kube-files"), done("control-plane")};
  if (role == "master")
    for (auto cluster : kEtcdClusters) report.etcd.push_back(member_of(cluster, letter));
  return {.instance_id = fmt::format("i-0{}{:02}", letter, number),
          .zone = std::string("eu-west-1") + letter,
          .address = fmt::format("10.0.{}.{}", 16 * (letter - 'a'), number),
          .instance_state = "running",
          .report = report,
          .master = role == "master",
          .in_the_clear = role == "worker"};
}

ClusterView whole() {
  ClusterView view{.cluster = "prod.example.com",
                   .endpoint = "https://prod-api.elb.eu-west-1.amazonaws.com",
                   .kubernetes = "1.33.2"};
  for (char letter : kZones) view.nodes.push_back(node("master", letter, 10));
  view.nodes.push_back(node("worker", 'a', 11));
  return view;
}

// As the others see it once b's zone is gone, and with it the leader.
void lose_b(ClusterView& view) {
  view.nodes.erase(view.nodes.begin() + 1);
  for (auto& each : view.nodes) {
    for (auto& etcd : each.report->etcd) {
      auto& member = *etcd.member;
      auto const prefix = member.name.substr(0, member.name.size() - 1);
      member.leader = prefix + 'c';
      member.healthy_voters = 2;
      member.silent_voters = {prefix + 'b'};
    }
  }
}

struct Row {
  std::string name;
  std::function<void(ClusterView&)> change;
  int exit_code;
};
class ClusterPage : public testing::TestWithParam<Row> {};
TEST_P(ClusterPage, SaysWhatIsTrue) {
  auto view = whole();
  GetParam().change(view);
  EXPECT_EQ(cluster_exit_code(view), GetParam().exit_code);
  EXPECT_TRUE(
      matches_golden("status/cluster_" + GetParam().name + ".txt", cluster_page(view, false)));
}
INSTANTIATE_TEST_SUITE_P(
    Pages, ClusterPage,
    testing::Values(
        Row{"whole", [](ClusterView&) {}, 0}, Row{"zone_lost", lose_b, 1},
        Row{"agent_silent",
            [](ClusterView& view) {
              view.nodes[2].report.reset();
              view.nodes[2].problem = "http://10.0.32.10:3999/v1/status: Connection refused";
            },
            1},
        Row{"no_agent_answers",
            [](ClusterView& view) {
              for (auto& node : view.nodes) {
                node.report.reset();
                node.problem = "Connection refused";
              }
            },
            1},
        Row{"successor_waits",
            [](ClusterView& view) {
              lose_b(view);
              view.nodes.insert(view.nodes.begin() + 1, node("master", 'b', 12));
              auto& report = *view.nodes[1].report;
              report.booted.reset();
              report.boot_took.reset();
              report.etcd.clear();
              report.rows.front().name = "volume-main";
              report.rows.front().state = State::waiting;
              report.rows.front().message.reason = Reason::VolumeHeldElsewhere;
              report.rows.front().message.text =
                  "vol-main-b is attached to i-0b10, which shuts down";
            },
            1},
        Row{"no_quorum",
            [](ClusterView& view) {
              view.nodes.erase(view.nodes.begin() + 1, view.nodes.begin() + 3);
              for (auto& etcd : view.nodes.front().report->etcd) {
                auto const prefix = etcd.member->name.substr(0, etcd.member->name.size() - 1);
                etcd.member->leader = "";
                etcd.member->healthy_voters = 0;
                etcd.member->silent_voters = {prefix + 'b', prefix + 'c'};
              }
              view.note =
                  "EC2 was not asked for instances (no answer); shown are the masters that "
                  "this node knows.";
            },
            1}),
    [](auto const& each) { return each.param.name; });

// The others' pages are some seconds old and count it still.
TEST(ClusterStatus, AVoterThatHasJustGoneIsNotOk) {
  auto view = whole();
  view.nodes.erase(view.nodes.begin() + 1);
  EXPECT_EQ(cluster_exit_code(view), 1);
  EXPECT_THAT(cluster_page(view, false), HasSubstr("3 of 3 voters, leader etcd-b, cluster "
                                                   "cdf818194e3a8c32; 2 of their agents answer\n"));
}

// What a peer's port answers is anybody's bytes.
TEST(ClusterStatus, AProblemDoesNotDriveTheTerminal) {
  auto view = whole();
  view.nodes[2].report.reset();
  view.nodes[2].problem = "its agent answers \x1b[2J";
  EXPECT_THAT(cluster_page(view, false), HasSubstr("i-0c10: its agent answers ?[2J\n"));
}

// The next master must not be taken down while this one's etcd is about to end.
TEST(ClusterStatus, AFullFilesystemIsNotOkAndSaidByName) {
  auto const full = FilesystemFacts{.mount_point = "/var/lib/haagent-etcd/main",
                                    .size = 20ull << 30u,
                                    .level = SpaceLevel::critical,
                                    .message = "vol-main-b is full: grow it"};
  auto view = whole();
  view.nodes[1].report->etcd[0].space = full;
  EXPECT_EQ(cluster_exit_code(view), 1);
  EXPECT_THAT(cluster_page(view, false), HasSubstr("i-0b10: vol-main-b is full: grow it\n"));
  view = whole();
  view.nodes[3].report->filesystems = {full};
  EXPECT_EQ(cluster_exit_code(view), 1) << "of a worker as well";
  view.nodes[3].report->filesystems[0].level = SpaceLevel::warning;
  EXPECT_EQ(cluster_exit_code(view), 0);
  EXPECT_THAT(cluster_page(view, false), HasSubstr("i-0a11: vol-main-b is full: grow it\n"));
}

// A node that is ready does not make up for a voter that is gone.
TEST(ClusterStatus, AVoterThatIsGoneIsNotOk) {
  auto view = whole();
  for (auto& each : view.nodes)
    for (auto& etcd : each.report->etcd)
      if (etcd.cluster == EtcdCluster::events) etcd.member->healthy_voters = 2;
  EXPECT_EQ(cluster_exit_code(view), 1);
}

// Each change to a cluster that is whole, and the exit code then.
TEST(ClusterStatus, WhatComesInTheClearMakesNothingGood) {
  struct Case {
    std::string what;
    std::function<void(ClusterView&)> change;
    int exit_code;
  };
  auto const is_not_ready = [](NodeView& node) { node.report->booted.reset(); };
  for (auto const& [what, change, exit_code] : std::vector<Case>{
           {"whole", [](ClusterView&) {}, 0},
           {"a master whose page is in the clear",
            [](ClusterView& view) { view.nodes[1].in_the_clear = true; }, 1},
           {"a master that is silent", [](ClusterView& view) { view.nodes[1].report.reset(); }, 1},
           {"a master that calls itself a worker",
            [](ClusterView& view) {
              view.nodes[1] = node("worker", 'b', 10);
              view.nodes[1].master = true;
            },
            1},
           {"a voter whose node is known for no master, and calls itself a worker",
            [](ClusterView& view) { view.nodes[1] = node("worker", 'b', 10); }, 1},
           {"a worker that tells of etcd",
            [](ClusterView& view) {
              view.nodes[1].report.reset();
              view.nodes[1].master = false;
              view.nodes[3].report->etcd = {member_of(EtcdCluster::main, 'b'),
                                            member_of(EtcdCluster::events, 'b')};
            },
            1},
           {"a voter of another cluster",
            [](ClusterView& view) {
              for (auto& etcd : view.nodes[1].report->etcd) {
                etcd.member->cluster_id = "1";
                etcd.member->voters = etcd.member->healthy_voters = 1;
              }
              for (auto* each : {&view.nodes[0], &view.nodes[2]})
                for (auto& etcd : each->report->etcd)
                  etcd.member->voters = etcd.member->healthy_voters = 2;
            },
            1},
           {"a worker that is silent", [](ClusterView& view) { view.nodes[3].report.reset(); }, 0},
           {"a worker that says it is not ready",
            [&](ClusterView& view) { is_not_ready(view.nodes[3]); }, 1},
           {"a master that is not ready", [&](ClusterView& view) { is_not_ready(view.nodes[0]); },
            1}}) {
    auto view = whole();
    change(view);
    EXPECT_EQ(cluster_exit_code(view), exit_code) << what;
  }
}

// Answers by "http://10.0.0.10"; whoever has no row refuses connections.
class Pages final : public Http {
 public:
  Result<HttpResponse> send(HttpRequest const& request, std::stop_token) override {
    std::lock_guard lock(mutex);
    asked.insert(request.url.substr(0, request.url.find(":3999")));
    auto const row = pages.find(request.url.substr(0, request.url.find(":3999")));
    EXPECT_TRUE(request.direct);
    if (row == pages.end()) return fail(Kind::transient, "{}: refused", request.url);
    return HttpResponse{.status = 200, .headers = {}, .body = json::print(to_tree(row->second))};
  }
  std::mutex mutex;
  std::map<std::string, StatusReport> pages;
  std::set<std::string> asked;
};

StatusReport page_of(NodeView const& node, std::string const& role) {
  auto report = *node.report;
  report.cluster = "prod.example.com";
  report.role = role;
  Identity identity;
  identity.instance_id = node.instance_id;
  identity.zone = node.zone;
  identity.address = node.address;
  report.identity = identity;
  return report;
}

class ClusterGathered : public testing::Test {
 protected:
  ClusterGathered() {
    for (auto const& each : whole_.nodes) {
      auto const role = each.master ? "master" : "worker";
      http_.pages[(each.master ? "https://" : "http://") + each.address] = page_of(each, role);
      aws::Instance instance;
      instance.id = each.instance_id;
      instance.state = "running";
      instance.zone = each.zone;
      instance.ipv4 = each.address;
      instance.tags = {{each.master ? "k8s.io/role/control-plane" : "k8s.io/role/node", "1"}};
      instances_.push_back(instance);
    }
    own_ = http_.pages.at("https://10.0.0.10");
  }
  ClusterView gather() { return gather_cluster(own_, instances_, http_, {}, 1s, {}); }
  NodeView at(std::string const& address) {
    for (auto const& each : gather().nodes)
      if (each.address == address) return each;
    return {};
  }
  // Somebody else has the master's port, and no certificate.
  void replace_b(std::string const& role) {
    http_.pages.erase("https://10.0.16.10");
    http_.pages["http://10.0.16.10"] = page_of(whole_.nodes[1], role);
  }

  ClusterView const whole_ = whole();
  Pages http_;
  std::vector<aws::Instance> instances_;
  StatusReport own_;
};

TEST_F(ClusterGathered, IsGoodAsItIs) {
  auto const view = gather();
  EXPECT_EQ(view.nodes.size(), 4u);
  EXPECT_EQ(cluster_exit_code(view), 0) << cluster_page(view, false);
  EXPECT_TRUE(at("10.0.0.11").in_the_clear);
  EXPECT_FALSE(at("10.0.0.10").in_the_clear);
}

TEST_F(ClusterGathered, AMasterIsNotAskedInTheClear) {
  for (auto const* role : {"worker", "master"}) {
    replace_b(role);
    auto const view = gather();
    EXPECT_EQ(cluster_exit_code(view), 1) << role;
    EXPECT_FALSE(at("10.0.16.10").report);
    EXPECT_TRUE(at("10.0.16.10").master);
    EXPECT_FALSE(http_.asked.contains("http://10.0.16.10"));
  }
}

// What recover and restore go by.
TEST_F(ClusterGathered, AnAgentIsAskedOverTlsAlone) {
  replace_b("master");
  EXPECT_FALSE(ask_agent(http_, "10.0.16.10", {}, 1s, {}));
  EXPECT_FALSE(http_.asked.contains("http://10.0.16.10"));
  EXPECT_TRUE(ask_agent(http_, "10.0.32.10", {}, 1s, {}));
}

// EC2 says nothing of roles, or nothing at all: this node knows its peers.
TEST_F(ClusterGathered, APeerIsAMasterWhateverItsTagsSay) {
  own_.peers = {{"a", "10.0.0.10"}, {"b", "10.0.16.10"}, {"c", "10.0.32.10"}};
  replace_b("worker");
  for (auto& each : instances_) each.tags.clear();
  EXPECT_EQ(cluster_exit_code(gather()), 1);
  EXPECT_FALSE(at("10.0.16.10").report);
  instances_.clear();
  EXPECT_EQ(cluster_exit_code(gather()), 1);
  EXPECT_FALSE(http_.asked.contains("http://10.0.16.10"));
}

TEST_F(ClusterGathered, AVoterIsMissedWhoeverSpeaksInItsPlace) {
  replace_b("worker");
  for (auto& each : instances_) each.tags.clear();
  auto const view = gather();
  EXPECT_EQ(cluster_exit_code(view), 1) << "two of three voters have agents that answer";
  EXPECT_TRUE(at("10.0.16.10").in_the_clear);
  EXPECT_TRUE(at("10.0.16.10").report->etcd.empty());
}

TEST_F(ClusterGathered, APageInTheClearNamesNobody) {
  auto& page = http_.pages.at("http://10.0.0.11");
  page.identity->instance_id = "i-0b10";
  page.identity->zone = "eu-west-1z";
  EXPECT_EQ(at("10.0.0.11").instance_id, "i-0a11");
  EXPECT_EQ(at("10.0.0.11").zone, "eu-west-1a");
  page.cluster = "another.example.com";
  EXPECT_FALSE(at("10.0.0.11").report);
  EXPECT_FALSE(at("10.0.0.11").problem.empty());
}

JoinFacts::Waiting waiting(std::string id, std::string address, Reason reason, Duration after) {
  return {.instance_id = id,
          .address = std::move(address),
          .message = Message(reason, "why"),
          .at = kStart + after,
          .proven = !id.empty()};
}

TEST(WantsToJoin, IsTheLastWordOfAllMastersWithoutThoseThatHaveJoined) {
  ClusterView view{
      .nodes = {node("master", 'a', 10), node("master", 'b', 10), node("worker", 'a', 77)}};
  auto& a = view.nodes[0].report->joins.waiting;
  auto& b = view.nodes[1].report->joins.waiting;
  auto const id = view.nodes[2].instance_id;
  a = {waiting("i-new", "10.0.0.9", Reason::JoinBusy, 1s),
       waiting(id, view.nodes[2].address, Reason::JoinBusy, 2s)};
  b = {waiting("i-new", "10.0.0.9", Reason::JoinDenied, 3s),
       waiting("", "10.0.0.8", Reason::JoinRequestInvalid, 4s)};
  // A worker's own word lets nobody else appear.
  view.nodes[2].report->joins.waiting = {waiting("i-false", "10.0.0.7", Reason::JoinBusy, 9s)};
  auto reasons = [&] {
    std::vector<std::pair<std::string, Reason>> list;
    for (auto const& each : wants_to_join(view))
      list.emplace_back(each.instance_id, each.message.reason);
    return list;
  };
  using testing::ElementsAre;
  using testing::Pair;
  EXPECT_THAT(reasons(),
              ElementsAre(Pair("", Reason::JoinRequestInvalid), Pair("i-new", Reason::JoinDenied),
                          Pair(id, Reason::JoinBusy)));
  view.nodes[2].report->rows.push_back(done("join"));
  EXPECT_THAT(reasons(),
              ElementsAre(Pair("", Reason::JoinRequestInvalid), Pair("i-new", Reason::JoinDenied)));
  auto const page = cluster_page(view, false);
  EXPECT_THAT(page, HasSubstr("i-new (10.0.0.9)"));
  EXPECT_THAT(page, HasSubstr("JoinDenied"));

  // Somebody who only calls itself so hides nobody, and is told apart.
  auto claim = waiting("i-new", "10.0.0.66", Reason::JoinProofRejected, 5s);
  claim.proven = false;
  a.push_back(claim);
  EXPECT_THAT(reasons(),
              ElementsAre(Pair("i-new", Reason::JoinProofRejected),
                          Pair("", Reason::JoinRequestInvalid), Pair("i-new", Reason::JoinDenied)));
  EXPECT_THAT(cluster_page(view, false), testing::Not(HasSubstr("i-new (10.0.0.66)")));
}

}  // namespace
}  // namespace haagent
