#include "agent/base/read_only.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <cerrno>

#include "agent/base/files.h"
#include "tests/support/loop_disk.h"
#include "tests/support/temporary_directory.h"

namespace haagent {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class ReadOnlyTest : public testing::Test {
 protected:
  void SetUp() override {
    if (auto why = test::LoopDisk::why_not(); !why.empty()) GTEST_SKIP() << why;
    std::filesystem::create_directories(closed());
    ASSERT_EQ(::mount("none", closed().c_str(), "tmpfs", MS_RDONLY, ""), 0);
  }
  void TearDown() override { ::umount2(closed().c_str(), MNT_DETACH); }
  std::filesystem::path closed() const {
    return std::filesystem::canonical(root_.path()) / "mnt/data";
  }

  test::TemporaryDirectory root_;
};

TEST_F(ReadOnlyTest, IsWhatTheNearestFolderIs) {
  EXPECT_EQ(read_only_place(closed()), closed());
  EXPECT_EQ(read_only_place(closed() / "etcd/main"), closed());
  EXPECT_EQ(read_only_place(root_ / "mnt/other/main"), std::nullopt);
  EXPECT_EQ(read_only_place(root_.path()), std::nullopt);
  std::filesystem::create_directory_symlink(closed(), root_ / "link");
  EXPECT_EQ(read_only_place(root_ / "link/kubelet"), closed());
}

TEST_F(ReadOnlyTest, WhoWritesThereSaysWhatOpensIt) {
  std::filesystem::create_directory_symlink(closed(), root_ / "kubelet");
  auto const made = make_directories(root_ / "kubelet/pki");
  auto const written = replace_file(root_ / "kubelet/config.yaml", "a");
  for (auto const* done : {&made, &written}) {
    ASSERT_FALSE(*done);
    EXPECT_EQ(done->error().code, std::errc::read_only_file_system);
    EXPECT_THAT(done->error().message.text, HasSubstr("ReadWritePaths=" + closed().string()));
  }
}

// A volume whose filesystem has failed is read-only as well, and no line in a unit mends it.
TEST(HowToOpen, SaysNothingOfWhatTheUnitMayWriteTo) {
  for (auto const* own : {"/etc", "/etc/kubernetes", "/var/lib", "/var/lib/haagent-etcd/main"})
    EXPECT_EQ(how_to_open(own), "") << own;
  for (auto const* other : {"/", "/etcd", "/var/library", "/mnt/etcd", "/var"})
    EXPECT_THAT(how_to_open(other), HasSubstr("ReadWritePaths=" + std::string(other))) << other;
}

}  // namespace
}  // namespace haagent
