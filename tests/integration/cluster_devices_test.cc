// Disks that come late, in the wrong order, unannounced, with somebody else's data, or broken.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "agent/base/file_descriptor.h"
#include "agent/base/process.h"
#include "tests/integration/cluster_region.h"
#include "tests/support/mentions.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

// What is written in a sparse file: offset to bytes.
std::map<off_t, std::string> written_in(std::filesystem::path const& path) {
  std::map<off_t, std::string> found;
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_TRUE(file) << path;
  for (off_t end = 0;;) {
    auto const begin = ::lseek(file.get(), end, SEEK_DATA);
    if (begin < 0) return found;
    end = ::lseek(file.get(), begin, SEEK_HOLE);
    auto& bytes = found[begin];
    bytes.resize(static_cast<std::size_t>(end - begin));
    EXPECT_EQ(::pread(file.get(), bytes.data(), bytes.size(), begin), end - begin);
  }
}

class ClusterDevices : public testing::Test {
 public:
  static void SetUpTestSuite() {
    if (no_cluster_because().empty())
      region_ = std::make_unique<ClusterRegion>(ClusterPlan{.members = "a", .launched = false});
  }
  static void TearDownTestSuite() { region_.reset(); }

 protected:
  void SetUp() override {
    if (auto const why = no_cluster_because(); !why.empty()) GTEST_SKIP() << why;
  }
  void TearDown() override {
    if (!region_) return;
    region_->command("devices", Tree::map({{"udev", "on"}, {"order", "attach"}}));
    region_->command("device-delay", Tree::map({{"delay", "0s"}}));
    region_->launch("masters-a", 0);
    EXPECT_TRUE(region_->comes_true([&] {
      return region_->volume("main-a").text_at("state") == "available" &&
             region_->volume("events-a").text_at("state") == "available";
    }));
  }
  static ClusterRegion& region() { return *region_; }

  // The disk that is mounted there, by its serial number, is the volume of that name.
  static void expect_right_disks() {
    for (auto cluster : kEtcdClusters) {
      auto const serial =
          region().sh("masters-a", fmt::format("cat /sys/block/$(basename $(findmnt -n -o SOURCE "
                                               "/var/lib/haagent-etcd/{}))/device/serial",
                                               to_string(cluster)));
      auto id = region().volume_id(fmt::format("{}-a", to_string(cluster)));
      id.erase(id.find('-'), 1);
      EXPECT_THAT(serial.out, HasSubstr(id));
    }
  }
  static std::string name_of(EtcdCluster cluster) {
    return region()
        .run("masters-a", {"findmnt", "-n", "-o", "SOURCE",
                           fmt::format("/var/lib/haagent-etcd/{}", to_string(cluster))})
        .out;
  }

  static inline std::unique_ptr<ClusterRegion> region_;
};

TEST_F(ClusterDevices, NvmeNumbersAreNotTheOrderOfAttaching) {
  region().command("devices", Tree::map({{"order", "reversed"}}));
  region().launch("masters-a");
  ASSERT_TRUE(region().gets_ready());
  expect_right_disks();
  // main was attached first; its number is the higher one.
  EXPECT_GT(name_of(EtcdCluster::main), name_of(EtcdCluster::events));
}

TEST_F(ClusterDevices, NoUdev) {
  region().command("devices", Tree::map({{"udev", "off"}}));
  region().launch("masters-a");
  ASSERT_TRUE(region().gets_ready());
  expect_right_disks();
  EXPECT_EQ(region().sh("masters-a", "ls /run/udev /dev/disk/by-id").out.find("nvme"),
            std::string::npos);
}

// As long as a busy machine may take between two looks at the page.
TEST_F(ClusterDevices, ADiskThatComesSecondsAfterItsAttachment) {
  region().command("device-delay", Tree::map({{"delay", "6s"}}));
  region().launch("masters-a");
  ASSERT_TRUE(region().comes_true([&] {
    return !region().instance_of("masters-a").empty() &&
           region().has_reason("masters-a", "device-main", Reason::DeviceMissing);
  }));
  EXPECT_EQ(region().step_state("masters-a", "device-main"), "waiting");
  ASSERT_TRUE(region().gets_ready());
  expect_right_disks();
}

