#include "agent/base/space.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/in_short.h"
#include "tests/support/temporary_directory.h"

namespace haagent {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::uint64_t kMiB = 1ull << 20u;
constexpr std::uint64_t kGiB = 1ull << 30u;

EtcdVolumeSpace volume(std::uint64_t size, std::uint64_t avail) {
  return {.cluster = EtcdCluster::main,
          .volume_id = "vol-1",
          .region = "eu-west-1",
          .mount_point = "/var/lib/haagent-etcd/main",
          .disk = size,
          .room = {.device = 1, .size = size, .avail = avail},
          .quota = 2 * kGiB,
          .database = 100 * kMiB};
}

TEST(EtcdVolumeSpace, IsJudgedBeforeEtcdFindsNoRoom) {
  struct Row {
    char const* what;
    EtcdVolumeSpace seen;
    SpaceLevel level;
    Reason reason;
    std::string says = "";  // figures and commands
  };
  auto with = [](EtcdVolumeSpace seen, auto change) {
    change(seen);
    return seen;
  };
  auto const ample = volume(20 * kGiB, 18 * kGiB);
  Row const rows[] = {
      {"room", ample, SpaceLevel::ok, Reason::SpaceSufficient},
      {"nothing left", volume(20 * kGiB, 0), SpaceLevel::critical, Reason::SpaceExhausted, " 1.0 "},
      {"less than the next files of the log", volume(20 * kGiB, 100 * kMiB), SpaceLevel::critical,
       Reason::SpaceExhausted, " 128.0 "},
      {"just below the least", volume(20 * kGiB, 613 * kMiB), SpaceLevel::critical,
       Reason::SpaceExhausted},
      {"just above it", volume(20 * kGiB, 616 * kMiB), SpaceLevel::warning, Reason::SpaceLow},
      {"below 15 %", volume(20 * kGiB, 29 * kGiB / 10), SpaceLevel::warning, Reason::SpaceLow,
       " 4.0 "},
      {"above", volume(20 * kGiB, 31 * kGiB / 10), SpaceLevel::ok, Reason::SpaceSufficient},
      {"a large one may use more of it", volume(1'000 * kGiB, 5 * kGiB), SpaceLevel::ok,
       Reason::SpaceSufficient},
      {"a small one needs room for the log", volume(4 * kGiB, 120 * kMiB), SpaceLevel::critical,
       Reason::SpaceExhausted},
      {"no room for a second database",
       with(volume(20 * kGiB, 3900 * kMiB), [](auto& v) { v.database = 4 * kGiB; }),
       SpaceLevel::warning, Reason::DefragmentationLacksSpace},
      {"a small database asks for nothing",
       with(volume(20 * kGiB, 3900 * kMiB), [](auto& v) { v.database = 20 * kMiB; }),
       SpaceLevel::ok, Reason::SpaceSufficient},
      {"no inodes",
       with(ample,
            [](auto& v) {
              v.room.inodes = 80'000;
              v.room.inodes_free = 99;
            }),
       SpaceLevel::critical, Reason::InodesExhausted, "100"},
      {"a filesystem that counts none", with(ample, [](auto& v) { v.room.inodes_free = 0; }),
       SpaceLevel::ok, Reason::SpaceSufficient},
      {"a quota that it does not hold", with(ample, [](auto& v) { v.quota = 20 * kGiB; }),
       SpaceLevel::warning, Reason::QuotaExceedsVolume, " 20.0 "},
      {"one that it just holds", with(ample, [](auto& v) { v.quota = 19 * kGiB; }), SpaceLevel::ok,
       Reason::SpaceSufficient},
      {"set-aside data takes the room of the quota",
       with(ample,
            [](auto& v) {
              v.quota = 19 * kGiB;
              v.set_aside = {{"/var/lib/haagent-etcd/main/data.20260115T101500Z", kGiB}};
            }),
       SpaceLevel::warning, Reason::QuotaExceedsVolume,
       "'rm -r /var/lib/haagent-etcd/main/data.20260115T101500Z'"},
  };
  for (auto const& row : rows) {
    auto const verdict = judge_etcd_volume(row.seen);
    EXPECT_EQ(verdict.level, row.level) << row.what << ": " << verdict.message.sentence();
    EXPECT_EQ(verdict.message.reason, row.reason) << row.what;
    EXPECT_EQ(verdict.message.subject, "vol-1") << row.what;
    EXPECT_THAT(verdict.message.sentence(), HasSubstr(row.says)) << row.what;
    EXPECT_EQ(verdict.message.advice.empty(), verdict.level == SpaceLevel::ok) << row.what;
    // A sentence that moved with each byte would be a line of the log at each look.
    auto little_less = row.seen;
    if (little_less.room.avail > 0) {
      --little_less.room.avail;
      EXPECT_EQ(judge_etcd_volume(little_less), verdict) << row.what;
    }
  }
}

TEST(EtcdVolumeSpace, IsGrownToWhatItsQuotaNeedsAndByHalfAtLeast) {
  auto size_in = [](EtcdVolumeSpace const& seen) {
    auto const todo = judge_etcd_volume(seen).message.advice;
    constexpr std::string_view kCommand =
        "modify-volume --region eu-west-1 --volume-id vol-1 --size ";
    auto const at = todo.find(kCommand);
    return at == std::string::npos ? 0 : std::stoul(todo.substr(at + kCommand.size()));
  };
  EXPECT_EQ(size_in(volume(20 * kGiB, 0)), 30u);
  EXPECT_EQ(size_in(volume(1 * kGiB, 0)), 6u) << "2 x 2 GiB, 1 GiB of log, and what ext4 takes";
  auto large = volume(1 * kGiB, 0);
  large.quota = 8 * kGiB;
  EXPECT_EQ(size_in(large), 18u);
}

TEST(EtcdVolumeSpace, SaysWhichDataMayBeDeletedAndWhen) {
  auto full = volume(20 * kGiB, 0);
  full.set_aside = {{"/m/data.20260101T000000Z", kGiB}, {"/m/data.20260102T000000Z", 2 * kGiB}};
  auto const verdict = judge_etcd_volume(full);
  EXPECT_THAT(verdict.message.advice, HasSubstr("etcd-main"));
  EXPECT_THAT(verdict.message.advice,
              HasSubstr("'rm -r /m/data.20260101T000000Z /m/data.20260102T000000Z'"));
  EXPECT_THAT(verdict.message.advice, HasSubstr("(3.0 "));
  EXPECT_THAT(judge_etcd_volume(volume(20 * kGiB, 0)).message.advice, Not(HasSubstr("rm -r")));
}

TEST(NodeSpace, IsJudgedByWhatKubernetesAndTheAgentNeed) {
  struct Row {
    char const* what;
    FilesystemSpace room;
    bool in_memory;
    SpaceLevel level;
  };
  Row const rows[] = {
      {"room", {.size = 40 * kGiB, .avail = 20 * kGiB}, false, SpaceLevel::ok},
      {"pods are evicted from here on",
       {.size = 40 * kGiB, .avail = 39 * kGiB / 10},
       false,
       SpaceLevel::warning},
      {"hardly anything", {.size = 40 * kGiB, .avail = kGiB}, false, SpaceLevel::critical},
      {"a small one", {.size = 4 * kGiB, .avail = 200 * kMiB}, false, SpaceLevel::critical},
      {"a large one keeps 2 GiB",
       {.size = 1'000 * kGiB, .avail = 3 * kGiB},
       false,
       SpaceLevel::warning},
      {"inodes fill",
       {.size = 40 * kGiB, .avail = 20 * kGiB, .inodes = 1'000'000, .inodes_free = 40'000},
       false,
       SpaceLevel::warning},
      {"inodes are gone",
       {.size = 40 * kGiB, .avail = 20 * kGiB, .inodes = 1'000'000, .inodes_free = 9'000},
       false,
       SpaceLevel::critical},
      {"/run is small", {.size = 100 * kMiB, .avail = 50 * kMiB}, true, SpaceLevel::ok},
      {"/run fills", {.size = 100 * kMiB, .avail = 5 * kMiB}, true, SpaceLevel::warning},
      {"/run is full", {.size = 100 * kMiB, .avail = 1'000}, true, SpaceLevel::critical},
  };
  for (auto const& row : rows) {
    auto const verdict = judge_filesystem(
        {.path = "/x", .holds = {"/x", "/y"}, .room = row.room, .in_memory = row.in_memory});
    EXPECT_EQ(verdict.level, row.level) << row.what << ": " << verdict.message.sentence();
    EXPECT_EQ(verdict.message.subject, "/x") << row.what;
    EXPECT_EQ(verdict.message.advice.empty(), row.level == SpaceLevel::ok) << row.what;
  }
}

TEST(Steadied, MovesOnlyWithWhatCanBeSeen) {
  FilesystemFacts const before{
      .mount_point = "/", .size = 1'600, .avail = 800, .inodes = 100, .inodes_free = 90};
  auto now = before;
  now.avail = 780;
  now.inodes_free = 89;
  EXPECT_EQ(steadied(before, now), before);
  now.avail = 700;
  EXPECT_EQ(steadied(before, now).avail, 700u);
  EXPECT_EQ(steadied(before, now).inodes_free, 90u);
  now.level = SpaceLevel::warning;
  EXPECT_EQ(steadied(before, now).level, SpaceLevel::warning);
  now.avail = 0;
  EXPECT_EQ(steadied(before, now).avail, 0u);
  EXPECT_EQ(steadied(std::nullopt, now), now);
}

TEST(SystemFilesystems, SaysWhichFilesystemThePathIsOn) {
  test::TemporaryDirectory const folder;
  SystemFilesystems filesystems;
  auto const here = filesystems.space(folder.path());
  ASSERT_TRUE(here) << here.error().message.text;
  EXPECT_GT(here->size, here->avail);
  auto const not_there = filesystems.space(folder / "a/b/c");
  ASSERT_TRUE(not_there);
  EXPECT_EQ(not_there->device, here->device) << "the nearest folder above it";
  auto const proc = filesystems.space("/proc");
  ASSERT_TRUE(proc);
  EXPECT_NE(proc->device, here->device);
}

}  // namespace
}  // namespace haagent
