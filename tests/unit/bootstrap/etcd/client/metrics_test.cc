#include "bootstrap/etcd/client/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace haagent::bootstrap {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kText =
    "# HELP etcd_disk_wal_fsync_duration_seconds The latency distributions of fsync.\n"
    "# TYPE etcd_disk_wal_fsync_duration_seconds histogram\n"
    "etcd_disk_wal_fsync_duration_seconds_bucket{le=\"0.001\"} 50\n"
    "etcd_disk_wal_fsync_duration_seconds_bucket{le=\"0.002\"} 150\n"
    "etcd_disk_wal_fsync_duration_seconds_bucket{le=\"0.004\"} 200\n"
    "etcd_disk_wal_fsync_duration_seconds_bucket{le=\"+Inf\"} 200\n"
    "etcd_disk_wal_fsync_duration_seconds_sum 0.3\n"
    "etcd_disk_wal_fsync_duration_seconds_count 200\n"
    "etcd_network_peer_round_trip_time_seconds_bucket{To=\"cafe\",le=\"0.0001\"} 0\n"
    "etcd_network_peer_round_trip_time_seconds_bucket{To=\"cafe\",le=\"0.2\"} 4\n"
    "etcd_network_peer_round_trip_time_seconds_bucket{To=\"cafe\",le=\"+Inf\"} 4\n"
    "etcd_network_peer_round_trip_time_seconds_sum{To=\"cafe\"} 0.04\n"
    "etcd_network_peer_round_trip_time_seconds_bucket{To=\"nonsense\",le=\"0.2\"} 4\n"
    "etcd_server_leader_changes_seen_total 3\n"
    "etcd_server_has_leader 1\n";

TEST(EtcdMetrics, AreReadFromTheirText) {
  auto const metrics = parse_etcd_metrics(kText);
  EXPECT_EQ(metrics.wal_fsync.buckets.size(), 4u);
  EXPECT_EQ(metrics.wal_fsync.count(), 200u);
  EXPECT_EQ(metrics.backend_commit.count(), 0u);
  ASSERT_EQ(metrics.round_trip.size(), 1u);
  EXPECT_EQ(metrics.round_trip.begin()->first, 0xcafeu);
  EXPECT_DOUBLE_EQ(metrics.round_trip.begin()->second.average().value(), 0.01);
  EXPECT_EQ(metrics.leader_changes, 3u);
}

TEST(EtcdMetrics, WhatCannotBeReadIsPassedOver) {
  for (std::string_view text :
       {"", "\n\n", "etcd_server_leader_changes_seen_total",
        "etcd_server_leader_changes_seen_total ", "etcd_server_leader_changes_seen_total x",
        "etcd_server_leader_changes_seen_total NaN",
        "etcd_disk_wal_fsync_duration_seconds_bucket{le=\"0.001\" 50",
        "etcd_disk_wal_fsync_duration_seconds_bucket{le=0.001} 50",
        "etcd_disk_wal_fsync_duration_seconds_bucket{le=\"\"} 50",
        "etcd_disk_wal_fsync_duration_seconds_bucket 50", "{} 1", "}{ 1"}) {
    auto const metrics = parse_etcd_metrics(text);
    EXPECT_EQ(metrics.leader_changes, 0u) << text;
    EXPECT_TRUE(metrics.wal_fsync.buckets.empty()) << text;
  }
}

TEST(EtcdMetrics, QuantilesLieBetweenTheBounds) {
  Histogram const h{.buckets = {{0.001, 50}, {0.002, 150}, {0.004, 200}, {HUGE_VAL, 200}}};
  EXPECT_DOUBLE_EQ(*h.quantile(0.25), 0.001);
  EXPECT_DOUBLE_EQ(*h.quantile(0.5), 0.0015);
  EXPECT_DOUBLE_EQ(*h.quantile(1.0), 0.004);
  Histogram const beyond{.buckets = {{0.001, 0}, {HUGE_VAL, 7}}};
  EXPECT_DOUBLE_EQ(*beyond.quantile(0.99), 0.001);  // above it; how far, nobody knows
  EXPECT_EQ(Histogram{}.quantile(0.99), std::nullopt);
}

