#include "bootstrap/etcd/backup/backup_step.h"

#include <gtest/gtest.h>

#include "agent/base/volume_marker.h"
#include "bootstrap/etcd/backup/backup_before_change.h"
#include "bootstrap/etcd/disk/data_dir.h"
#include "bootstrap/etcd/maintenance/defrag.h"
#include "tests/support/etcd_log_bytes.h"
#include "tests/support/fake_clock.h"
#include "tests/support/folder_volumes.h"
#include "tests/support/found.h"
#include "tests/support/memory_store.h"
#include "tests/support/scripted_http.h"
#include "tests/support/temporary_directory.h"

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;
using test::MemoryStore;
using State = EtcdBackups::State;

class BackupStepTest : public testing::Test {
 protected:
  BackupStepTest() {
    config_.cluster.name = "test.example";
    config_.etcd.binary = "/nowhere/etcd";
    std::filesystem::create_directories(root_ / "var/lib/haagent-etcd/main");
    facts_.main.volume.set({.volume_id = "vol-a", .member = "a", .members = {"a", "b", "c"}});
  }
  BackupDeps parts() {
    return {config_, Root(root_.path()), http_, clock_, process_, store_, "0.1.0"};
  }
  void add_backup(UtcTime created) {
    auto const name = backup_name(created, "etcd-a");
    store_.put_at(created, backup_data_key(EtcdCluster::main, name), "x");
    store_.put_at(created, backup_manifest_key(EtcdCluster::main, name), "{}");
  }
  test::Found look(Step& step) {
    auto const found = test::found(step.look(facts_, {}));
    EXPECT_TRUE(found.as == test::Found::As::done || found.as == test::Found::As::error) << found;
    return found;
  }

  test::TemporaryDirectory root_;
  NodeConfig config_;
  test::FakeClock clock_;
  test::ScriptedHttp http_;
  SystemProcess process_;
  MemoryStore store_{clock_};
  test::FolderVolumes volumes_{Root(root_.path())};
  RecoveryRequests requests_;
  Facts facts_;
};

TEST_F(BackupStepTest, TheStoreIsAskedWhileTheVolumeIsBlank) {
  StoreStep step(EtcdCluster::main, parts(), volumes_, requests_);
  look(step);
  EXPECT_EQ(facts_.main.backups.get()->state, State::none);
  add_backup(clock_.utc());
  look(step);
  EXPECT_EQ(facts_.main.backups.get()->state, State::present);
  EXPECT_EQ(facts_.main.backups.get()->detail, to_rfc3339(clock_.utc()));
}

TEST_F(BackupStepTest, ASilentStoreIsNotAnEmptyOne) {
  StoreStep step(EtcdCluster::main, parts(), volumes_, requests_);
  store_.fail_all(Kind::transient);
  look(step);  // done: who waits is the member's own row
  EXPECT_EQ(facts_.main.backups.get()->state, State::unknown);
  EXPECT_NE(facts_.main.backups.get()->detail, "");
}

TEST_F(BackupStepTest, AnUploadWithoutAManifestIsNoBackup) {
  StoreStep step(EtcdCluster::main, parts(), volumes_, requests_);
  store_.put(backup_data_key(EtcdCluster::main, backup_name(clock_.utc(), "etcd-a")), "x");
  look(step);
  EXPECT_EQ(facts_.main.backups.get()->state, State::none);
}

TEST_F(BackupStepTest, AVolumeWithDataAsksNobody) {
  test::write_bytes(
      root_ / "var/lib/haagent-etcd/main/data/member/wal/0000000000000000-0000000000000000.wal",
      "log");
  StoreStep step(EtcdCluster::main, parts(), volumes_, requests_);
  look(step);
  EXPECT_EQ(store_.calls_of(MemoryStore::Call::list), 0);
  EXPECT_FALSE(facts_.main.backups.get());
}

