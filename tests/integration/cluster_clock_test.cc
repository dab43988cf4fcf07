// Masters whose own clock is wrong, in a region whose time is S3's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "agent/base/facts.h"
#include "tests/integration/cluster_region.h"
#include "tests/support/temporary_directory.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr char const* kShim = "/usr/lib/haagent-sim/clock.so";

class ClusterClock : public testing::Test {
 protected:
  // Every instance's clock is so far ahead from its start on.
  void make(std::string const& members, std::chrono::seconds ahead) {
    test::write_bytes(files_ / "preload", std::string(kShim) + "\n");
    test::write_bytes(files_ / "shift", std::to_string(ahead.count()));
    region_.emplace(ClusterPlan{.members = members,
                                .programs = {{kShim, built_beside("haagent-sim-clock.so")},
                                             {"/etc/ld.so.preload", files_ / "preload"},
                                             {"/etc/clock-shift", files_ / "shift"}}});
  }
  void SetUp() override {
    if (auto const why = no_cluster_because(); !why.empty()) GTEST_SKIP() << why;
  }
  ClusterRegion& region() { return *region_; }
  void set_clock(std::string const& master, std::chrono::seconds ahead) {
    auto const done = region().sh(master, fmt::format("echo {} >/etc/clock-shift", ahead.count()));
    ASSERT_EQ(done.code, 0) << done.out;
  }
  int status_code(std::string const& master) {
    return region().run(master, {"haagent", "status"}).code;
  }

  test::TemporaryDirectory files_;
  std::optional<ClusterRegion> region_;
};

TEST_F(ClusterClock, AFirstMasterThatIsAheadMakesNoAuthorityUntilItsClockIsRight) {
  make("a", 40min);
  ASSERT_TRUE(region().comes_true([&] {
    auto const status = region().status("masters-a");
    auto const* clock = status.find("clock");
    auto const* ahead = clock ? clock->find("aheadMilliseconds") : nullptr;
    return region().has_reason("masters-a", "pki", Reason::ClockWrong) && ahead &&
           std::abs(ahead->as_integer().value_or(0) - 40 * 60'000) < 30'000 &&
           clock->text_at("against").starts_with("s3://");
  })) << region().told();
  auto const id = region().instance_of("masters-a");
  // The key of service accounts has no date, and nothing else is there.
  ASSERT_TRUE(region().comes_true(
      [&] { return region().step_state("masters-a", "service-account") == "done"; }));
  EXPECT_EQ(region().calls(id)["s3:PutObject"], 1) << region().told();
  EXPECT_EQ(region().sh("masters-a", "ls /etc/kubernetes/pki").out, "sa.key\nsa.pub\n");
  EXPECT_NE(status_code("masters-a"), 0);
  set_clock("masters-a", 0s);
  EXPECT_TRUE(region().gets_ready());
  EXPECT_EQ(status_code("masters-a"), 0) << region().told();
}

TEST_F(ClusterClock, AWrongClockIsToldTakesNoBackupAndComesBackWhicheverWayItSteps) {
  make("abc", 0s);
  ASSERT_TRUE(region().gets_ready());
  auto backups = [&] {
    return region().run("masters-b", {"haagent", "etcd", "snapshots", "-o", "json"}).out;
  };
  for (std::chrono::seconds const ahead : {17'520h, -26h}) {
    SCOPED_TRACE(ahead.count());
    set_clock("masters-a", ahead);
    ASSERT_TRUE(region().comes_true([&] {
      return region().step_state("masters-a", "clock") == "drifted";
    })) << region().told();
    EXPECT_EQ(status_code("masters-a"), 1);
    EXPECT_EQ(region().status("masters-a").find("clock")->text_at("wrong"), "true");
    auto const before = backups();
    auto const backup = region().run("masters-a", {"haagent", "etcd", "backup"});
    EXPECT_EQ(backup.code, 77) << backup.out;
    auto const order =
        region().run("masters-a", {"haagent", "etcd", "restore", "--over-running-cluster"});
    EXPECT_NE(order.code, 0) << order.out;
    auto const issue = region().run(
        "masters-a", {"haagent", "pki", "issue", "--client", "prometheus", "--out", "/run"});
    EXPECT_EQ(issue.code, 77) << issue.out;
    EXPECT_EQ(region().sh("masters-a", "ls /run/prometheus.*").code, 2) << "it left a certificate";
    EXPECT_EQ(backups(), before);
    // Certificates of this cluster are good by the store's time, and nothing of them is made anew.
    EXPECT_EQ(region().step_state("masters-a", "pki"), "done") << region().told();
    EXPECT_TRUE(region().put("masters-b", EtcdCluster::main, "goes-on", "yes"));
    set_clock("masters-a", 0s);
    EXPECT_TRUE(region().comes_true([&] { return status_code("masters-a") == 0; }))
        << region().told();
  }
}

}  // namespace
}  // namespace haagent::sim
