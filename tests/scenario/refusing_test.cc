// What haagent must leave alone: volumes and disks that may hold somebody's data.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/aws/etcd_volume.h"
#include "agent/base/wording.h"
#include "tests/scenario/interruptions.h"

namespace haagent::scenario {
namespace {

using namespace std::chrono_literals;
using State = RowStatus::State;
using testing::AnyOf;
using testing::HasSubstr;

struct Refusal {
  std::string name;
  std::function<void(aws::Volume&, test::ModelDisk&)> main;  // what is wrong with the main volume
  std::string row;
  State state;
  std::vector<std::string> says;
};

void PrintTo(Refusal const& refusal, std::ostream* out) {
  *out << refusal.name;
}

auto holding(volumes::Probe const& contents) {
  return [contents](aws::Volume&, test::ModelDisk& disk) { disk.contents = contents; };
}
auto holding_foreign(std::string const& what) {
  return holding(volumes::Foreign{what});
}
auto wiped_but_tagged(std::string_view tag, std::string const& value) {
  return [tag, value](aws::Volume& volume, test::ModelDisk& disk) {
    volume.tags[std::string(tag)] = value;
    disk.held_data = true;
  };
}

class Refusing : public testing::TestWithParam<Refusal> {
 protected:
  Scenario scenario() const {
    return {.name = GetParam().name,
            .fill =
                [refusal = GetParam()](World& world) {
                  auto volume = world.volume(EtcdCluster::main, "a", "a");
                  test::ModelDisk disk;
                  refusal.main(volume, disk);
                  world.add(volume, disk);
                  world.add(world.volume(EtcdCluster::events, "a", "a"));
                  world.add_master("i-0a11", "a");
                },
            .limit = 2min};
  }
};

TEST_P(Refusing, LeavesItAsItIs) {
  World world;
  auto end = play(world, scenario());
  auto const& row = end.row(GetParam().row);
  EXPECT_EQ(row.state, GetParam().state) << row.message.text;
  for (auto const& part : GetParam().says)
    EXPECT_THAT(row.message.sentence(), AnyOf(HasSubstr(part), HasSubstr(worded(part))));
  EXPECT_EQ(world.disks.at("vol-main-a").made, 0);
  EXPECT_FALSE(world.etcd.members("prod.example.com-main"));
}

TEST_P(Refusing, HoweverInterrupted) {
  expect_same_end_however_interrupted(scenario());
}

INSTANTIATE_TEST_SUITE_P(
    Disks, Refusing,
    testing::Values(Refusal{"foreign_filesystem",
                            holding(volumes::Formatted{"btrfs", "uuid", "photos"}),
                            "filesystem-main",
                            State::refused,
                            {"btrfs", "photos", "vol-main-a"}},
                    Refusal{"partition_table",
                            holding_foreign("a gpt partition table"),
                            "filesystem-main",
                            State::refused,
                            {"vol-main-a"}},
                    Refusal{"luks",
                            holding_foreign("crypto_LUKS"),
                            "filesystem-main",
                            State::refused,
                            {"crypto_LUKS"}},
                    Refusal{"two_signatures",
                            holding_foreign("two signatures, ext4 and xfs"),
                            "filesystem-main",
                            State::refused,
                            {"vol-main-a"}},
                    Refusal{"stray_bytes",
                            holding_foreign("a byte that is not zero at 1048576"),
                            "filesystem-main",
                            State::refused,
                            {"1048576"}},
                    Refusal{"unreadable",
                            [](aws::Volume&, test::ModelDisk& disk) {
                              disk.readable = false;
                              disk.held_data = true;
                            },
                            "filesystem-main",
                            State::failed,
                            {"Input/output"}},
                    Refusal{"blank_but_formatted",
                            wiped_but_tagged(kFormattedAtTag, "2026-01-01T00:00:00Z"),
                            "filesystem-main",
                            State::refused,
                            {"2026-01-01T00:00:00Z"}},
                    Refusal{"blank_but_joined",
                            wiped_but_tagged(kEtcdClusterIdTag, "cafe"),
                            "filesystem-main",
                            State::refused,
                            {"cafe"}},
                    Refusal{"another_size",
                            [](aws::Volume&, test::ModelDisk& disk) { disk.bytes /= 2; },
                            "filesystem-main",
                            State::refused,
                            {"10737418240", "20 GiB"}},
                    Refusal{"from_a_snapshot",
                            [](aws::Volume& volume, test::ModelDisk& disk) {
                              volume.snapshot_id = "snap-1";
                              disk.held_data = true;
                            },
                            "volume-main",
                            State::refused,
                            {"snap-1", "vol-main-a"}}),
    [](auto const& each) { return each.param.name; });

Scenario const kTwoCandidates{
    .name = "two_candidates",
    .fill =
        [](World& world) {
          world.add_pair("a", "a");
          auto second = world.volume(EtcdCluster::main, "a", "a");
          second.id = "vol-copy";
          world.add(second);
          world.add_master("i-0a11", "a");
        },
    .limit = 2min,
};

TEST(RefusingVolumes, TwoCandidatesForOneMember) {
  World world;
  auto end = play(world, kTwoCandidates);
  EXPECT_EQ(end.row("volume-main").state, State::refused);
  for (std::string id : {"vol-main-a", "vol-copy"}) {
    EXPECT_THAT(end.row("volume-main").message.text, HasSubstr(id));
    EXPECT_TRUE(world.ec2.volume(id).attachments.empty());
  }
  EXPECT_EQ(world.ec2.mutating_calls(), 0);
}

TEST(RefusingVolumes, TwoCandidatesHoweverInterrupted) {
  expect_same_end_however_interrupted(kTwoCandidates);
}

// mkfs has ended well, nobody could be told, and the disk reads as blank again.
Scenario const kDiskForgets{
    .name = "disk_that_forgets",
    .fill =
        [](World& world) {
          world.add_pair("a", "a");
          world.disks.at("vol-main-a").forgets = true;
          world.ec2.fail_next("CreateTags", "RequestLimitExceeded", "Request limit exceeded.");
          world.add_master("i-0a11", "a");
        },
    .limit = 2min,
};

TEST(RefusingVolumes, ADiskThatForgetsIsNotFormattedAgain) {
  World world;
  auto end = play(world, kDiskForgets);
  EXPECT_EQ(end.row("filesystem-main").state, State::refused);
  EXPECT_EQ(world.disks.at("vol-main-a").made, 1);
}

Scenario const kMountPathTaken{
    .name = "another_volume_at_the_mount_path",
    .fill =
        [](World& world) {
          world.add_pair("a", "a");
          auto& machine = world.add_master("i-0a11", "a");
          machine.disks.foreign_mounts = {
              {.device = 4711,
               .root = "/",
               .mount_point = machine.root("/var/lib/haagent-etcd/main"),
               .filesystem = "ext4",
               .source = "/dev/nvme7n1"}};
        },
    .limit = 2min,
};

TEST(RefusingVolumes, AnotherVolumeAtTheMountPath) {
  World world;
  auto end = play(world, kMountPathTaken);
  EXPECT_EQ(end.row("mount-main").state, State::refused);
  EXPECT_THAT(end.row("mount-main").message.text, HasSubstr("/dev/nvme7n1"));
  EXPECT_EQ(end.row("etcd-events").state, State::done);
  EXPECT_FALSE(world.etcd.members("prod.example.com-main"));
}

}  // namespace
}  // namespace haagent::scenario