TEST_F(BackupStepTest, WhereTheLogEndsIsToldWhileThereIsNoQuorum) {
  using namespace test::etcd_log;
  auto const wal = root_ / "var/lib/haagent-etcd/main/data/member/wal";
  test::write_bytes(wal / "0000000000000000-0000000000000000.wal",
                    metadata(0xa1, 0xc1) + entry_at(2, 5) + entry_at(3, 6) + state(5));
  // The next file, before its first entry.
  test::write_bytes(wal / "0000000000000001-0000000000000007.wal",
                    metadata(0xa1, 0xc1) + state(6) + std::string(512, '\0'));
  StoreStep step(EtcdCluster::main, parts(), volumes_, requests_);
  look(step);
  EXPECT_FALSE(facts_.main.log.get()) << "the first start waits for nothing";
  look(step);
  EtcdLogEnd const end{.cluster_id = 0xc1, .term = 3, .index = 6, .committed = 6};
  EXPECT_EQ(facts_.main.log.get(), end);
  facts_.main.member.set({.name = "etcd-a", .cluster_id = "c1", .leader = "etcd-a", .voters = 3});
  look(step);
  EXPECT_FALSE(facts_.main.log.get());
  facts_.main.member.clear();
  test::write_bytes(wal / "0000000000000001-0000000000000007.wal", "no log");
  look(step);
  EXPECT_FALSE(facts_.main.log.get()) << "what cannot be read is not told";
}

RecoveryRequest const kRequest{.id = "20260115T101500.000Z-i-a",
                               .cluster = "test.example",
                               .cluster_id = 0xc2,
                               .volumes = {{"a", "vol-a"}, {"b", "vol-b"}, {"c", "vol-c"}},
                               .created_at = *parse_rfc3339("2026-01-15T10:15:00Z"),
                               .by = "i-a",
                               .backup = "20260115T100000.000Z-etcd-b",
                               .revision = 42,
                               .etcd_version = "3.5.33",
                               .token = "test-main-7",
                               .members = {"a", "b", "c"}};

// An empty folder where the volume was mounted says nothing of the volume.
TEST_F(BackupStepTest, OfAVolumeThatIsNotSeenNothingIsSaid) {
  volumes_.unseen =
      UnseenVolume{.message = {Reason::VolumeUnmounted, "it is not mounted", "run mount"}};
  StoreStep step(EtcdCluster::main, parts(), volumes_, requests_);
  for (int looks = 0; looks < 3; ++looks)
    EXPECT_THAT(look(step), test::IsDone(Reason::BackupsNotLookedFor));
  EXPECT_FALSE(facts_.main.backups.get());
  EXPECT_FALSE(facts_.main.blank.get());
  EXPECT_FALSE(facts_.main.log.get());
  EXPECT_EQ(store_.calls_of(MemoryStore::Call::list), 0);
}

// It must not lie in wait for the first moment in which this member sees no quorum.
TEST_F(BackupStepTest, ARequestBesideAQuorumBecomesVoid) {
  auto const mount = root_ / "var/lib/haagent-etcd/main";
  test::write_bytes(mount / "data/member/wal/0000000000000000-0000000000000000.wal", "log");
  ASSERT_TRUE(write_volume_marker(mount, {.cluster = "test.example",
                                          .etcd = "main",
                                          .member = "a",
                                          .members = {"a", "b", "c"},
                                          .volume_id = "vol-a",
                                          .etcd_cluster_id = "c1"}));
  facts_.main.member.set(
      {.name = "etcd-a", .cluster_id = "c1", .leader = "etcd-b", .voters = 3, .healthy_voters = 2});
  ASSERT_TRUE(*file_request(store_, kRequest, std::nullopt, {}));
  StoreStep step(EtcdCluster::main, parts(), volumes_, requests_);
  look(step);
  look(step);
  ASSERT_TRUE(requests_.main.get()) << "it has not heard of the request";
  EXPECT_TRUE(requests_.main.get()->stale) << "a quorum serves";

  // No quorum in between: whoever is to restore is not held up.
  auto const serves = *facts_.main.member.get();
  facts_.main.member.clear();
  clock_.advance(11s);
  look(step);
  EXPECT_FALSE(requests_.main.get()->stale);
  store_.fail_all(Kind::transient);
  look(step);
  EXPECT_TRUE(requests_.main.get()->stale) << "the store has not said that it still stands";
  store_.fail_all({});
  look(step);
  EXPECT_FALSE(requests_.main.get()->stale);
  facts_.main.member.set(serves);
  auto const gets = store_.calls_of(MemoryStore::Call::get);
  look(step);
  EXPECT_EQ(store_.calls_of(MemoryStore::Call::get), gets);
  EXPECT_TRUE(requests_.main.get()->stale) << "though it was not read again";

  clock_.advance(11s);
  auto looked = step.look(facts_, {});
  ASSERT_THAT(test::found(looked),
              testing::AllOf(test::IsNeeded(Reason::RequestToClose), test::IsAbout(kRequest.id)));
  ASSERT_TRUE(test::act_on(looked));
  auto const standing = read_request(store_, EtcdCluster::main, {});
  ASSERT_TRUE(standing && *standing);
  EXPECT_TRUE((*standing)->request.closed);
  EXPECT_TRUE((*standing)->request.is_void);
  look(step);
}

