#include "agent/commands/etcd.h"

#include <gtest/gtest.h>

#include "tests/support/golden.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;
using test::matches_golden;

MembersView members() {
  MembersView view{.cluster = EtcdCluster::main, .cluster_id = 0xcdf818194e3a8c32, .quorum = true};
  auto member = [](std::uint64_t id, std::string name, bool learner) {
    return bootstrap::EtcdMember{.id = id,
                                 .name = name,
                                 .peer_urls = {"http://" + name + ":2380"},
                                 .client_urls = {"http://" + name + ":2379"},
                                 .learner = learner};
  };
  bootstrap::EtcdStatus status{.version = "3.5.30",
                               .db_size = 20u << 20u,
                               .db_size_in_use = 3u << 19u,
                               .leader = 0x1a,
                               .raft_index = 1000,
                               .raft_applied_index = 1000};
  view.members.push_back({.member = member(0x1a, "etcd-a", false),
                          .status = status,
                          .silence = "",
                          .volume = "vol-0123456789abcdef0"});
  status.raft_applied_index = 940;
  status.errors = {"etcdserver: no leader"};
  view.members.push_back({.member = member(0x2b, "etcd-b", true), .status = status});
  view.members.push_back({.member = member(0x3c, "etcd-c", false),
                          .status = {},
                          .silence = "connection refused\033[2J"});
  bootstrap::EtcdMember added{.id = 0x4d, .peer_urls = {"http://etcd-d:2380"}};
  view.members.push_back({.member = added, .status = {}, .silence = "it has never started"});
  return view;
}

TEST(EtcdCommands, MembersPage) {
  auto view = members();
  EXPECT_TRUE(matches_golden("etcd/members.txt", members_page(view)));
  EXPECT_TRUE(matches_golden("etcd/members.json", print_tree(to_tree(view), OutputFormat::json)));
  view.quorum = false;
  EXPECT_TRUE(members_page(view).contains("No quorum"));
}

TEST(EtcdCommands, SnapshotsPage) {
  auto const now = *parse_rfc3339("2026-01-15T10:30:00Z");
  auto const created = *parse_rfc3339("2026-01-15T10:15:00.123Z");
  bootstrap::BackupManifest manifest{.name = bootstrap::backup_name(created, "etcd-a"),
                                     .cluster = "prod.example.com",
                                     .cluster_id = "cdf818194e3a8c32",
                                     .member = "etcd-a",
                                     .revision = 4711,
                                     .size = 20u << 20u,
                                     .sha256 = std::string(64, 'a'),
                                     .etcd_version = "3.5.30",
                                     .haagent_version = "0.1.0",
                                     .created_at = created,
                                     .verified_at = created + 2s};
  bootstrap::BackupList list;
  list.backups.push_back({.entry = {.name = bootstrap::backup_name(created - 1h, "etcd-b"),
                                    .created = created - 1h,
                                    .has_data = true,
                                    .data_size = 1u << 20u,
                                    .stored = created - 1h},
                          .manifest = {},
                          .problem = "it has no manifest"});
  list.backups.push_back({.entry = {.name = manifest.name, .created = created, .stored = created},
                          .manifest = manifest,
                          .problem = ""});
  list.strangers = {"backups/main/notes.txt"};
  EXPECT_TRUE(matches_golden("etcd/snapshots.txt", snapshots_page(list, "s3://state", now)));
  EXPECT_TRUE(matches_golden("etcd/snapshots.json", print_tree(to_tree(list), OutputFormat::json)));
  EXPECT_EQ(snapshots_page({}, "s3://state", now), "There is no backup in s3://state.\n");
}

TEST(EtcdCommands, DrillPage) {
  bootstrap::DrillReport report{.name = "20260115T101500.123Z-etcd-a",
                                .stages = {{"download and compare", 1200ms}, {"restore", 300ms}},
                                .failure = "",
                                .revision = 4711,
                                .db_size = 20u << 20u};
  EXPECT_TRUE(matches_golden("etcd/drill.txt", drill_page(report)));
  report.failure = "start etcd and read: etcd does not serve after 1 min";
  EXPECT_TRUE(matches_golden("etcd/drill_fails.txt", drill_page(report)));
  EXPECT_TRUE(matches_golden("etcd/drill.json", print_tree(to_tree(report), OutputFormat::json)));
}

}  // namespace
}  // namespace haagent
