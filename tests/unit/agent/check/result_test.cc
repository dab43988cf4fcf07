#include "agent/check/result.h"

#include <gtest/gtest.h>

namespace haagent::check {
namespace {

CheckResult result() {
  return {.name = "ETCD",
          .summary = "all is well",
          .items = {{.state = State::ok,
                     .subject = "main",
                     .reason = Reason::EtcdServing,
                     .text = "serves"}},
          .perfdata = {{.label = "main_db",
                        .value = 12.5,
                        .unit = "%",
                        .thresholds = {.warning = above(80), .critical = above(95)},
                        .least = 0,
                        .most = 100},
                       {.label = "steps", .value = 3}}};
}

TEST(CheckOutput, IsOneLineWithPerformanceData) {
  EXPECT_EQ(output_of(result(), false),
            "ETCD OK: all is well | 'main_db'=12.5%;80;95;0;100 'steps'=3\n");
}

TEST(CheckOutput, NamesWhatIsNotWellTheWorstFirst) {
  auto made = result();
  made.lead = "master degraded";
  made.perfdata.clear();
  made.items.push_back(
      {.state = State::warning, .subject = "/", .reason = Reason::SpaceLow, .text = "fills"});
  made.items.push_back({.state = State::critical,
                        .subject = "events",
                        .reason = Reason::QuorumLost,
                        .text = "no leader",
                        .advice = "see to b"});
  EXPECT_EQ(output_of(made, false),
            "ETCD CRITICAL: master degraded: events QuorumLost: no leader; / SpaceLow: fills\n");
  EXPECT_EQ(output_of(made, true),
            "ETCD CRITICAL: master degraded: events QuorumLost: no leader; / SpaceLow: fills\n"
            "[CRITICAL] events QuorumLost: no leader\n"
            "  see to b\n"
            "  haagent explain QuorumLost\n"
            "[WARNING] / SpaceLow: fills\n"
            "  haagent explain SpaceLow\n"
            "[OK] main EtcdServing: serves\n");
}

TEST(CheckOutput, NothingInItEndsTheLineOrBeginsPerformanceData) {
  auto made = result();
  made.items = {
      {.state = State::unknown, .subject = "a|b", .reason = {}, .text = "x\ny | z\033[2J"}};
  made.perfdata = {{.label = "it's=1|\n", .value = -0.0001}};
  EXPECT_EQ(output_of(made, false), "ETCD UNKNOWN: a/b: x y / z?[2J | 'it_s_1/'=0\n");
}

TEST(CheckOutput, ALongTextIsWholeInTheLongOutputAlone) {
  auto made = result();
  made.perfdata.clear();
  auto const text = std::string(199, 'x') + "\xc3\xa4" + std::string(400, 'y');
  made.items = {{.state = State::warning, .subject = "", .reason = {}, .text = text}};
  EXPECT_EQ(output_of(made, false), "ETCD WARNING: " + std::string(199, 'x') + "...\n");
  EXPECT_NE(output_of(made, true).find(text), std::string::npos);
}

TEST(CheckOutput, IsWrappedOnATerminalAndItsCommandsAreNot) {
  auto made = result();
  made.perfdata.clear();
  made.items = {
      {.state = State::warning,
       .subject = "vol-1",
       .reason = Reason::SpaceLow,
       .text = "it fills",
       .advice = "grow the volume with 'aws ec2 modify-volume --volume-id vol-1 --size 30' soon"}};
  EXPECT_EQ(output_of(made, true, 40),
            "ETCD WARNING: vol-1 SpaceLow: it fills\n"
            "[WARNING] vol-1 SpaceLow: it fills\n"
            "  grow the volume with\n"
            "  'aws ec2 modify-volume --volume-id vol-1 --size 30'\n"
            "  soon\n"
            "  haagent explain SpaceLow\n");
}

TEST(CheckState, TheWorseOfTwo) {
  EXPECT_EQ(worse(State::ok, State::unknown), State::unknown);
  EXPECT_EQ(worse(State::unknown, State::warning), State::warning);
  EXPECT_EQ(worse(State::critical, State::unknown), State::critical);
}

TEST(CheckThresholds, TheCriticalOneCountsFirst) {
  Thresholds const both{.warning = above(10), .critical = above(20)};
  EXPECT_EQ(both.of(10), State::ok);
  EXPECT_EQ(both.of(11), State::warning);
  EXPECT_EQ(both.of(21), State::critical);
  Thresholds const one{.warning = above(5)};
  EXPECT_EQ(one.or_else(both).of(21), State::critical) << "the check's own";
  EXPECT_EQ(one.or_else(both).of(6), State::warning);
}

}  // namespace
}  // namespace haagent::check
