#include "volumes/mountinfo.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/sysmacros.h>

namespace haagent::volumes {
namespace {

TEST(Mountinfo, ReadsWhatTheKernelWrites) {
  auto mounts = parse_mountinfo(
      "22 1 259:1 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p1 rw,discard\n"
      "36 22 259:3 / /var/lib/haagent-etcd/main rw,nosuid,nodev,noexec,noatime shared:29 master:2 "
      "- ext4 "
      "/dev/nvme1n1 rw,errors=remount-ro\n"
      "40 22 0:35 /sub /mnt/a\\040b\\134c ro - tmpfs  rw\n"
      "41 22 0:36 / /mnt/d rw unbindable - xfs /dev/x ro,noquota\n");
  ASSERT_TRUE(mounts) << mounts.error().message.text;
  ASSERT_EQ(mounts->size(), 4u);
  EXPECT_EQ((*mounts)[1], (Mount{makedev(259, 3), "/", "/var/lib/haagent-etcd/main", "ext4",
                                 "/dev/nvme1n1", false, "remount-ro"}));
  EXPECT_EQ((*mounts)[2], (Mount{makedev(0, 35), "/sub", "/mnt/a b\\c", "tmpfs", "", true}));
  EXPECT_TRUE((*mounts)[3].read_only) << "the filesystem is, though the mount is not";
}

TEST(Mountinfo, WhatAMountSaysOfErrorsIsReadFromTheFilesystemsOptions) {
  auto on_error = [](std::string const& options) {
    auto mounts = parse_mountinfo("36 22 259:3 / /a rw,errors=none - ext4 /dev/nvme1n1 " + options);
    return mounts ? mounts->at(0).on_error : mounts.error().message.text;
  };
  EXPECT_EQ(on_error("rw,errors=remount-ro"), "remount-ro");
  EXPECT_EQ(on_error("rw,errors=continue,data=ordered"), "continue");
  EXPECT_EQ(on_error("rw"), "");
}

TEST(Mountinfo, ALineThatIsNotUnderstoodIsAnError) {
  for (auto bad : {"x", "36 22 259:3 / /a rw", "36 22 259 / /a rw - ext4 /dev/x rw",
                   "36 22 259:x / /a rw - ext4 /dev/x rw", "36 22 259:3 / /a - ext4 /dev/x",
                   "- - - -", " ", "36 22 259:3 / /a rw - ext4"}) {
    auto mounts = parse_mountinfo(bad);
    ASSERT_FALSE(mounts) << bad;
    EXPECT_EQ(mounts.error().kind, Kind::internal);
  }
  EXPECT_TRUE(parse_mountinfo("")->empty());
}

TEST(MountAt, TheLastOneCoversTheOthers) {
  std::vector<Mount> mounts = {{1, "/", "/a", "ext4", "x", false},
                               {2, "/", "/a/b", "ext4", "y", false},
                               {3, "/", "/a", "xfs", "z", false}};
  EXPECT_EQ(mount_at(mounts, "/a")->device, 3u);
  EXPECT_EQ(mount_at(mounts, "/a/b")->device, 2u);
  EXPECT_EQ(mount_at(mounts, "/"), nullptr);
}

TEST(MountBelow, IsFurtherDownInTheFolder) {
  std::vector<Mount> const mounts = {{1, "/", "/a", "ext4", "x", false},
                                     {2, "/", "/ab", "ext4", "y", false},
                                     {3, "/", "/a/b/c", "xfs", "z", false}};
  EXPECT_EQ(mount_below(mounts, "/a")->device, 3u);
  EXPECT_EQ(mount_below(mounts, "/ab"), nullptr);
  EXPECT_EQ(mount_below(mounts, "/a/b/c"), nullptr);
}

}  // namespace
}  // namespace haagent::volumes
