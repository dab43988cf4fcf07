// Whoever reaches a node's listeners cannot fill its memory: a worker's and a master's, and the one
// of metrics.listen.
#include <gtest/gtest.h>

#include "tests/integration/cluster_region.h"

namespace haagent::sim {
namespace {

constexpr char kFlooder[] = "/usr/bin/haagent-sim-flooder";
constexpr int kMetricsPort = 9990;
constexpr long kMayGrow = 32L << 10;  // KiB

class ClusterFlood : public SharedCluster<ClusterFlood> {
 public:
  static ClusterPlan plan() {
    return {.members = "a",
            .workers = 1,
            // Both roles take the lines behind it.
            .etcd_settings = fmt::format(
                "{{binary: /usr/bin/etcd}}\nmetrics: {{listen: \"0.0.0.0:{}\"}}", kMetricsPort),
            .programs = {{kFlooder, built_beside("haagent-sim-flooder")}}};
  }

 protected:
  // The daemon's memory in KiB: resident now, or the most since `from_now_on()`.
  static long memory(std::string const& where, std::string const& key) {
    auto const read = region().sh(
        where,
        fmt::format("sed -n 's/^{}:[^0-9]*\\([0-9]*\\) kB/\\1/p' /proc/$({})/status", key, kPid));
    EXPECT_EQ(read.code, 0) << read.out;
    return std::atol(read.out.c_str());
  }
  static void from_now_on(std::string const& where) {
    auto const reset = region().sh(where, fmt::format("echo 5 >/proc/$({})/clear_refs", kPid));
    EXPECT_EQ(reset.code, 0) << reset.out;
  }
  // Every way at once, from the node itself and from another one, which then does not share an
  // address with the first.
  static void flood(std::string const& where, std::string const& other, int port,
                    std::string const& tls = {}) {
    auto const id = where.starts_with("i-") ? where : region().instance_of(where);
    auto const address = region().instance(id).text_at("address");
    auto const rss = memory(where, "VmRSS");
    ASSERT_GT(rss, 4L << 10) << "it is not measured";
    from_now_on(where);
    auto const far =
        region().sh(other, fmt::format("setsid {} {} {} 12 {} >/run/flood 2>&1 </dev/null &",
                                       kFlooder, address, port, tls));
    EXPECT_EQ(far.code, 0) << far.out;
    auto const near =
        region().sh(where, fmt::format("{} {} {} 12 {}", kFlooder, address, port, tls));
    EXPECT_EQ(near.code, 0) << near.out;
    EXPECT_TRUE(near.out.contains("chunks")) << near.out;
    auto const peak = memory(where, "VmHWM");
    std::cout << fmt::format("{} port {}: {} KiB before, {} KiB at most\n", where, port, rss, peak);
    EXPECT_LT(peak - rss, kMayGrow) << where << " port " << port << '\n' << near.out;
  }
  static std::string worker() {
    auto const id = region().instance_of("workers");
    EXPECT_FALSE(id.empty());
    return id;
  }
  static constexpr char kPid[] = "pgrep -o -x -f '/usr/sbin/haagent run'";
};

TEST_F(ClusterFlood, AWorkersOpenPort) {
  flood(worker(), "masters-a", 3999);
  EXPECT_TRUE(region().comes_true([&] { return region().is_ready(worker()); }));
}

TEST_F(ClusterFlood, AMastersPortByWhoeverReachesIt) {
  flood("masters-a", worker(), 3999);
  EXPECT_TRUE(region().gets_ready());
}

// Who has a certificate of the agents' authority, as every other master.
TEST_F(ClusterFlood, AMastersPortByAnotherMaster) {
  flood("masters-a", "masters-a", 3999,
        "--tls /etc/haagent/pki/ca.crt /etc/haagent/pki/agent.crt /etc/haagent/pki/agent.key");
  EXPECT_TRUE(region().gets_ready());
}

TEST_F(ClusterFlood, ThePortOfMetrics) {
  flood("masters-a", worker(), kMetricsPort);
  flood(worker(), "masters-a", kMetricsPort);
  EXPECT_TRUE(region().gets_ready());
}

}  // namespace
}  // namespace haagent::sim
