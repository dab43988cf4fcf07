// Finding a volume's disk in a made-up /sys and /dev.
#include "volumes/device.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "agent/base/file_descriptor.h"
#include "tests/support/temporary_directory.h"

namespace haagent::volumes {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr char kEbs[] = "Amazon Elastic Block Store              ";

class DeviceTest : public testing::Test {
 protected:
  void disk(std::string const& name, std::string const& number,
            std::uint64_t bytes = 20ull << 30u) {
    auto folder = "sys/block/" + name;
    test::write_bytes(root / (folder + "/dev"), number + "\n");
    test::write_bytes(root / (folder + "/size"), std::to_string(bytes / 512) + "\n");
  }
  void nvme(std::string const& name, std::string const& number, std::string const& serial,
            std::string const& model = kEbs) {
    disk(name, number);
    test::write_bytes(root / ("sys/block/" + name + "/device/serial"), serial + "\n");
    test::write_bytes(root / ("sys/block/" + name + "/device/model"), model + "\n");
  }
  // Nodes of loop devices, which are opened for a look and no more.
  void node(std::string const& name, unsigned number) {
    std::filesystem::create_directories(root / "dev");
    auto path = root / ("dev/" + name);
    std::filesystem::remove(path);
    if (::mknod(path.c_str(), S_IFBLK | 0600, makedev(7, number)) != 0)
      GTEST_SKIP() << "needs root to make device nodes";
  }
  EtcdVolume volume(std::string id = "vol-0a1b", std::string name = "/dev/sdf") {
    EtcdVolume out;
    out.volume_id = std::move(id);
    out.device_name = std::move(name);
    out.size_gib = 20;
    return out;
  }
  Result<std::optional<BlockDevice>> find(EtcdVolume const& wanted) {
    return SystemDevices(Root(root.path())).find(wanted);
  }

  test::TemporaryDirectory root;
};

TEST_F(DeviceTest, FindsTheDiskBySerialWhateverItsNumber) {
  nvme("nvme0n1", "7:0", "vol0root            ");
  nvme("nvme1n1", "7:2", "vol0other           ");
  nvme("nvme2n1", "7:1", "vol0a1b             ");
  node("nvme2n1", 1);
  if (IsSkipped()) return;
  auto found = find(volume());
  ASSERT_TRUE(found) << found.error().message.text;
  ASSERT_TRUE(*found);
  EXPECT_EQ((*found)->path, (root / "dev/nvme2n1").string());
  EXPECT_EQ((*found)->number, makedev(7, 1));
  EXPECT_EQ((*found)->bytes, 20ull << 30u);
}

TEST_F(DeviceTest, TheOrderSwappedOverARebootDoesNotMatter) {
  for (bool swapped : {false, true}) {
    nvme("nvme1n1", "7:1", swapped ? "vol0b" : "vol0a");
    nvme("nvme2n1", "7:2", swapped ? "vol0a" : "vol0b");
    node("nvme1n1", 1);
    node("nvme2n1", 2);
    if (IsSkipped()) return;
    auto found = find(volume("vol-0a"));
    ASSERT_TRUE(found && *found);
    EXPECT_EQ((*found)->number, makedev(7, swapped ? 2 : 1));
  }
}

TEST_F(DeviceTest, AnInstanceStoreIsNeverTaken) {
  nvme("nvme1n1", "7:1", "vol0a1b", "Amazon EC2 NVMe Instance Storage        ");
  node("nvme1n1", 1);
  auto found = find(volume());
  ASSERT_TRUE(found);
  EXPECT_FALSE(*found);
  EXPECT_TRUE(SystemDevices(Root(root.path())).local().ebs.empty());
}

TEST_F(DeviceTest, ANodeOfAnotherDiskIsNotUsed) {
  nvme("nvme1n1", "7:1", "vol0a1b");
  node("nvme1n1", 3);  // left over from a disk before it
  if (IsSkipped()) return;
  auto found = find(volume());
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind, Kind::transient);
  EXPECT_EQ(found.error().message.reason, Reason::DiskChanged);
}

