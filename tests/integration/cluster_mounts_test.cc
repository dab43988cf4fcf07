// Volumes that are taken from under their members: unmounted behind the agent's back, or failed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/cluster_region.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;

constexpr auto kMain = EtcdCluster::main;
constexpr char kPoint[] = "/var/lib/haagent-etcd/main";

class ClusterMounts : public SharedCluster<ClusterMounts> {
 public:
  static ClusterPlan plan() { return {.members = "abc"}; }

 protected:
  static Outcome umount(std::string const& where, std::string const& how) {
    return region().sh(where, fmt::format("umount {} {}", how, kPoint));
  }
  static std::string etcd_pid(std::string const& where) {
    auto const out = region()
                         .sh(where,
                             "sed -n 's/.*\"pid\": *\\([0-9]*\\).*/\\1/p' "
                             "/run/haagent/units/haagent-etcd@main.service.json")
                         .out;
    return out.substr(0, out.find('\n'));
  }
  // Ends etcd and unmounts its volume, before the agent has started etcd again.
  static void take_volume(std::string const& where) {
    ASSERT_TRUE(region().comes_true([&] {
      region().sh(where, fmt::format("kill -KILL {} 2>/dev/null", etcd_pid(where)));
      return umount(where, "").code == 0;
    }));
  }
  static void restart_agent(std::string const& where) {
    auto const agent = region().status(where).text_at("pid");
    region().run(where, {"kill", "-9", agent});
    ASSERT_TRUE(region().comes_true([&] {
      auto const now = region().status(where).text_at("pid");
      return !now.empty() && now != agent;
    }));
  }
  static int status_of(std::string const& where, std::string* page = nullptr) {
    auto const shown = region().run(where, {"haagent", "status", "-v"});
    if (page) *page = shown.out;
    return shown.code;
  }
  static bool may_go_on(std::string const& where) {
    return region().run(where, {"haagent", "status", "--cluster"}).code == 0;
  }
  // Its etcd-main does not see the volume, for that reason.
  static bool has_no_volume(std::string const& where, Reason cause) {
    return region().has_reason(where, "etcd-main", Reason::VolumeNotSeen) &&
           region().subject(where, "etcd-main") == to_string(cause);
  }
  // What a hand would do for 'systemctl stop haagent-etcd@main': the agent starts it no more.
  static void stop_etcd(std::string const& where) {
    region().sh(where, fmt::format("kill -KILL {} 2>/dev/null; true", etcd_pid(where)));
  }
};

TEST_F(ClusterMounts, AMemberWhoseVolumeIsGoneIsNotRemovedAndComesBackWithIt) {
  auto const before = region().members("masters-a", kMain);
  auto const cluster = region().cluster_id("masters-a", kMain);
  ASSERT_TRUE(region().put("masters-a", kMain, "precious", "yes"));
  take_volume("masters-b");
  std::string page;
  ASSERT_TRUE(region().comes_true([&] {
    return status_of("masters-b", &page) == 1 &&
           has_no_volume("masters-b", Reason::VolumeUnmounted) &&
           region().has_reason("masters-b", "mount-main", Reason::VolumeUnmounted);
  })) << page;
  // Each row has looked many times, and etcd was not started: for twice as long as it once took.
  ASSERT_TRUE(region().put("masters-a", kMain, "meanwhile", "yes"));
  EXPECT_FALSE(
      region().comes_true([&] { return region().members("masters-a", kMain) != before; }, 5s))
      << "the members were changed";
  EXPECT_THAT(page, HasSubstr("systemctl restart haagent"));
  EXPECT_FALSE(may_go_on("masters-a"));
  EXPECT_EQ(region().sh("masters-b", fmt::format("find {} -mindepth 1", kPoint)).out, "")
      << "something was written to the root disk";

  restart_agent("masters-b");
  ASSERT_TRUE(region().gets_ready()) << region().told();
  EXPECT_EQ(region().members("masters-a", kMain), before);
  EXPECT_EQ(region().cluster_id("masters-b", kMain), cluster);
  EXPECT_TRUE(region().has("masters-b", kMain, "meanwhile", "yes"));
}