// Disks that might hold data, before the first boot of the master that they are tagged for.
class ClusterForeignDisks : public testing::Test {
 protected:
  void SetUp() override {
    if (auto const why = no_cluster_because(); !why.empty()) GTEST_SKIP() << why;
    region_.emplace(ClusterPlan{.members = "a", .launched = false});
  }

  static void outside(std::vector<std::string> const& argv) {
    SystemProcess process;
    auto const outcome = process.run({.argv = argv}, {});
    ASSERT_TRUE(outcome) << outcome.error().message.text;
    ASSERT_EQ(outcome->exit_code, 0) << outcome->err;
  }
  bool refuses(std::string const& step) {
    return region_->step_state("masters-a", step) == "refused";
  }
  void boot_until(std::function<bool()> const& condition) {
    region_->launch("masters-a");
    ASSERT_TRUE(region_->comes_true(
        [&] { return !region_->instance_of("masters-a").empty() && condition(); }));
  }
  // By kill, so that init starts it anew.
  void restart_agent_until(std::function<bool()> const& condition) {
    auto const agent = region_->status("masters-a").text_at("pid");
    region_->run("masters-a", {"kill", "-9", agent});
    ASSERT_TRUE(region_->comes_true([&] {
      auto const now = region_->status("masters-a").text_at("pid");
      return !now.empty() && now != agent && condition();
    }));
  }
  void expect_page_names(std::vector<std::string> const& words) {
    auto const page = region_->run("masters-a", {"haagent", "status", "-v"});
    EXPECT_EQ(page.code, 1);
    for (auto const& word : words) EXPECT_TRUE(test::mentions(page.out, word)) << page.out;
  }

  std::optional<ClusterRegion> region_;
};

TEST_F(ClusterForeignDisks, ASignatureAndADiskThatCannotBeRead) {
  auto const main = region_->volume_file("main-a"), events = region_->volume_file("events-a");
  outside({"mkswap", "-q", main});
  auto const before = written_in(main);
  ASSERT_FALSE(before.empty());
  region_->command("break-volume", Tree::map({{"volume", "events-a"}, {"how", "unreadable"}}));

  auto const both_refused = [&] {
    return refuses("filesystem-main") && refuses("filesystem-events");
  };
  boot_until(both_refused);
  auto const swap = region_->sentence("masters-a", "filesystem-main");
  EXPECT_TRUE(test::mentions(swap, "swap")) << swap;
  auto const unreadable = region_->sentence("masters-a", "filesystem-events");
  EXPECT_TRUE(test::mentions(unreadable, "Input/output error")) << unreadable;
  expect_page_names({region_->volume_id("main-a"), region_->volume_id("events-a")});
  restart_agent_until(both_refused);
  EXPECT_EQ(written_in(main), before);
  EXPECT_EQ(written_in(events), (std::map<off_t, std::string>()));
}

TEST_F(ClusterForeignDisks, SomebodysFilesAndBytesWithoutASignature) {
  auto const main = region_->volume_file("main-a"), events = region_->volume_file("events-a");
  test::TemporaryDirectory files;
  test::write_bytes(files / "ledger", "precious");
  outside({"mkfs.ext4", "-q", "-F", "-d", files.path(), main});
  outside({"dd", "if=/dev/urandom", "of=" + events.string(), "bs=4096", "seek=32768", "count=1",
           "conv=notrunc", "status=none"});
  auto const before = written_in(events);
  ASSERT_EQ(before.size(), 1u);

  auto const both_refused = [&] { return refuses("mount-main") && refuses("filesystem-events"); };
  boot_until(both_refused);
  auto const said = region_->sentence("masters-a", "mount-main");
  EXPECT_TRUE(test::mentions(said, "ledger")) << said;
  EXPECT_THAT(region_->sentence("masters-a", "filesystem-events"), HasSubstr("134217728"));
  expect_page_names({region_->volume_id("main-a"), region_->volume_id("events-a"), "ledger"});
  restart_agent_until(both_refused);
  EXPECT_EQ(written_in(events), before);
  auto const there = region_->sh("masters-a", "cd /var/lib/haagent-etcd/main && ls && cat ledger");
  EXPECT_EQ(there.out, "ledger\nlost+found\nprecious");
}

}  // namespace
}  // namespace haagent::sim
