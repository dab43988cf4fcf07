// The cluster's page from what its nodes' agents answer: what a person who is paged must see on it.
#include "agent/cluster_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
  report.rows = {done("kube-files"), done("control-plane")};
  if (role == "master")
    for (auto cluster : kEtcdClusters) report.etcd.push_back(member_of(cluster, letter));
  return {fmt::format("i-0{}{:02}", letter, number),
          std::string("eu-west-1") + letter,
          fmt::format("10.0.{}.{}", 16 * (letter - 'a'), number),
          "running",
          report,
          {}};
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
              report.etcd.clear();
              report.rows.front().name = "volume-main";
              report.rows.front().state = State::waiting;
              report.rows.front().sentence = "vol-main-b is attached to i-0b10, which shuts down";
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

}  // namespace
}  // namespace haagent