TEST_F(ClusterMounts, AMountThatComesBackByHandIsEnough) {
  auto const before = region().members("masters-a", kMain);
  auto const device = region().sh("masters-c", fmt::format("findmnt -no SOURCE {}", kPoint)).out;
  take_volume("masters-c");
  ASSERT_TRUE(
      region().comes_true([&] { return has_no_volume("masters-c", Reason::VolumeUnmounted); }));
  ASSERT_EQ(
      region()
          .sh("masters-c", fmt::format("mount {} {}", device.substr(0, device.find('\n')), kPoint))
          .code,
      0);
  ASSERT_TRUE(region().gets_ready()) << region().told();
  EXPECT_EQ(region().members("masters-a", kMain), before);
}

// A lazy unmount leaves etcd its open files: it serves, and is left alone.
TEST_F(ClusterMounts, AnEtcdThatStillRunsOnItsOpenFilesIsLeftAlone) {
  auto const before = region().members("masters-a", kMain);
  auto const pid = etcd_pid("masters-b");
  ASSERT_EQ(umount("masters-b", "-l").code, 0);
  ASSERT_TRUE(region().comes_true([&] {
    return has_no_volume("masters-b", Reason::VolumeUnmounted) && status_of("masters-b") == 1;
  }));
  ASSERT_TRUE(region().put("masters-b", kMain, "lazily", "yes"));
  EXPECT_EQ(etcd_pid("masters-b"), pid);
  EXPECT_EQ(region().members("masters-a", kMain), before);
  EXPECT_FALSE(may_go_on("masters-a"));

  // As it advises: etcd first, which has the disk open, then the agent.
  EXPECT_THAT(region().sentence("masters-b", "etcd-main"),
              HasSubstr("'systemctl stop haagent-etcd@main'"));
  stop_etcd("masters-b");
  restart_agent("masters-b");
  ASSERT_TRUE(region().gets_ready()) << region().told();
  EXPECT_EQ(region().members("masters-a", kMain), before);
  EXPECT_TRUE(region().has("masters-b", kMain, "lazily", "yes"));
}

TEST_F(ClusterMounts, AFilesystemThatWasShutDownMakesItsMemberOneThatIsDown) {
  auto const before = region().members("masters-a", kMain);
  ASSERT_EQ(region().sh("masters-c", fmt::format("xfs_io -x -c shutdown {}", kPoint)).code, 0);
  std::string page;
  ASSERT_TRUE(region().comes_true([&] {
    return status_of("masters-c", &page) == 1 &&
           has_no_volume("masters-c", Reason::FilesystemFailed) &&
           region().step_state("masters-c", "mount-main") != "done";
  })) << page
      << region().told();
  EXPECT_THAT(page, AllOf(HasSubstr("dmesg"), HasSubstr("umount")));
  EXPECT_FALSE(may_go_on("masters-a"));
  // It is down for everybody: not started, not asked, not led by.
  ASSERT_TRUE(region().comes_true([&] {
    auto const status = region().status("masters-a");
    for (auto const& etcd : status.find("etcd")->items())
      if (etcd.text_at("cluster") == "main")
        return etcd.find("member")->find("healthyVoters")->as_integer().value_or(3) == 2;
    return false;
  })) << region().told();
  EXPECT_EQ(region().members("masters-a", kMain), before) << "nobody is removed for it";

  // As it advises.
  stop_etcd("masters-c");
  ASSERT_TRUE(region().comes_true([&] { return umount("masters-c", "").code == 0; }));
  restart_agent("masters-c");
  ASSERT_TRUE(region().gets_ready()) << region().told();
  EXPECT_EQ(region().members("masters-a", kMain), before);
}

}  // namespace
}  // namespace haagent::sim