TEST(EtcdMetrics, FiguresAreOfTheTimeBetweenTwoReadings) {
  auto const before = parse_etcd_metrics(kText);
  auto now = before;
  for (auto& [bound, count] : now.wal_fsync.buckets) count += bound >= 0.004 ? 100 : 0;
  now.leader_changes = 5;
  now.round_trip[0xcafe].sum += 0.5;
  auto const between = since(now, before);
  EXPECT_EQ(between.wal_fsync.count(), 100u);
  EXPECT_GT(*between.wal_fsync.quantile(0.5), 0.002);
  EXPECT_EQ(between.leader_changes, 2u);
  EXPECT_DOUBLE_EQ(between.round_trip.at(0xcafe).sum, 0.5);
  // etcd has started anew.
  EXPECT_EQ(since(before, now).wal_fsync.count(), 200u);
  EXPECT_EQ(since(before, now).leader_changes, 3u);
}

TEST(EtcdMetrics, AFewSyncsAreNoMeasure) {
  EtcdMetrics metrics;
  metrics.wal_fsync.buckets = {{0.001, 0}, {0.128, 99}, {HUGE_VAL, 99}};
  EXPECT_EQ(latencies_of(metrics).wal_fsync, std::nullopt);
  metrics.wal_fsync.buckets.back().second = 100;
  EXPECT_NE(latencies_of(metrics).wal_fsync, std::nullopt);
}

auto is_slow(std::string const& figure) {
  return testing::AllOf(testing::Field(&Message::reason, Reason::EtcdSlow),
                        testing::Field(&Message::subject, figure),
                        testing::Field(&Message::advice, testing::Not("")));
}

