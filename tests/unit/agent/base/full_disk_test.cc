// Every writer of the ground on a disk that is really full (a tmpfs of a few pages): what was there
// stays, nothing half-written is left, the error says where and why, and is worth another try.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "agent/base/file_store.h"
#include "agent/base/filesystem_space.h"
#include "agent/base/space.h"
#include "agent/base/units.h"
#include "agent/base/units_children.h"
#include "agent/base/volume_marker.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temporary_directory.h"

namespace haagent {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

class FullDisk : public testing::Test {
 protected:
  // In a thread with mounts of its own, which go with it.
  void on_a_full_disk(std::function<void(fs::path const& prepared)> const& prepare,
                      std::function<void(fs::path const& full)> const& check) {
    bool skipped = false;
    std::thread([&] {
      if (::unshare(CLONE_NEWNS) != 0 ||
          ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
          ::mount("tmpfs", folder_.path().c_str(), "tmpfs", 0, "size=128k,nr_inodes=64") != 0) {
        skipped = true;
        return;
      }
      prepare(folder_.path());
      fill();
      check(folder_.path());
      (void)::umount2(folder_.path().c_str(), MNT_DETACH);
    }).join();
    if (skipped) GTEST_SKIP() << "needs a mount namespace of its own";
  }
  void fill() {
    std::ofstream file(folder_ / "filler", std::ios::binary);
    std::string const page(4'096, 'x');
    while (file.write(page.data(), static_cast<std::streamsize>(page.size())).flush()) {
    }
  }
  static void is_told(Error const& error, std::string const& where) {
    EXPECT_THAT(error.message.text,
                AllOf(HasSubstr(where), HasSubstr(worded("No space left on device"))));
    EXPECT_EQ(error.kind, Kind::transient) << "somebody makes room";
  }
  static std::size_t files_in(fs::path const& folder) {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
  }

  test::TemporaryDirectory const folder_;
  test::FakeClock clock_;
};

TEST_F(FullDisk, AReplacedFileStaysAsItWas) {
  std::string const large(20'000, 'n');
  on_a_full_disk(
      [](fs::path const& folder) {
        ASSERT_TRUE(replace_file(folder / "one", "old"));
        ASSERT_TRUE(replace_file(folder / "two", "old"));
      },
      [&](fs::path const& folder) {
        auto const before = files_in(folder);
        auto const written = replace_file(folder / "one", large);
        ASSERT_FALSE(written);
        is_told(written.error(), (folder / "one").string());
        PairedFile const pair[] = {{folder / "one", "", {}}, {folder / "two", large, {}}};
        auto const both = replace_files(pair);
        ASSERT_FALSE(both);
        is_told(both.error(), (folder / "two").string());
        for (auto const* name : {"one", "two"}) EXPECT_EQ(test::bytes_of(folder / name), "old");
        EXPECT_EQ(files_in(folder), before) << "nothing is left of the tries";
      });
}

TEST_F(FullDisk, TheStateStoresObjectsStay) {
  on_a_full_disk(
      [&](fs::path const& folder) {
        fs::create_directory(folder / "state");
        FileStore store(folder / "state", clock_);
        ASSERT_TRUE(store.create("pki/ca", "old", {}).value_or(false));
      },
      [&](fs::path const& folder) {
        FileStore store(folder / "state", clock_);
        auto const before = store.get("pki/ca", {});
        ASSERT_TRUE(before && *before);
        auto const replaced =
            store.replace("pki/ca", std::string(20'000, 'n'), (*before)->version, {});
        ASSERT_FALSE(replaced);
        is_told(replaced.error(), "pki/ca");
        auto const made = store.create("pki/new", std::string(20'000, 'n'), {});
        ASSERT_FALSE(made);
        is_told(made.error(), "pki/new");
        auto const after = store.get("pki/ca", {});
        ASSERT_TRUE(after && *after);
        EXPECT_EQ((*after)->bytes, "old");
        EXPECT_FALSE(*store.get("pki/new", {}));
      });
}

TEST_F(FullDisk, AVolumesMarkerStays) {
  VolumeMarker marker{.cluster = "prod.example.com",
                      .etcd = "main",
                      .member = "a",
                      .members = {"a"},
                      .volume_id = "vol-1"};
  on_a_full_disk([&](fs::path const& folder) { ASSERT_TRUE(write_volume_marker(folder, marker)); },
                 [&](fs::path const& folder) {
                   auto changed = marker;
                   changed.etcd_cluster_id = std::string(8'000, 'c');
                   auto const written = write_volume_marker(folder, changed);
                   ASSERT_FALSE(written);
                   is_told(written.error(), "haagent.json");
                   auto const there = read_volume_marker(folder);
                   ASSERT_TRUE(there) << there.error().message.text;
                   ASSERT_TRUE(*there);
                   EXPECT_EQ((*there)->etcd_cluster_id, "");
                 });
}

TEST_F(FullDisk, AProgramIsNotStartedBlindly) {
  on_a_full_disk([](fs::path const&) {},
                 [&](fs::path const& folder) {
                   ChildUnits units(folder / "state", folder / "logs", clock_);
                   auto const started = units.start(
                       {.name = "x.service", .argv = {"sleep", "1000"}, .environment = {}});
                   ASSERT_FALSE(started);
                   is_told(started.error(), "x.service");
                   auto const state = units.state("x.service");
                   ASSERT_TRUE(state) << state.error().message.text;
                   EXPECT_EQ(state->phase, UnitState::Phase::stopped);
                 });
}

TEST_F(FullDisk, IsSeenAsWhatItIs) {
  on_a_full_disk([](fs::path const&) {},
                 [](fs::path const& folder) {
                   SystemFilesystems filesystems;
                   auto const room = filesystems.space(folder);
                   ASSERT_TRUE(room);
                   EXPECT_EQ(room->avail, 0u);
                   EXPECT_EQ(room->inodes, 64u);
                   EXPECT_NE(room->device, filesystems.space(folder.parent_path())->device);
                   EXPECT_EQ(judge_filesystem({.path = folder.string(), .room = *room}).level,
                             SpaceLevel::critical);
                 });
}

}  // namespace
}  // namespace haagent
