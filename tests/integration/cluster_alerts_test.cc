// packaging/prometheus and packaging/grafana on a real Prometheus: alerts fire for faults that are
// made, are resolved when these are mended, and are silent in a region that is well.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <set>

#include "agent/base/json.h"
#include "tests/integration/cluster_region.h"
#include "tests/integration/prometheus.h"
#include "tests/support/eventually.h"
#include "tests/support/source_dir.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
using testing::IsEmpty;

constexpr auto kDeadline = Duration(30'000);

std::string packaged(std::string const& file) {
  return test::bytes_of(test::source_dir() / "packaging" / file);
}

// The packaged rules, with seconds where they wait for minutes and hours. What predicts hours goes
// on looking at hours.
std::string in_seconds(std::string const& rules) {
  auto const quick = std::regex_replace(
      rules, std::regex(R"((\n *for: )(1m|2m|3m|5m|10m|15m|30m|1h)\n)"), "$015s\n");
  return std::regex_replace(quick, std::regex(R"(\[(5m|10m|15m|1h)\])"), "[15s]");
}

// What the variables of the dashboard stand for: everything.
std::string as_query(std::string const& panel) {
  auto query = panel;
  for (auto const& [from, to] : std::initializer_list<std::pair<char const*, char const*>>{
           {R"(\$__rate_interval)", "15s"},
           {R"(\$__range)", "15s"},
           {R"(\$(cluster|job|instance)\b)", ".*"}})
    query = std::regex_replace(query, std::regex(from), to);
  return query;
}

// Panels that have nothing to show of nodes that are well, and why.
std::map<std::string, std::string> const kEmptyWhenWell = {
    {"Steps that are not done", "every step is done"},
    {"Peer round trip, p99", "etcd has to measure for minutes before haagent says it"},
    {"WAL fsync, p99", "the same"},
    {"Backend commit, p99", "the same"},
    {"Time at a limit of EBS", "the region's disks are loop devices, which count nothing"},
    {"Writes of EBS, p99", "the same"},
    {"Add-ons", "the region runs a stand-in for Kubernetes"},
};

// Volumes of the region have 1 GiB, and etcd alone may write as much of a log.
constexpr char kOfSmallVolumes[] = "HaagentVolumeTooSmall";

// True of the machine on which the test runs, whose disk and processors others use as well.
constexpr char const* kOfTheMachine[] = {"etcdMemberCommunicationSlow", "etcdHighFsyncDurations",
                                         "etcdHighCommitDurations",
                                         "etcdHighNumberOfLeaderChanges"};

// Each name of a metric of etcd's own in the text.
std::set<std::string> etcd_metrics_in(std::string const& text) {
  std::set<std::string> names;
  std::regex const name(R"(\b(etcd|grpc|process)_[a-z_]+_[a-z_]+\b)");
  for (std::sregex_iterator each(text.begin(), text.end(), name), end; each != end; ++each)
    names.insert(each->str());
  return names;
}

class ClusterAlerts : public testing::Test {
 protected:
  void SetUp() override {
    if (auto const why = no_cluster_because(); !why.empty()) GTEST_SKIP() << why;
    if (auto const why = no_prometheus_because(); !why.empty()) GTEST_SKIP() << why;
    region_.emplace(
        ClusterPlan{.workers = 1,
                    .without = {"events-c"},
                    .etcd_settings = "{binary: /usr/bin/etcd, backups: {interval: 1m}}"});
  }
  ClusterRegion& region() { return *region_; }
  std::string target(std::string const& group) {
    return region().instance(region().instance_of(group)).text_at("address") + ":3999";
  }
  void signal_etcd(std::string const& master, std::string const& name) {
    // The brackets are so that it does not find the shell around it.
    auto const sent = region().run(master, {"pkill", "-" + name, "-f", "[e]tcd/main.yaml"});
    EXPECT_EQ(sent.code, 0) << sent.out;
  }
  std::vector<std::string> wrong() {
    auto firing = prometheus_->firing();
    std::erase_if(firing, [](auto const& each) {
      return each.contains(kOfSmallVolumes) || std::ranges::any_of(kOfTheMachine, [&](auto name) {
               return each.contains(std::string("alertname=") + name);
             });
    });
    return firing;
  }
  using Labels = std::map<std::string, std::string>;
  testing::AssertionResult fires(std::string const& name, Labels const& labels,
                                 bool expected = true) {
    if (test::eventually([&] { return prometheus_->fires(name, labels) == expected; }, kDeadline))
      return testing::AssertionSuccess();
    auto failure = testing::AssertionFailure()
                   << name << (expected ? " does not fire\n" : " is not resolved\n");
    for (auto const& each : prometheus_->alerts()) failure << each.to_words() << '\n';
    return failure << region().told();
  }
  testing::AssertionResult is_resolved(std::string const& name, Labels const& labels) {
    return fires(name, labels, false);
  }
  testing::AssertionResult gets_quiet() {
    if (test::eventually([&] { return wrong().empty(); }, 2 * kDeadline))
      return testing::AssertionSuccess();
    return testing::AssertionFailure()
           << fmt::format("{}\n", fmt::join(wrong(), "\n")) << region().told();
  }
  // With HAAGENT_SCRAPES=DIR the pages of all nodes are kept there, for tests/monitoring.
  void keep_scrapes(std::string const& name) {
    auto const* folder = std::getenv("HAAGENT_SCRAPES");  // NOLINT(concurrency-mt-unsafe)
    if (!folder) return;
    for (auto const& each : prometheus_->targets())
      test::write_bytes(std::filesystem::path(folder) / fmt::format("{}-{}", name, each),
                        prometheus_->scrape(each));
  }
  void each_panel_shows_something() {
    auto const dashboard = json::parse(packaged("grafana/haagent.json"));
    ASSERT_TRUE(dashboard);
    for (auto const& panel : dashboard->find("panels")->items()) {
      auto const* targets = panel.find("targets");
      if (!targets) continue;
      auto const title = panel.text_at("title");
      bool const may_be_empty = kEmptyWhenWell.contains(title);
      // For a moment there is nothing, where a busy machine lets a scrape time out.
      EXPECT_TRUE(test::eventually([&] {
        int series = 0;
        for (auto const& each : targets->items()) {
          auto const got = prometheus_->series(as_query(each.text_at("expr")));
          if (got < 0) return false;
          series += got;
        }
        return series > 0 || may_be_empty;
      })) << "the panel '"
          << title << "' shows nothing, or has an expression that Prometheus does not take";
    }
  }
  void etcd_exports_what_is_named() {
    auto const own = region().sh("masters-a", "curl -s http://127.0.0.1:2381/metrics").out;
    for (auto const* file : {"prometheus/haagent.rules.yaml", "grafana/haagent.json"})
      for (auto const& each : etcd_metrics_in(packaged(file)))
        EXPECT_TRUE(own.contains("\n" + each)) << each;
  }

  std::optional<ClusterRegion> region_;
  std::optional<Prometheus> prometheus_;  // ends before the region
};

TEST_F(ClusterAlerts, FireForFaultsAreResolvedAndAreSilentWhenAllIsWell) {
  // A volume is missing from the begin, and before the first backup the state store fails.
  ASSERT_TRUE(region().comes_true(
      [&] {
        return region().has_reason("masters-c", "volume-events", Reason::VolumeMissing) &&
               region().is_whole("masters-a", EtcdCluster::main, 3);
      },
      60s));
  region().api("fail", Tree::map({{"action", Tree::list({"s3:PutObject"})}}));
  prometheus_.emplace(region(), in_seconds(packaged("prometheus/haagent.rules.yaml")));
  Labels const a = {{"instance", target("masters-a")}};
  Labels const c = {{"instance", target("masters-c")}};
  Labels const main = {{"cluster", kClusterName}, {"etcd", "main"}};

  EXPECT_TRUE(fires(
      "HaagentVolumeWaiting",
      {{"instance", target("masters-c")}, {"step", "volume-events"}, {"reason", "VolumeMissing"}}));
  EXPECT_TRUE(fires("HaagentNodeNotReady", c));
  keep_scrapes("volume-missing");
  EXPECT_TRUE(fires("HaagentBackupFailing", {}));
  keep_scrapes("backup-failing");
  region().api("ok");  // the next backup is tried after a minute
  region().create_volume("events-c", "eu-west-1c", EtcdCluster::events, "c/a,b,c");
  EXPECT_TRUE(is_resolved("HaagentVolumeWaiting", {}));
  ASSERT_TRUE(region().comes_true(
      [&] { return region().is_whole("masters-a", EtcdCluster::events, 3); }, 60s));

  // A volume is full.
  constexpr auto kFiller = "/var/lib/haagent-etcd/main/filler";
  auto const filled = region().sh(
      "masters-a",
      fmt::format("avail=$(df --output=avail -B1M /var/lib/haagent-etcd/main | tail -n 1); "
                  "fallocate -l $((avail - 40))M {}",
                  kFiller));
  ASSERT_EQ(filled.code, 0) << filled.out;
  EXPECT_TRUE(fires("HaagentFilesystemFull", a));
  keep_scrapes("full");
  ASSERT_EQ(region().run("masters-a", {"rm", kFiller}).code, 0);
  EXPECT_TRUE(is_resolved("HaagentFilesystemFull", a));

  // One master stands still as a whole.
  region().command("freeze", Tree::map({{"instance", "masters-c"}}));
  EXPECT_TRUE(fires("HaagentDown", c));
  EXPECT_TRUE(fires("etcdMembersDown", main));
  EXPECT_FALSE(prometheus_->fires("etcdInsufficientMembers", {})) << "two of three are a quorum";
  region().command("thaw", Tree::map({{"instance", "masters-c"}}));
  EXPECT_TRUE(is_resolved("HaagentDown", c));
  EXPECT_TRUE(is_resolved("etcdMembersDown", main));

  // Two members of etcd main do.
  for (auto const* each : {"masters-b", "masters-c"}) signal_etcd(each, "STOP");
  EXPECT_TRUE(fires("etcdInsufficientMembers", main));
  EXPECT_TRUE(fires("etcdNoLeader", a));
  EXPECT_TRUE(fires("HaagentEtcdNotServing", a));
  EXPECT_FALSE(prometheus_->fires("etcdInsufficientMembers", {{"etcd", "events"}}));
  keep_scrapes("no-quorum");
  for (auto const* each : {"masters-b", "masters-c"}) signal_etcd(each, "CONT");
  EXPECT_TRUE(is_resolved("etcdInsufficientMembers", main));

  ASSERT_TRUE(gets_quiet());

  // All is well: no alert, and each panel has something to show.
  auto const* asked = std::getenv("HAAGENT_LONG");  // NOLINT(concurrency-mt-unsafe)
  auto const until = std::chrono::steady_clock::now() + (asked && *asked ? 600s : 12s);
  std::set<std::string> fired;
  while (std::chrono::steady_clock::now() < until) {
    for (auto const& each : wrong()) fired.insert(each);
    std::this_thread::sleep_for(500ms);
  }
  EXPECT_THAT(fired, IsEmpty()) << region().told();
  EXPECT_TRUE(prometheus_->fires(kOfSmallVolumes, {{"step", "space-main"}}));
  keep_scrapes("well");
  each_panel_shows_something();
  etcd_exports_what_is_named();
}

}  // namespace
}  // namespace haagent::sim
