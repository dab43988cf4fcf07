#include "bootstrap/etcd/backup/scratch.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/temporary_directory.h"

namespace haagent::bootstrap {
namespace {

namespace fs = std::filesystem;
constexpr auto kMain = EtcdCluster::main;

void leave(fs::path const& folder) {
  fs::create_directories(folder / "data");
  std::ofstream(folder / "data" / "snapshot.db") << "half";
}

TEST(Scratch, IsEmptyWhileItIsUsedAndGoneAfterwards) {
  test::TemporaryDirectory root;
  leave(root / "scratch/restore-main");
  {
    auto mine = ScratchFolder::make(root / "scratch", "restore", kMain, 1);
    ASSERT_TRUE(mine) << mine.error().message.text;
    EXPECT_EQ(mine->path(), root / "scratch/restore-main");
    EXPECT_TRUE(fs::is_empty(mine->path()));
    leave(mine->path());
  }
  EXPECT_TRUE(fs::is_empty(root / "scratch"));
}

TEST(Scratch, WhatIsInUseIsNobodyElses) {
  test::TemporaryDirectory root;
  auto mine = ScratchFolder::make(root.path(), "trial", kMain, 1);
  ASSERT_TRUE(mine) << mine.error().message.text;
  leave(mine->path());
  auto other = ScratchFolder::make(root.path(), "trial", kMain, 1);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind, Kind::transient);
  EXPECT_TRUE(other.error().message.text.contains((root / "trial-main").string()));
  EXPECT_FALSE(has_abandoned_scratch(root.path(), kMain));
  ASSERT_TRUE(drop_abandoned_scratch(root.path(), kMain));
  EXPECT_TRUE(fs::exists(root / "trial-main/data/snapshot.db"));
}

TEST(Scratch, WhatSomebodyHasLeftGoesAndNothingElse) {
  for (auto const* purpose : {"scheduled", "before-change", "manual", "pre-restore", "restore",
                              "trial", "trial-download", "drill"}) {
    test::TemporaryDirectory root;
    EXPECT_FALSE(has_abandoned_scratch(root / "none", kMain));
    leave(root / fmt::format("{}-main", purpose));
    leave(root / fmt::format("{}-events", purpose));
    leave(root / "something-main");
    EXPECT_TRUE(has_abandoned_scratch(root.path(), kMain)) << purpose;
    EXPECT_TRUE(fs::exists(root / fmt::format("{}-main", purpose))) << "a look has no effect";
    ASSERT_TRUE(drop_abandoned_scratch(root.path(), kMain));
    EXPECT_FALSE(has_abandoned_scratch(root.path(), kMain));
    EXPECT_FALSE(fs::exists(root / fmt::format("{}-main", purpose)));
    EXPECT_TRUE(fs::exists(root / fmt::format("{}-events", purpose)));
    EXPECT_TRUE(fs::exists(root / "something-main"));
  }
}

TEST(Scratch, MayBeOnAnotherDisk) {
  test::TemporaryDirectory root;
  fs::create_directories(root / "larger/disk");
  fs::create_directory_symlink(root / "larger/disk", root / "scratch");
  leave(root / "scratch/drill-main");
  auto mine = ScratchFolder::make(root / "scratch", "restore", kMain, 1);
  ASSERT_TRUE(mine) << mine.error().message.text;
  EXPECT_TRUE(fs::exists(root / "larger/disk/restore-main"));
  ASSERT_TRUE(drop_abandoned_scratch(root / "scratch", kMain));
  EXPECT_FALSE(fs::exists(root / "larger/disk/drill-main"));
}

TEST(Scratch, AFullDiskIsToldAndNothingStays) {
  test::TemporaryDirectory root;
  auto mine = ScratchFolder::make(root.path(), "manual", kMain, ~std::uint64_t{0} >> 1u);
  ASSERT_FALSE(mine);
  EXPECT_EQ(mine.error().kind, Kind::transient);
  EXPECT_TRUE(fs::is_empty(root.path()));
}

}  // namespace
}  // namespace haagent::bootstrap
