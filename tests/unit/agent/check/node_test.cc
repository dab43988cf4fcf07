#include "agent/check/node.h"

#include <gtest/gtest.h>

#include "tests/unit/agent/check/pages.h"

namespace haagent::check {
namespace {

using namespace test;

class CheckNode : public testing::TestWithParam<Case> {};
TEST_P(CheckNode, Is) {
  auto page = master();
  GetParam().change(page);
  auto const result = check_node(page, GetParam().thresholds);
  EXPECT_EQ(result.state(), GetParam().state) << output_of(result, true);
  EXPECT_EQ(reason_of(result), GetParam().reason) << output_of(result, true);
}

void drifts(Page& page, std::string const& name, Reason reason, Duration for_so_long) {
  row_in(page, name) = row(name, Row::drifted, Message(reason, "drifted"), for_so_long);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, CheckNode,
    testing::Values(
        Case{"ready", [](Page&) {}, State::ok},
        Case{"boots", [](Page& p) { booting(p, "etcd-main", Reason::EtcdStarting, 2min); },
             State::warning, Reason::EtcdStarting},
        Case{"boots_too_long",
             [](Page& p) { booting(p, "etcd-main", Reason::EtcdStarting, 16min); }, State::critical,
             Reason::EtcdStarting},
        // One wait after the other is one boot.
        Case{"boots_too_long_in_one_row",
             [](Page& p) {
               booting(p, "node", Reason::NodeLeaseStale, 20min);
               row_in(p, "node").since = kNow - 1min;
             },
             State::critical, Reason::NodeLeaseStale},
        Case{"has_just_begun",
             [](Page& p) {
               p.report.rows.clear();
               p.report.booted.reset();
               p.report.started = kNow - 1s;
             },
             State::warning, Reason::WaitsForOtherRows},
        Case{"refused",
             [](Page& p) {
               row_in(p, "volume-main") =
                   row("volume-main", Row::refused, {Reason::VolumeTagsInvalid, "two"}, 1s);
             },
             State::critical, Reason::VolumeTagsInvalid},
        Case{"drifted_now", [](Page& p) { drifts(p, "node", Reason::NodeLeaseStale, 1min); },
             State::warning, Reason::NodeLeaseStale},
        Case{"drifted_for_long", [](Page& p) { drifts(p, "node", Reason::NodeLeaseStale, 16min); },
             State::critical, Reason::NodeLeaseStale},
        // The node serves without; check backup is who makes it critical.
        Case{"backups_fail_for_long",
             [](Page& p) { drifts(p, "backup-main", Reason::BackupFailing, 5h); }, State::warning,
             Reason::BackupFailing},
        // Each for as long as it lasts itself.
        Case{"drifted_now_beside_backups_that_fail_for_long",
             [](Page& p) {
               drifts(p, "backup-main", Reason::BackupFailing, 5h);
               drifts(p, "node", Reason::NodeLeaseStale, 1min);
             },
             State::warning, Reason::BackupFailing},
        Case{"volume_full_now",
             [](Page& p) {
               p.report.etcd[0].space->level = SpaceLevel::critical;
               p.report.etcd[0].space->subject = "vol-1";
               row_in(p, "space-main") =
                   row("space-main", Row::waiting,
                       Message(Reason::SpaceExhausted, "full").about("vol-1"), 1s);
             },
             State::critical, Reason::SpaceExhausted},
        Case{"an_addon_failed",
             [](Page& p) {
               p.report.rows.push_back(row("addons", Row::failed, {Reason::AddonInvalid, "error"}));
             },
             State::warning, Reason::AddonInvalid},
        Case{"thresholds",
             [](Page& p) { drifts(p, "node", Reason::NodeLeaseStale, 1min); },
             State::ok,
             {},
             limits("120", "")},
        Case{"warm",
             [](Page& p) {
               booting(p, "node", Reason::NodeLeaseStale, 20min);
               p.report.warm = true;
             },
             State::ok},
        Case{"handing_over",
             [](Page& p) {
               booting(p, "etcd-main", Reason::EtcdToStop, 5s);
               p.report.handing_over = "spot notice";
             },
             State::warning, Reason::EtcdToStop},
        Case{"handed_over",
             [](Page& p) {
               p.report.handing_over = "spot notice";
               p.report.handed_over = true;
             },
             State::ok},
        Case{"agent_gone", [](Page& p) { p.writer = Writer::gone; }, State::critical,
             Reason::AgentNotRunning},
        Case{"other_boot", [](Page& p) { p.writer = Writer::other_boot; }, State::critical,
             Reason::AgentNotRunning},
        Case{"page_may_be_old", [](Page& p) { p.may_be_old = "full"; }, State::critical,
             Reason::SpaceExhausted},
        Case{"bootstrap_ended_well", [](Page& p) { p.writer = Writer::ended; }, State::ok},
        Case{"bootstrap_ended_before_it_was_done",
             [](Page& p) {
               booting(p, "etcd-main", Reason::EtcdStarting, 1min);
               p.writer = Writer::ended;
             },
             State::critical, Reason::EtcdStarting},
        Case{"filesystem_full",
             [](Page& p) { p.report.filesystems[0].level = SpaceLevel::critical; }, State::critical,
             Reason::SpaceExhausted}),
    [](auto const& tested) { return tested.param.name; });

TEST(CheckNodeFigures, TellForHowLongItIsNotReady) {
  auto page = master();
  auto result = check_node(page, {});
  EXPECT_EQ(figure(result, "not_ready")->value, 0);
  EXPECT_EQ(figure(result, "steps_done")->value, *figure(result, "steps_done")->most);
  EXPECT_EQ(figure(result, "boot")->value, 40);
  booting(page, "etcd-main", Reason::EtcdStarting, 90s);
  result = check_node(page, {});
  EXPECT_EQ(figure(result, "not_ready")->value, 90);
  EXPECT_EQ(figure(result, "not_ready")->thresholds.critical, above(900));
}

}  // namespace
}  // namespace haagent::check
