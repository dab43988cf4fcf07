#include "agent/check/etcd.h"

#include <gtest/gtest.h>

#include "tests/unit/agent/check/pages.h"

namespace haagent::check {
namespace {

using namespace test;

class CheckEtcd : public testing::TestWithParam<Case> {};
TEST_P(CheckEtcd, Is) {
  auto page = master();
  GetParam().change(page);
  auto const result = check_etcd(page, GetParam().thresholds);
  EXPECT_EQ(result.state(), GetParam().state) << output_of(result, true);
  EXPECT_EQ(reason_of(result), GetParam().reason) << output_of(result, true);
}

EtcdMemberFacts& member(Page& page) {
  return *page.report.etcd[0].member;
}
void no_member(Page& page) {
  page.report.etcd[0].member.reset();
}
void alarm(Page& page, Row state, Reason reason) {
  row_in(page, "maintenance-main") = row("maintenance-main", state, Message(reason, "alarm"));
}

INSTANTIATE_TEST_SUITE_P(
    Cases, CheckEtcd,
    testing::Values(
        Case{"well", [](Page&) {}, State::ok},
        Case{"a_voter_is_down",
             [](Page& p) {
               member(p).healthy_voters = 2;
               member(p).silent_voters = {"etcd-c"};
               row_in(p, "etcd-main").message = {Reason::EtcdMemberDown, "c is away"};
             },
             State::warning, Reason::EtcdMemberDown},
        Case{"no_leader",
             [](Page& p) {
               member(p).leader.clear();
               member(p).healthy_voters = 1;
             },
             State::critical, Reason::QuorumLost},
        // It knows its leader, so there is a quorum, no matter who did not answer this agent.
        Case{"others_are_slow", [](Page& p) { member(p).healthy_voters = 1; }, State::warning,
             Reason::EtcdMemberDown},
        Case{"no_member_answers",
             [](Page& p) {
               no_member(p);
               row_in(p, "etcd-main") =
                   row("etcd-main", Row::waiting, {Reason::EtcdCrashes, "ends"});
             },
             State::critical, Reason::EtcdCrashes},
        Case{"no_member_and_nothing_said",
             [](Page& p) {
               no_member(p);
               p.report.etcd.erase(p.report.etcd.begin());
             },
             State::critical, Reason::EtcdStopped},
        Case{"boots",
             [](Page& p) {
               no_member(p);
               booting(p, "etcd-main", Reason::EtcdStarting, 1min);
             },
             State::warning, Reason::EtcdStarting},
        Case{"boots_too_long",
             [](Page& p) {
               no_member(p);
               booting(p, "etcd-main", Reason::EtcdStarting, 16min);
             },
             State::critical, Reason::EtcdStarting},
        Case{"learner",
             [](Page& p) {
               member(p).learner = true;
               row_in(p, "etcd-main") =
                   row("etcd-main", Row::waiting, {Reason::LearnerBehind, "copies"});
             },
             State::warning, Reason::LearnerBehind},
        Case{"drifted_with_a_leader",
             [](Page& p) {
               row_in(p, "etcd-main") =
                   row("etcd-main", Row::drifted, {Reason::VolumeNotSeen, "not mounted"});
             },
             State::critical, Reason::VolumeNotSeen},
        Case{"nospace", [](Page& p) { alarm(p, Row::waiting, Reason::EtcdAlarm); }, State::critical,
             Reason::EtcdAlarm},
        Case{"nospace_noted_by_the_member",
             [](Page& p) { row_in(p, "etcd-main").message = {Reason::EtcdAlarm, "NOSPACE"}; },
             State::critical, Reason::EtcdAlarm},
        Case{"nospace_and_no_room_to_defragment",
             [](Page& p) { alarm(p, Row::waiting, Reason::DefragmentationHeld); }, State::critical,
             Reason::DefragmentationHeld},
        Case{"corrupt", [](Page& p) { alarm(p, Row::waiting, Reason::EtcdCorrupt); },
             State::critical, Reason::EtcdCorrupt},
        Case{"keys_near_the_quota",
             [](Page& p) { alarm(p, Row::done, Reason::EtcdQuotaNearlyUsed); }, State::warning,
             Reason::EtcdQuotaNearlyUsed},
        Case{"slow_is_told_and_no_alert", [](Page& p) { alarm(p, Row::done, Reason::EtcdSlow); },
             State::ok},
        Case{"file_near_the_quota", [](Page& p) { member(p).db_size = 7ull << 30u; },
             State::warning, Reason::EtcdQuotaNearlyUsed},
        Case{"file_at_the_quota", [](Page& p) { member(p).db_size = 8ull << 30u; }, State::critical,
             Reason::EtcdQuotaNearlyUsed},
        Case{"thresholds", [](Page&) {}, State::critical, Reason::EtcdQuotaNearlyUsed,
             limits("5", "10")},
        Case{"worker", [](Page& p) { p.report.role = "worker"; }, State::unknown},
        Case{"handed_over",
             [](Page& p) {
               p.report.handing_over = "asked";
               p.report.handed_over = true;
               p.report.etcd.clear();
             },
             State::ok},
        Case{"agent_gone", [](Page& p) { p.writer = Writer::gone; }, State::unknown,
             Reason::AgentNotRunning},
        Case{"bootstrap_ended", [](Page& p) { p.writer = Writer::ended; }, State::unknown,
             Reason::AgentNotRunning}),
    [](auto const& tested) { return tested.param.name; });

TEST(CheckEtcdFigures, AreOfBothClusters) {
  auto page = master();
  page.report.etcd[0].health =
      EtcdHealthFacts{.wal_fsync = 0.004, .backend_commit = {}, .round_trip = {}};
  auto const result = check_etcd(page, {});
  auto const used = figure(result, "main_db_quota_used");
  ASSERT_TRUE(used);
  EXPECT_EQ(used->value, 12.5);
  EXPECT_EQ(used->thresholds.critical, above(95));
  EXPECT_EQ(figure(result, "events_voters_healthy")->value, 3);
  EXPECT_EQ(figure(result, "main_wal_fsync_p99")->value, 0.004);
  EXPECT_FALSE(figure(result, "events_wal_fsync_p99"));
}

TEST(CheckEtcdItems, OneFaultIsSaidOnce) {
  auto page = master();
  member(page).db_size = 7ull << 30u;
  alarm(page, Row::done, Reason::EtcdQuotaNearlyUsed);
  EXPECT_EQ(std::ranges::count(check_etcd(page, {}).items, "main", &Item::subject), 1);
}

}  // namespace
}  // namespace haagent::check
