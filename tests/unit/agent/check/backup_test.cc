#include "agent/check/backup.h"

#include <gtest/gtest.h>

#include "tests/unit/agent/check/pages.h"

namespace haagent::check {
namespace {

using namespace test;

class CheckBackup : public testing::TestWithParam<Case> {};
TEST_P(CheckBackup, Is) {
  auto page = master();
  GetParam().change(page);
  auto const result = check_backup(page, GetParam().thresholds);
  EXPECT_EQ(result.state(), GetParam().state) << output_of(result, true);
  EXPECT_EQ(reason_of(result), GetParam().reason) << output_of(result, true);
}

EtcdBackupDuty& duty(Page& page) {
  return *page.report.etcd[0].backup;
}

INSTANTIATE_TEST_SUITE_P(
    Cases, CheckBackup,
    testing::Values(Case{"current", [](Page&) {}, State::ok},
                    Case{"two_intervals_old", [](Page& p) { duty(p).newest = kNow - 30min; },
                         State::ok},
                    Case{"older", [](Page& p) { duty(p).newest = kNow - 31min; }, State::warning,
                         Reason::BackupsCurrent},
                    Case{"older_than_four", [](Page& p) { duty(p).newest = kNow - 61min; },
                         State::critical, Reason::BackupsCurrent},
                    Case{"of_a_longer_interval",
                         [](Page& p) {
                           p.report.backup_interval = 6h;
                           duty(p).newest = kNow - 11h;
                         },
                         State::ok},
                    Case{"fails",
                         [](Page& p) {
                           duty(p).failing_since = kNow - 1min;
                           duty(p).failure = "the bucket is gone";
                         },
                         State::warning, Reason::BackupFailing},
                    Case{"fails_for_long",
                         [](Page& p) {
                           duty(p).failing_since = kNow - 2h;
                           duty(p).newest = kNow - 2h;
                           row_in(p, "backup-main") =
                               row("backup-main", Row::drifted, {Reason::BackupFailing, "fails"});
                         },
                         State::critical, Reason::BackupFailing},
                    Case{"not_swept",
                         [](Page& p) {
                           row_in(p, "backup-main") = row("backup-main", Row::drifted,
                                                          {Reason::SweepFailing, "old ones stay"});
                         },
                         State::warning, Reason::SweepFailing},
                    // As long as one may be old.
                    Case{"none_of_a_new_cluster",
                         [](Page& p) {
                           duty(p).newest.reset();
                           p.report.booted = kNow - 20min;
                         },
                         State::ok},
                    Case{"none_for_long",
                         [](Page& p) {
                           duty(p).newest.reset();
                           p.report.booted = kNow - 2h;
                         },
                         State::critical, Reason::BackupsCurrent},
                    // The store's clock is an hour behind this machine's: the backup is young.
                    Case{"by_the_stores_clock",
                         [](Page& p) {
                           p.report.clock = ClockFacts{.ahead = 1h};
                           for (auto& each : p.report.etcd) each.backup->newest = kNow - 70min;
                         },
                         State::ok},
                    Case{"thresholds", [](Page&) {}, State::critical, Reason::BackupsCurrent,
                         limits("60", "120")},
                    Case{"switched_off",
                         [](Page& p) {
                           p.report.backup_interval.reset();
                           row_in(p, "backup-main").message = {Reason::BackupsOff, "off"};
                         },
                         State::warning, Reason::BackupsOff},
                    Case{"before_etcd_serves",
                         [](Page& p) {
                           for (auto& each : p.report.etcd) each.backup.reset();
                           booting(p, "etcd-main", Reason::EtcdStarting, 1min);
                         },
                         State::warning, Reason::EtcdStarting},
                    Case{"worker", [](Page& p) { p.report.role = "worker"; }, State::unknown},
                    Case{"agent_gone", [](Page& p) { p.writer = Writer::gone; }, State::unknown,
                         Reason::AgentNotRunning}),
    [](auto const& tested) { return tested.param.name; });

TEST(CheckBackupFigures, HaveTheLimitsOfTheInterval) {
  auto const result = check_backup(master(), {});
  auto const age = figure(result, "main_age");
  ASSERT_TRUE(age);
  EXPECT_EQ(age->value, 600);
  EXPECT_EQ(age->thresholds.warning, above(1800));
  EXPECT_EQ(age->thresholds.critical, above(3600));
}

}  // namespace
}  // namespace haagent::check
