#include "agent/config/closed_places.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include "agent/config/step.h"
#include "tests/support/fake_clock.h"
#include "tests/support/golden.h"
#include "tests/support/loop_disk.h"
#include "tests/support/scripted_http.h"
#include "tests/support/source_dir.h"
#include "tests/support/temporary_directory.h"

namespace haagent {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class ClosedPlaces : public testing::Test {
 protected:
  void SetUp() override {
    if (auto why = test::LoopDisk::why_not(); !why.empty()) GTEST_SKIP() << why;
    auto const closed = root_ / "mnt";
    std::filesystem::create_directories(closed);
    std::filesystem::create_directories(root_ / "var/lib");
    ASSERT_EQ(::mount("none", closed.c_str(), "tmpfs", MS_RDONLY, ""), 0);
    config_.role = Role::master;
    config_.cluster.state = "s3://bucket/prefix";
  }
  void TearDown() override { ::umount2((root_ / "mnt").c_str(), MNT_DETACH); }
  std::string told() { return closed_places(Root(root_.path()), config_); }

  test::TemporaryDirectory root_;
  NodeConfig config_;
};

TEST_F(ClosedPlaces, NoneOfTheDefaultsIs) {
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(ClosedPlaces, EachThatTheNodeUsesIsTold) {
  config_.volumes.mount_root = "/mnt/etcd";
  EXPECT_THAT(
      told(),
      AllOf(HasSubstr("volumes.mountRoot"), HasSubstr("/mnt/etcd by 'systemctl edit haagent'"),
            HasSubstr("haagent-volumes@.service"), Not(HasSubstr("cluster.state"))));
  config_.cluster.state = "file:///mnt/state";
  config_.etcd.backups.scratch = "/mnt/scratch";
  EXPECT_THAT(told(), AllOf(HasSubstr("volumes.mountRoot"), HasSubstr("etcd.backups.scratch"),
                            HasSubstr("cluster.state")));
  config_.etcd.backups.enabled = false;
  EXPECT_THAT(told(), Not(HasSubstr("etcd.backups.scratch")));
  config_.role = Role::worker;
  EXPECT_THAT(told(), AllOf(HasSubstr("cluster.state"), Not(HasSubstr("volumes.mountRoot"))));
}

// Before anything is attached, formatted or mounted.
TEST_F(ClosedPlaces, NoNodeBootsWithOne) {
  test::ScriptedHttp http;
  test::FakeClock clock;
  aws::Imds imds(http, clock, {"http://imds"});
  for (std::string const folder : {"/var/lib/haagent-etcd", "/mnt/etcd"}) {
    ConfigRequest request;
    request.user_data = test::bytes_of(test::source_dir() / "packaging/examples/master.yaml");
    request.settings = {"volumes.mountRoot=" + folder};
    Fact<NodeConfig> config;
    Facts facts;
    auto step = config_step(Root(root_.path()), request, imds, config, /*waits=*/false, clock);
    auto const found = step->look(facts, {});
    bool const open = folder.starts_with("/var/lib/");
    EXPECT_EQ(found.has_value(), open) << folder;
    if (!found) {
      EXPECT_EQ(found.error().kind, Kind::invalid) << found.error().message.text;
    }
    EXPECT_EQ(config.get().has_value(), open) << folder;
  }
}

}  // namespace
}  // namespace haagent
