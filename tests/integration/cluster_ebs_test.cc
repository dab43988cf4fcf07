// EBS' own counters in a region whose volumes tell them: they are on the page of metrics, and where
// etcd is slow and its volume was at a limit, the status and the check name that.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "agent/base/base64.h"
#include "tests/integration/cluster_region.h"
#include "tests/support/ebs_page_bytes.h"
#include "tests/support/temporary_directory.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;

constexpr char const* kWhere = "masters-a";
constexpr char const* kShim = "/usr/lib/haagent-sim/ebs.so";

class ClusterEbs : public testing::Test {
 protected:
  void SetUp() override {
    if (auto const why = no_cluster_because(); !why.empty()) GTEST_SKIP() << why;
    test::write_bytes(files_ / "preload", std::string(kShim) + "\n");
    test::write_bytes(files_ / "page", page(0, 0us));
    region_.emplace(ClusterPlan{.members = "a",
                                .master_settings = "metrics: {listen: 127.0.0.1:9990}\n",
                                .programs = {{kShim, built_beside("haagent-sim-ebs.so")},
                                             {"/etc/ld.so.preload", files_ / "preload"},
                                             {"/etc/ebs-counters", files_ / "page"}}});
  }
  ClusterRegion& region() { return *region_; }

  static std::string page(std::uint64_t writes, std::chrono::microseconds exceeded) {
    test::EbsPage page;
    page.counters[1] = writes;
    page.counters[6] = static_cast<std::uint64_t>(exceeded.count());
    page.writes = {{{0, 1000}, static_cast<std::uint32_t>(writes)}};
    return page.bytes();
  }
  void tell(std::uint64_t writes, std::chrono::microseconds exceeded) {
    auto const done =
        region().sh(kWhere, fmt::format("echo {} | base64 -d >/etc/ebs-counters.new && "
                                        "mv /etc/ebs-counters.new /etc/ebs-counters",
                                        to_base64(page(writes, exceeded))));
    ASSERT_EQ(done.code, 0) << done.out;
  }
  // Of the main volume; empty where there is none.
  std::string metric(std::string const& name) {
    return region()
        .sh(kWhere, fmt::format("curl -s http://127.0.0.1:9990/metrics | "
                                "sed -n 's/^haagent_ebs_{}{{etcd=\"main\",.*}} //p'",
                                name))
        .out;
  }

  test::TemporaryDirectory files_;
  std::optional<ClusterRegion> region_;
};

TEST_F(ClusterEbs, ALimitThatMakesEtcdSlowIsNamed) {
  ASSERT_TRUE(region().gets_ready());
  ASSERT_TRUE(region().comes_true([&] { return metric("write_ops_total") == "0\n"; }))
      << region().told();
  EXPECT_EQ(metric("exceeded_iops_seconds_total"), "0.000000\n");
  EXPECT_THAT(region().run(kWhere, {"haagent", "check", "volumes", "-v"}).out,
              testing::Not(testing::HasSubstr("VolumeAtLimit")));

  // The counter of the limit grows while etcd is stopped for moments, in the midst of its writes.
  std::jthread const slow([&](std::stop_token const& stop) {
    std::chrono::microseconds exceeded = 0us;
    for (std::uint64_t writes = 1; !stop.stop_requested(); ++writes) {
      tell(writes * 1'000, exceeded += 2s);
      region().sh(kWhere,
                  "for i in 1 2 3 4 5 6 7 8; do pkill -STOP -f '[e]tcd/main.yaml'; sleep 0.15; "
                  "pkill -CONT -f '[e]tcd/main.yaml'; sleep 0.1; done");
    }
  });
  std::jthread const writer([&](std::stop_token const& stop) {
    while (!stop.stop_requested())
      (void)region().etcdctl(kWhere, EtcdCluster::main, {"put", "written", "again"});
  });
  ASSERT_TRUE(region().comes_true(
      [&] { return region().has_reason(kWhere, "maintenance-main", Reason::VolumeAtLimit); }, 150s))
      << region().told();
  EXPECT_EQ(region().subject(kWhere, "maintenance-main"),
            "IOPS of " + region().volume_id("main-a"));
  EXPECT_THAT(region().run(kWhere, {"haagent", "status", "-v"}).out,
              testing::HasSubstr("aws ec2 modify-volume"));
  auto const check = region().run(kWhere, {"haagent", "check", "volumes", "-v"});
  EXPECT_EQ(check.code, 1) << check.out;
  EXPECT_THAT(check.out, testing::HasSubstr("haagent explain VolumeAtLimit"));
  EXPECT_NE(metric("exceeded_iops_seconds_total"), "0.000000\n");
  EXPECT_NE(metric("write_io_latency_seconds_count"), "0\n");
}

}  // namespace
}  // namespace haagent::sim
