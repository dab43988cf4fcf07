// Masters that carry an operator's request out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "agent/base/sha256.h"
#include "agent/base/volume_marker.h"
#include "bootstrap/etcd/store/manifest.h"
#include "bootstrap/etcd/store/request.h"
#include "tests/scenario/interruptions.h"

namespace haagent::scenario {
namespace {

using namespace bootstrap;
using testing::HasSubstr;

constexpr char const* kToken = "prod.example.com-main-again";

// A database of one page and the hash that etcd sends behind it.
std::string snapshot() {
  std::string bytes(512, 'k');
  return bytes + sha256(bytes);
}

void add_backup(World& world, RecoveryRequest const& request) {
  auto const bytes = snapshot();
  BackupManifest const manifest{.name = request.backup,
                                .cluster = "prod.example.com",
                                .cluster_id = "c1",
                                .member = "etcd-b",
                                .revision = request.revision,
                                .size = bytes.size(),
                                .sha256 = sha256_hex(bytes),
                                .etcd_version = request.etcd_version,
                                .haagent_version = "0.1.0",
                                .created_at = request.created_at,
                                .verified_at = request.created_at};
  world.store.put(backup_data_key(EtcdCluster::main, request.backup), bytes);
  world.store.put(backup_manifest_key(EtcdCluster::main, request.backup), manifest_json(manifest));
}

RecoveryRequest request_for(std::vector<std::string> const& members) {
  auto const config = master_config();
  std::vector<InitialMember> initial;
  RecoveryRequest request{.id = "20260115T100000.000Z-i-0a11",
                          .cluster = config.cluster.name,
                          .volumes = {},
                          .created_at = test::VirtualClock::kStart,
                          .by = "i-0a11",
                          .backup = backup_name(test::VirtualClock::kStart, "etcd-b"),
                          .revision = 7,
                          .etcd_version = "3.5.32",
                          .token = kToken,
                          .members = members};
  for (auto const& member : members) {
    request.volumes.push_back({member, "vol-main-" + member});
    initial.push_back({etcd_member_name(EtcdCluster::main, member),
                       etcd_peer_url(config, EtcdCluster::main, member)});
  }
  request.cluster_id =
      test::EtcdModel::restored_as(initial.front().name, initial, kToken).cluster_id;
  return request;
}

// Everybody's volumes are new; events has no backup, and forms.
void fill(World& world) {
  for (std::string member : {"a", "b", "c"}) {
    world.add_pair(member);
    world.add_master("i-0" + member + "11", member);
  }
  auto const request = request_for({"a", "b", "c"});
  add_backup(world, request);
  world.store.put(request_key(EtcdCluster::main), request_json(request));
}

Scenario const kRequested{.name = "a_restore_is_requested", .fill = fill};

TEST(Restoring, AllMembersComeBackFromTheBackup) {
  World world;
  EXPECT_TRUE(play(world, kRequested).all_done);
  auto const members = world.etcd.members(kToken);
  ASSERT_TRUE(members);
  EXPECT_EQ(members->size(), 3u);
  EXPECT_FALSE(world.etcd.members("prod.example.com-main")) << "no new cluster beside it";
  auto const id = etcd_id_text(request_for({"a", "b", "c"}).cluster_id);
  for (auto const& machine : world.machines) {
    auto const member = machine->identity.zone.substr(9);
    auto const marker = read_volume_marker(machine->root("/var/lib/haagent-etcd/main"));
    ASSERT_TRUE(marker && *marker);
    EXPECT_EQ((*marker)->request_id, "20260115T100000.000Z-i-0a11");
    EXPECT_EQ((*marker)->etcd_cluster_id, id);
    EXPECT_EQ(world.ec2.volume("vol-main-" + member).tag("haagent.io/etcd-cluster-id"), id);
  }
}

TEST(Restoring, HoweverInterrupted) {
  expect_same_end_however_interrupted(kRequested);
}

TEST(Restoring, ADamagedBackupIsNotRestored) {
  World world;
  auto scenario = kRequested;
  scenario.limit = std::chrono::minutes(2);
  fill(world);
  auto const key = backup_data_key(EtcdCluster::main, request_for({"a", "b", "c"}).backup);
  auto bytes = world.store.objects().at(key);
  bytes[7] = 'x';
  world.store.put(key, bytes);
  Machine::End end;
  auto& machine = *world.machines.front();
  world.run({{machine, [&] { end = machine.boot(0, std::chrono::minutes(2)); }}});
  EXPECT_EQ(end.row("etcd-main").error, Kind::invalid) << end.row("etcd-main").message.text;
  EXPECT_FALSE(world.etcd.members(kToken));
  EXPECT_FALSE(std::filesystem::exists(world.disks.files_of("vol-main-a") / "data"));
}

// The request is older than an hour, and none of those who know it has begun.
TEST(Restoring, AnOldRequestIsNotBegun) {
  World world;
  fill(world);
  auto request = request_for({"a", "b", "c"});
  // By the store's clock: what the machine that gave it took for the time says nothing.
  request.created_at += std::chrono::hours(2);
  world.store.put_at(test::VirtualClock::kStart - std::chrono::hours(2),
                     request_key(EtcdCluster::main), request_json(request));
  Machine::End end;
  auto& machine = *world.machines.front();
  world.run({{machine, [&] { end = machine.boot(0, std::chrono::minutes(2)); }}});
  EXPECT_THAT(end.row("etcd-main").message.sentence(), HasSubstr("haagent etcd restore"));
  EXPECT_FALSE(world.etcd.members(kToken));
}

}  // namespace
}  // namespace haagent::scenario