TEST_F(BackupStepTest, ARequestThatWasTakenAwayHoldsNobodyUp) {
  ASSERT_TRUE(*file_request(store_, kRequest, std::nullopt, {}));
  StoreStep step(EtcdCluster::main, parts(), volumes_, requests_);
  look(step);
  EXPECT_EQ(facts_.main.backups.get()->restored_token, "test-main-7");
  store_.erase(request_key(EtcdCluster::main));
  look(step);
  EXPECT_EQ(facts_.main.backups.get()->restored_token, "");
}

TEST_F(BackupStepTest, TheBootAsksNobody) {
  BackupStep step(EtcdCluster::main, parts());
  store_.fail_all(Kind::transient);
  look(step);
  EXPECT_EQ(store_.calls_of(MemoryStore::Call::list), 0);
}

TEST_F(BackupStepTest, AStoreThatDoesNotAnswerIsAnErrorUntilItDoes) {
  BackupStep step(EtcdCluster::main, parts());
  look(step);
  add_backup(clock_.utc());
  store_.fail_all(Kind::denied);
  auto const since = to_rfc3339(clock_.utc());
  auto const failing = look(step);
  ASSERT_THAT(failing, testing::AllOf(test::IsError(Reason::BackupFailing),
                                      test::IsAbout("PermissionDenied")));
  EXPECT_EQ(failing.kind, Kind::transient);
  clock_.advance(30s);
  store_.fail_all({});
  auto const calls = store_.calls_of(MemoryStore::Call::list);
  auto const still = look(step);
  EXPECT_EQ(still.message.identity(), failing.message.identity()) << "it stays while it fails";
  EXPECT_THAT(still, test::Says(since));
  EXPECT_EQ(store_.calls_of(MemoryStore::Call::list), calls) << "not asked again within a minute";
}

TEST_F(BackupStepTest, SwitchedOffIsTold) {
  config_.etcd.backups.enabled = false;
  BackupStep step(EtcdCluster::main, parts());
  look(step);
  EXPECT_THAT(look(step), test::IsDone(Reason::BackupsOff));
  EXPECT_EQ(store_.calls_of(MemoryStore::Call::list), 0);
}

TEST_F(BackupStepTest, WhatRestoresGoesOnWithoutABackupAndWhatTakesAwayDoesNot) {
  store_.fail_all(Kind::transient);
  BackupBeforeChange before(parts());
  EXPECT_TRUE(before.ready(EtcdCluster::main, MemberChange::restores, "http://127.0.0.1:1", {}));
  auto held = before.ready(EtcdCluster::main, MemberChange::shrinks, "http://127.0.0.1:1", {});
  ASSERT_FALSE(held);
  EXPECT_EQ(held.error().message.reason, Reason::BackupRequiredFirst);
  EXPECT_EQ(held.error().kind, Kind::transient) << "it is tried again";
}

TEST_F(BackupStepTest, AYoungBackupIsEnoughForAnyChange) {
  add_backup(clock_.utc() - 4min);
  BackupBeforeChange before(parts());
  EXPECT_TRUE(before.ready(EtcdCluster::main, MemberChange::shrinks, "http://127.0.0.1:1", {}));
}

TEST(DefragOrder, IsByIdWithTheLeaderLast) {
  std::vector<EtcdMember> members = {
      {.id = 3, .name = "c"}, {.id = 1, .name = "a"}, {.id = 2, .name = "b"}};
  std::vector<DefragTarget> answers;
  for (auto const& member : members) answers.push_back({member, {.leader = 1}});
  auto request = defrag_order(members, answers);
  ASSERT_TRUE(request);
  std::string names;
  for (auto const& each : *request) names += each.member.name;
  EXPECT_EQ(names, "bca");
  answers.erase(answers.begin());
  auto refused = defrag_order(members, answers);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Kind::refused);
  EXPECT_EQ(refused.error().message.reason, Reason::MembersNotWell);
  EXPECT_EQ(refused.error().message.subject, "c");
}

}  // namespace
}  // namespace haagent::bootstrap