TEST(EtcdGuidance, NamesWhatIsSlowAndWhatToDo) {
  EXPECT_THAT(against_guidance({}, Duration(1'000)), IsEmpty());
  EXPECT_THAT(against_guidance({.wal_fsync = 0.010, .backend_commit = 0.025, .round_trip = 0.1},
                               Duration(1'000)),
              IsEmpty());
  EXPECT_THAT(against_guidance({.wal_fsync = 0.011, .backend_commit = 0.026, .round_trip = 0.101},
                               Duration(1'000)),
              ElementsAre(is_slow("wal fsync"), is_slow("backend commit"), is_slow("round trip")));
}

// A limit of 10 ms.
TEST(EtcdGuidance, TheSameSlownessIsSaidInTheSameWords) {
  using Figure = std::optional<double>;
  struct Row {
    Figure said, measured, then;
  };
  constexpr auto kNone = std::nullopt;
  for (auto const& row : {
           Row{kNone, kNone, kNone},
           Row{kNone, 0.010, kNone},
           Row{kNone, 0.011, 0.011},
           Row{0.104, 0.116, 0.104},
           Row{0.104, 0.053, 0.104},
           Row{0.104, 0.207, 0.104},
           Row{0.104, 0.208, 0.208},
           Row{0.104, 0.052, 0.052},
           Row{0.104, kNone, 0.104},
           Row{0.011, 0.009, 0.011},  // about the limit
           Row{0.030, 0.009, 0.030},
           Row{0.011, 0.007, kNone},
           Row{0.104, 0.001, kNone},
       }) {
    auto const then =
        worth_saying({.wal_fsync = row.said}, {.wal_fsync = row.measured}, Duration(1'000), false);
    EXPECT_EQ(then.wal_fsync, row.then)
        << row.said.value_or(0) << " then " << row.measured.value_or(0);
    EXPECT_EQ(then.backend_commit, kNone);
  }
  EXPECT_EQ(worth_saying({}, {.wal_fsync = {}, .backend_commit = 0.026, .round_trip = 0.101},
                         Duration(1'000), false),
            (EtcdLatencies{.wal_fsync = {}, .backend_commit = 0.026, .round_trip = 0.101}));
}

TEST(EtcdGuidance, WhatAWholeWindowDidNotMeasureIsForgotten) {
  EtcdLatencies const slow{.wal_fsync = 0.104, .backend_commit = 0.030, .round_trip = 0.3};
  EXPECT_EQ(worth_saying(slow, {}, Duration(1'000), false), slow);
  EXPECT_EQ(worth_saying(slow, {.wal_fsync = 0.120}, Duration(1'000), true),
            (EtcdLatencies{.wal_fsync = 0.104}));
}

TEST(EtcdGuidance, ALimitThatHasRisenHidesNothingAboveIt) {
  auto const said = EtcdLatencies{.round_trip = 0.130};
  EXPECT_EQ(worth_saying(said, {.round_trip = 0.220}, Duration(1'500), false),
            (EtcdLatencies{.round_trip = 0.220}));
  EXPECT_EQ(worth_saying(said, {.round_trip = 0.140}, Duration(1'500), false), EtcdLatencies{});
}

TEST(EtcdMetrics, TheFarthestPeerIsTheOneOfTheLongestAverage) {
  EtcdMetrics metrics;
  metrics.round_trip[1] = {.buckets = {{0.1, 20}, {HUGE_VAL, 20}}, .sum = 0.4};
  metrics.round_trip[2] = {.buckets = {{0.1, 40}, {HUGE_VAL, 40}}, .sum = 2.0};
  EXPECT_DOUBLE_EQ(farthest_round_trip(metrics).value(), 0.05);
  metrics.round_trip[3] = {.buckets = {{0.1, 0}, {HUGE_VAL, 19}}, .sum = 19};  // too few to say
  EXPECT_DOUBLE_EQ(farthest_round_trip(metrics).value(), 0.05);
  EXPECT_EQ(farthest_round_trip({}), std::nullopt);
}

TEST(EtcdMetricsCause, ALimitOfTheVolumeExplainsTheDiskAndNothingElse) {
  auto const limit = Message(Reason::VolumeAtLimit, "vol-1 was at its limit", "give it more")
                         .about("IOPS of vol-1");
  auto const slow = against_guidance({.wal_fsync = 0.5, .backend_commit = 0.5, .round_trip = 0.5},
                                     Duration(1'000));
  ASSERT_EQ(slow.size(), 3u);
  EXPECT_EQ(with_cause(slow, std::nullopt, false), slow) << "EBS tells nothing";
  auto const caused = with_cause(slow, limit, true);
  ASSERT_EQ(caused.size(), 2u);
  EXPECT_EQ(caused[0], slow[2]) << "a network is not slow for it";
  EXPECT_EQ(caused[1].identity(), limit.identity());
  EXPECT_EQ(caused[1].advice, limit.advice);
  auto const network = against_guidance({.wal_fsync = 0.001, .round_trip = 0.5}, Duration(1'000));
  EXPECT_EQ(with_cause(network, limit, true), network);
  EXPECT_TRUE(with_cause({}, limit, true).empty()) << "a limit alone is no news: etcd is not slow";
}

TEST(EtcdMetricsCause, NobodyBuysIopsForADiskThatEbsDoesNotHoldUp) {
  auto const slow = against_guidance({.wal_fsync = 0.5, .backend_commit = 0.5, .round_trip = 0.5},
                                     Duration(1'000));
  auto const caused = with_cause(slow, std::nullopt, true);
  ASSERT_EQ(caused.size(), 3u);
  for (std::size_t i : {0u, 1u}) {
    EXPECT_EQ(caused[i].identity(), slow[i].identity());
    EXPECT_EQ(caused[i].text, slow[i].text);
    EXPECT_NE(caused[i].advice, slow[i].advice) << slow[i].subject;
    EXPECT_THAT(caused[i].advice, testing::HasSubstr("iostat"));
  }
  EXPECT_EQ(caused[2], slow[2]) << "a network has no IOPS";
}

}  // namespace
}  // namespace haagent::bootstrap
