#include "bootstrap/etcd/member/timing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bootstrap/etcd/maintenance/step.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_ec2.h"
#include "tests/support/folder_volumes.h"
#include "tests/support/found.h"
#include "tests/support/temporary_directory.h"

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;

struct HeartbeatRow {
  double round_trip;  // milliseconds
  int heartbeat;      // the same
};
TEST(EtcdTiming, HeartbeatsFollowTheRoundTrip) {
  for (auto const [round_trip, heartbeat] : {HeartbeatRow{0, 100},
                                             {2, 100},
                                             {66, 100},
                                             {67, 150},
                                             {100, 150},
                                             {101, 200},
                                             {133, 200},
                                             {5'000, 200}}) {
    EXPECT_EQ(heartbeat_for(round_trip / 1000), Duration(heartbeat)) << round_trip;
    EXPECT_TRUE(is_derived_heartbeat(Duration(heartbeat)));
  }
  EXPECT_FALSE(is_derived_heartbeat(500ms));
}

// A member that started earlier, or measured otherwise, has another value: etcd itself takes five
// heartbeats in an election timeout, and so must every mixture of two members.
TEST(EtcdTiming, AnyTwoMembersGetAlong) {
  for (double one = 0; one < 1; one += 0.01)
    for (double other = 0; other < 1; other += 0.01)
      EXPECT_GE(timing_for({}, heartbeat_for(one)).election,
                5 * timing_for({}, heartbeat_for(other)).heartbeat);
}

struct TimingRow {
  std::optional<Duration> heartbeat, election;  // set
  Duration derived;
  EtcdTiming timing;
};
TEST(EtcdTiming, WhatIsSetIsTaken) {
  for (auto const& row : {TimingRow{{}, {}, 100ms, {100ms, 1s}},
                          {{}, {}, 200ms, {200ms, 2s}},
                          {250ms, 5s, 200ms, {250ms, 5s}},
                          {500ms, {}, 100ms, {500ms, 5s}},
                          {50ms, {}, 200ms, {50ms, 1s}},
                          {10s, {}, 100ms, {10s, 50s}},
                          {{}, 3s, 200ms, {200ms, 3s}},
                          {{}, 1500ms, 200ms, {150ms, 1500ms}},
                          {{}, 500ms, 200ms, {100ms, 500ms}}}) {
    EtcdClusterConfig settings;
    settings.heartbeat_interval = row.heartbeat;
    settings.election_timeout = row.election;
    auto const timing = timing_for(settings, row.derived);
    EXPECT_EQ(timing, row.timing) << timing.heartbeat.count() << " " << timing.election.count();
  }
}

struct StayRow {
  char const* what;
  std::optional<Duration> heartbeat, election;  // set
  Duration runs;
  bool stays;
};
TEST(EtcdTiming, WhatRunsStaysWhereItFitsWhatIsSet) {
  for (auto const& row :
       {StayRow{"derived", {}, {}, 150ms, true},
        {"shortened once for the election timeout that is set", {}, 1250ms, 125ms, true},
        {"the same, and the election timeout is not set any more", {}, {}, 125ms, true},
        {"derived, and the election timeout that is set is too short for it",
         {},
         1250ms,
         200ms,
         false},
        {"derived, and it is long enough", {}, 5s, 200ms, true},
        {"with one that is shorter than any that is derived", {}, 500ms, 100ms, true},
        {"set once, and longer than any that is derived", {}, {}, 250ms, false},
        {"set once, and shorter", {}, {}, 50ms, false},
        {"set now, to another one", 150ms, {}, 200ms, false},
        {"set now, to this one", 150ms, {}, 150ms, true}}) {
    EtcdClusterConfig settings;
    settings.heartbeat_interval = row.heartbeat;
    settings.election_timeout = row.election;
    EXPECT_EQ(may_stay(settings, row.runs), row.stays) << row.what;
    if (!row.stays || row.heartbeat) continue;
    auto const timing = timing_for(settings, row.runs);
    EXPECT_GE(timing.election, 5 * timing.heartbeat) << row.what;
  }
}

TimingWatch after(TimingWatch watch, double milliseconds, Duration measured_for) {
  for (auto done = 0min; done < measured_for; done += 5min)
    watch = after_measure(watch, milliseconds / 1000, 5min);
  return watch;
}

TEST(EtcdTiming, LongerOnlyAfterAnHourWithoutABreak) {
  EXPECT_EQ(after({}, 80, 55min).heartbeat, 100ms);
  EXPECT_EQ(after({}, 80, 60min).heartbeat, 150ms);
  auto watch = after({}, 80, 55min);
  watch = after(watch, 2, 5min);
  EXPECT_EQ(after(watch, 80, 55min).heartbeat, 100ms);
  EXPECT_EQ(after(watch, 80, 60min).heartbeat, 150ms);
}

TEST(EtcdTiming, OfAnHourTheLeastThatItAsksFor) {
  auto watch = after({}, 500, 55min);
  EXPECT_EQ(after(watch, 80, 5min).heartbeat, 150ms);
  EXPECT_EQ(after(watch, 500, 5min).heartbeat, 200ms);
}

TEST(EtcdTiming, ShorterOnlyAfterADayAndWithSomeToSpare) {
  TimingWatch const slow{.heartbeat = 200ms};
  EXPECT_EQ(after(slow, 2, 24h - 5min).heartbeat, 200ms);
  EXPECT_EQ(after(slow, 2, 24h).heartbeat, 100ms);
  EXPECT_EQ(after(slow, 60, 24h).heartbeat, 150ms) << "66 ms would do without anything to spare";
  TimingWatch const middle{.heartbeat = 150ms};
  EXPECT_EQ(after(middle, 60, 48h), middle);
  // Noise about a boundary changes nothing.
  auto watch = middle;
  for (int i = 0; i < 1'000; ++i) watch = after_measure(watch, i % 2 == 0 ? 0.065 : 0.068, 5min);
  EXPECT_EQ(watch.heartbeat, 150ms);
}

TEST(EtcdTiming, IsRecordedForTheNextStart) {
  test::TemporaryDirectory root;
  Root const where(root.path());
  EXPECT_EQ(recorded_heartbeat(where, EtcdCluster::main), 100ms);
  ASSERT_TRUE(record_heartbeat(where, EtcdCluster::main, 150ms, 0.0831));
  EXPECT_EQ(recorded_heartbeat(where, EtcdCluster::main), 150ms);
  EXPECT_EQ(recorded_heartbeat(where, EtcdCluster::events), 100ms);
  for (auto const* bytes : {"", "[]", "{}", "{\"heartbeatMilliseconds\":\"often\"}",
                            "{\"heartbeatMilliseconds\":5000}", "{\"heartbeatMilliseconds\":-1}"})
    EXPECT_EQ(heartbeat_in_record(bytes), std::nullopt) << bytes;
}

// Two members, of which the other one's figures may be farther.
class Members final : public Http {
 public:
  Result<HttpResponse> send(HttpRequest const& request, std::stop_token) override {
    auto const& url = request.url;
    if (url.ends_with("/metrics")) {
      bool const own = url.starts_with("http://127.0.0.1:2381/");
      if (!own && !url.starts_with("https://10.0.0.2:2379/"))
        return fail(Kind::transient, "nobody at {}", url);
      if (!own && request.tls.cert_file.empty()) return fail(Kind::denied, "no certificate");
      auto const taken = own ? own_ms : peer_ms;
      auto& probes = own ? own_probes : peer_probes;
      auto& sum = own ? own_sum : peer_sum;
      probes += 100;
      sum += 100 * taken / 1000;
      std::string text;
      for (auto const* bound : {"0.1", "+Inf"})
        text += fmt::format(
            "etcd_network_peer_round_trip_time_seconds_bucket{{To=\"9\",le=\"{}\"}} {}\n", bound,
            probes);
      text += fmt::format("etcd_network_peer_round_trip_time_seconds_sum{{To=\"9\"}} {}\n", sum);
      return HttpResponse{.status = 200, .headers = {}, .body = text};
    }
    if (url.ends_with("/member/list"))
      return HttpResponse{
          .status = 200,
          .headers = {},
          .body = R"({"header":{"cluster_id":"7","member_id":"1","revision":"5"},"members":[)"
                  R"({"ID":"1","name":"etcd-a"},{"ID":"2","name":"etcd-b"}]})"};
    return HttpResponse{.status = 200,
                        .headers = {},
                        .body = R"({"header":{"cluster_id":"7","member_id":"1"},"leader":"2"})"};
  }
  double own_ms = 1, peer_ms = 1;
  double own_sum = 0, peer_sum = 0;
  int own_probes = 0, peer_probes = 0;
};

class NoUnits final : public Units {
 public:
  Result<UnitState> state(std::string const&) override { return fail(Kind::internal, "asked"); }
  Result<void> start(UnitSpec const&) override { return fail(Kind::internal, "started"); }
  Result<void> stop(std::string const&, Duration, std::stop_token) override {
    return fail(Kind::internal, "stopped");
  }
};

class MaintenanceTiming : public testing::Test {
 protected:
  MaintenanceTiming() {
    facts_.main.peers.set(std::vector{EtcdPeer{.member = "b", .address = "10.0.0.2"}});
    write_config(100);
  }
  void write_config(int heartbeat) {
    auto const path = root_ / "etc/haagent/etcd/main.yaml";
    ASSERT_TRUE(make_directories(path.parent_path()));
    ASSERT_TRUE(replace_file(path, fmt::format("heartbeat-interval: {}\n", heartbeat)));
  }
  // Looks each minute, and acts where it is to.
  test::Found live(Duration duration, MaintenanceStep& step) {
    test::Found last;
    for (auto gone = 0min; gone <= duration; gone += 1min, clock_.advance(1min)) {
      auto looked = step.look(facts_, {});
      last = test::found(looked);
      if (last.as == test::Found::As::error) return last;
      if (last.as == test::Found::As::needed) {
        EXPECT_TRUE(test::act_on(looked));
        ++acts_;
      }
    }
    return last;
  }
  EtcdDeps parts() {
    return {.config = config_,
            .root = Root(root_.path()),
            .http = http_,
            .clock = clock_,
            .process = process_,
            .units = units_,
            .ec2 = ec2_,
            .volumes = volumes_};
  }

  test::TemporaryDirectory root_;
  NodeConfig config_;
  test::FakeClock clock_;
  Members http_;
  SystemProcess process_;
  NoUnits units_;
  test::FakeEc2 ec2_{clock_};
  test::FolderVolumes volumes_{Root(root_.path())};
  Facts facts_;
  int acts_ = 0;
};

TEST_F(MaintenanceTiming, AQuietNetworkChangesNothing) {
  MaintenanceStep step(EtcdCluster::main, parts());
  EXPECT_THAT(live(2h, step), test::IsDone(Reason::MaintenanceIdle));
  EXPECT_EQ(acts_, 0);
}

TEST_F(MaintenanceTiming, WhatAnotherMemberMeasuresCountsToo) {
  http_.peer_ms = 83;
  MaintenanceStep step(EtcdCluster::main, parts());
  EXPECT_THAT(live(2h, step),
              testing::AllOf(test::IsDone(Reason::HeartbeatChanges), test::IsAbout("150 ms"),
                             test::Says(" 100 "), test::Says(" 83 ")));
  EXPECT_EQ(acts_, 1);
  EXPECT_EQ(recorded_heartbeat(Root(root_.path()), EtcdCluster::main), 150ms);
  // An agent that starts anew does not measure for an hour to know.
  MaintenanceStep again(EtcdCluster::main, parts());
  EXPECT_THAT(live(1min, again),
              testing::AllOf(test::IsDone(Reason::HeartbeatChanges), test::IsAbout("150 ms")));
  write_config(150);  // etcd has started
  EXPECT_THAT(live(1min, again), test::IsDone(Reason::MaintenanceIdle));
}

TEST_F(MaintenanceTiming, WhatIsSetIsNotDerived) {
  config_.etcd.main.heartbeat_interval = 100ms;
  http_.own_ms = 83;
  MaintenanceStep step(EtcdCluster::main, parts());
  EXPECT_THAT(live(2h, step), test::IsDone(Reason::MaintenanceIdle));
  write_config(150);  // of before it was set: that is for etcd-main to tell
  EXPECT_THAT(live(1min, step), test::IsDone(Reason::MaintenanceIdle));
}

}  // namespace
}  // namespace haagent::bootstrap