// A path that gives `before` to the first readers, one after the other, and `after` to all others.
class Changing {
 public:
  Changing(std::filesystem::path path, int readers, std::string before, std::string after)
      : path_(std::move(path)) {
    put_pipe(path_);
    writer_ = std::thread([this, readers, before, after] {
      for (int left = readers; left > 0; --left) {
        FileDescriptor end(::open(path_.c_str(), O_WRONLY | O_CLOEXEC));  // once somebody reads
        if (over_) return;
        // The next one stands there before this reader has come to its end.
        auto const next = path_.string() + ".next";
        if (left > 1)
          put_pipe(next);
        else
          test::write_bytes(next, after);
        std::filesystem::rename(next, path_);
        if (::write(end.get(), before.data(), before.size()) < 0) return;
      }
    });
  }
  ~Changing() {
    over_ = true;
    FileDescriptor last_reader(::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    writer_.join();
  }

 private:
  static void put_pipe(std::filesystem::path const& path) {
    std::filesystem::remove(path);
    if (::mkfifo(path.c_str(), 0600) != 0)
      throw std::system_error(errno, std::generic_category(), path.string());
  }

  std::filesystem::path const path_;
  std::atomic<bool> over_ = false;
  std::thread writer_;
};

TEST_F(DeviceTest, ANameThatPassesToAnotherDiskMeanwhileIsNotUsed) {
  struct {
    char const* attribute;
    int readers;
    char const* before;
    char const* after;
  } const changes[] = {{"device/serial", 1, "vol0a1b\n", "vol0other\n"},
                       {"device/model", 1, kEbs, "Amazon EC2 NVMe Instance Storage"},
                       {"dev", 1, "7:1\n", "7:2\n"},
                       {"dev", 2, "7:1\n", "7:2\n"}};
  for (auto const& change : changes) {
    SCOPED_TRACE(fmt::format("{} changes after {} readings", change.attribute, change.readers));
    nvme("nvme1n1", "7:1", "vol0a1b");
    node("nvme1n1", 1);
    if (IsSkipped()) return;
    Changing attribute(root / fmt::format("sys/block/nvme1n1/{}", change.attribute), change.readers,
                       change.before, change.after);
    auto found = find(volume());
    ASSERT_FALSE(found) << "nvme1n1 was taken for vol-0a1b while it became another disk";
    EXPECT_EQ(found.error().kind, Kind::transient);
  }
}

TEST_F(DeviceTest, AFileWhereTheNodeShouldBeIsAnError) {
  nvme("nvme1n1", "7:1", "vol0a1b");
  test::write_bytes(root / "dev/nvme1n1", "");
  auto const found = find(volume());
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind, Kind::internal);
}

TEST_F(DeviceTest, WithoutANodeItIsNotThereYet) {
  nvme("nvme1n1", "7:1", "vol0a1b");
  auto found = find(volume());
  ASSERT_TRUE(found) << found.error().message.text;
  EXPECT_FALSE(*found);
}

TEST_F(DeviceTest, TwoDisksOfOneSerialAreRefused) {
  nvme("nvme1n1", "7:1", "vol0a1b");
  nvme("nvme2n1", "7:2", "vol0a1b");
  auto found = find(volume());
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind, Kind::refused);
  EXPECT_EQ(found.error().message.reason, Reason::DeviceAmbiguous);
  EXPECT_THAT(found.error().message.text,
              testing::AllOf(HasSubstr("nvme1n1"), HasSubstr("nvme2n1")));
}

TEST_F(DeviceTest, AHiddenPathOfAMultipathDiskDoesNotCount) {
  nvme("nvme1n1", "7:1", "vol0a1b");
  test::write_bytes(root / "sys/block/nvme1c1n1/device/serial", "vol0a1b\n");
  test::write_bytes(root / "sys/block/nvme1c1n1/device/model", std::string(kEbs) + "\n");
  node("nvme1n1", 1);
  if (IsSkipped()) return;
  auto found = find(volume());
  ASSERT_TRUE(found && *found);
}

TEST_F(DeviceTest, OnXenTheNameAndTheSizeDecide) {
  disk("xvda", "7:0", 8ull << 30u);
  disk("xvdf", "7:1");
  node("xvdf", 1);
  if (IsSkipped()) return;
  auto found = find(volume());
  ASSERT_TRUE(found) << found.error().message.text;
  ASSERT_TRUE(*found);
  EXPECT_EQ((*found)->number, makedev(7, 1));

  disk("xvdf", "7:1", 10ull << 30u);
  EXPECT_FALSE(*find(volume())) << "another size is another disk";
  disk("xvdf", "7:1");
  EXPECT_FALSE(*find(volume("vol-0a1b", "/dev/sdg")));
}

TEST_F(DeviceTest, OnNitroNamesSayNothing) {
  nvme("nvme0n1", "7:0", "vol0root");
  disk("xvdf", "7:1");
  disk("sdf", "7:2");
  node("xvdf", 1);
  node("sdf", 2);
  EXPECT_FALSE(*find(volume()));
}

TEST_F(DeviceTest, SaysWhatIsHere) {
  nvme("nvme0n1", "7:0", "vol0root   ");
  nvme("nvme1n1", "7:1", "vol-0a1b");
  disk("loop0", "7:9");
  auto local = SystemDevices(Root(root.path())).local();
  EXPECT_EQ(local.names, (std::vector<std::string>{"loop0", "nvme0n1", "nvme1n1"}));
  EXPECT_EQ(local.ebs, (std::map<std::string, dev_t>{{"vol-0root", makedev(7, 0)},
                                                     {"vol-0a1b", makedev(7, 1)}}));
}

TEST_F(DeviceTest, WithoutSysThereIsNothing) {
  auto found = find(volume());
  ASSERT_TRUE(found);
  EXPECT_FALSE(*found);
}

TEST_F(DeviceTest, WaitingEndsWhenStopped) {
  SystemDevices devices{Root(root.path())};
  std::stop_source stop;
  stop.request_stop();
  auto before = std::chrono::steady_clock::now();
  devices.wait(devices.news(), 10min, stop.get_token());
  EXPECT_LT(std::chrono::steady_clock::now() - before, 1min);
  devices.wait(devices.news(), 1ms, {});  // returns, events or none
}

}  // namespace
}  // namespace haagent::volumes
