#include "agent/cloudwatch/readings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <set>

#include "tests/support/golden.h"
#include "tests/support/temporary_directory.h"

namespace haagent::cloudwatch {
namespace {

using namespace std::chrono_literals;

UtcTime const kNow{1768472400s};  // 2026-01-15T10:20:00Z

std::optional<double> reading(std::string_view page, std::string_view name) {
  for (auto const& each : readings_of(page, kNow).values)
    if (each.name == name) return each.value;
  return std::nullopt;
}

struct PageCase {
  std::string_view page;
  std::string_view name;
  std::optional<double> value;
};

TEST(Readings, EachIsReadOffThePage) {
  for (auto const& each : {
           PageCase{"haagent_phase{phase=\"ready\"} 1\n", "NodeReady", 1},
           PageCase{"haagent_phase{phase=\"ready\"} 0\nhaagent_phase{phase=\"degraded\"} 1\n",
                    "NodeReady", 0},
           PageCase{"haagent_phase{phase=\"ready\"} 0\nhaagent_phase{phase=\"failed\"} 1\n",
                    "NodeReady", 0},
           PageCase{"haagent_step_state{step=\"a\",state=\"failed\"} 1\n"
                    "haagent_step_state{step=\"b\",state=\"refused\"} 1\n"
                    "haagent_step_state{step=\"c\",state=\"done\"} 1\n",
                    "StepsFailed", 2},
           PageCase{"haagent_step_state{step=\"launching-hook\",state=\"retrying\"} 1\n"
                    "haagent_step_state{step=\"launching-hook\",state=\"failed\"} 0\n",
                    "LifecycleHookStuck", 1},
           PageCase{"haagent_step_state{step=\"launching-hook\",state=\"retrying\"} 0\n"
                    "haagent_step_state{step=\"launching-hook\",state=\"blocked\"} 1\n",
                    "LifecycleHookStuck", 0},
           PageCase{"haagent_step_state{step=\"volume-events\",state=\"waiting\"} 1\n"
                    "haagent_step_state{step=\"volume-main\",state=\"waiting\"} 0\n",
                    "VolumeWaiting", 1},
           PageCase{"haagent_certificate_not_after_timestamp_seconds{name=\"a\","
                    "authority=\"false\"} 1768476000.000\n"
                    "haagent_certificate_not_after_timestamp_seconds{name=\"b\","
                    "authority=\"false\"} 1768472460.500\n"
                    "haagent_certificate_not_after_timestamp_seconds{name=\"c\","
                    "authority=\"true\"} 1768472400.000\n",
                    "CertificateTimeLeft", 60.5},
           PageCase{"haagent_certificate_not_after_timestamp_seconds{name=\"c\","
                    "authority=\"true\"} 1768472300.000\n",
                    "AuthorityTimeLeft", -100},
           PageCase{"haagent_certificate_renewal_failing 1\n", "CertificateRenewalFailing", 1},
           PageCase{"haagent_kubelet_restarts_total{cause=\"certificate\"} 5\n"
                    "haagent_kubelet_restarts_total{cause=\"health\"} 2\n",
                    "KubeletRestarts", 2},
           PageCase{"haagent_clock_offset_seconds -3.500\n", "ClockOffset", 3.5},
           PageCase{"haagent_etcd_member_known{etcd=\"main\"} 0\n"
                    "haagent_etcd_member_known{etcd=\"events\"} 1\n",
                    "EtcdMainMemberUp", 0},
           PageCase{"haagent_etcd_has_leader{etcd=\"events\"} 1\n", "EtcdEventsHasLeader", 1},
           PageCase{"haagent_etcd_healthy_voters{etcd=\"main\"} 2\n", "EtcdMainHealthyVoters", 2},
           PageCase{"haagent_etcd_db_quota_used_ratio{etcd=\"main\"} 0.123456\n",
                    "EtcdMainQuotaUsed", 12.346},
           PageCase{"haagent_etcd_backup_age_seconds{etcd=\"events\"} 900.000\n",
                    "EtcdEventsBackupAge", 900},
           PageCase{"haagent_etcd_backup_failing{etcd=\"main\"} 1\n", "EtcdMainBackupFailing", 1},
           // The fullest, by bytes or by inodes; a filesystem without a number of inodes has none.
           PageCase{"haagent_filesystem_size_bytes{mountpoint=\"/\",holds=\"node\"} 1000\n"
                    "haagent_filesystem_size_bytes{mountpoint=\"/b\",holds=\"etcd-main\"} 1000\n"
                    "haagent_filesystem_avail_bytes{mountpoint=\"/\",holds=\"node\"} 900\n"
                    "haagent_filesystem_avail_bytes{mountpoint=\"/b\",holds=\"etcd-main\"} 250\n"
                    "haagent_filesystem_files{mountpoint=\"/\",holds=\"node\"} 100\n"
                    "haagent_filesystem_files_free{mountpoint=\"/\",holds=\"node\"} 20\n",
                    "DiskUsed", 80},
           PageCase{"haagent_filesystem_size_bytes{mountpoint=\"/\",holds=\"node\"} 0\n"
                    "haagent_filesystem_avail_bytes{mountpoint=\"/\",holds=\"node\"} 0\n",
                    "DiskUsed", std::nullopt},
       })
    EXPECT_EQ(reading(each.page, each.name), each.value) << each.name << " of\n" << each.page;
}

TEST(Readings, WhatThePageHasNoFigureForIsLeftOut) {
  EXPECT_TRUE(readings_of("", kNow).values.empty());
  EXPECT_TRUE(readings_of("<html>\nno page\n", kNow).values.empty());
  // The member does not answer: whether it has a leader, nobody knows.
  auto const readings = readings_of("haagent_etcd_member_known{etcd=\"main\"} 0\n", kNow);
  ASSERT_EQ(readings.values.size(), 1u);
  EXPECT_EQ(readings.values[0].name, "EtcdMainMemberUp");
  EXPECT_EQ(reading("haagent_etcd_db_quota_used_ratio{etcd=\"main\"} NaN\n", "EtcdMainQuotaUsed"),
            std::nullopt);
}

TEST(Readings, ANodeThatNobodyExpectsToBeReadyIsNotCalledUnready) {
  auto page = [](std::string const& phase, int started) {
    return fmt::format(
        "haagent_phase{{phase=\"ready\"}} 0\nhaagent_phase{{phase=\"{}\"}} 1\n"
        "haagent_start_time_seconds {}.000\n",
        phase, started);
  };
  for (auto const* phase : {"in the warm pool", "handing over", "handed over"})
    EXPECT_EQ(reading(page(phase, 1), "NodeReady"), std::nullopt) << phase;
  EXPECT_EQ(reading(page("working", 1768472400 - 899), "NodeReady"), std::nullopt);
  EXPECT_EQ(reading(page("working", 1768472400 - 900), "NodeReady"), 0) << "a boot that hangs";
  EXPECT_EQ(reading(page("refused", 1768472400), "NodeReady"), 0);
}

TEST(Readings, OfAMasterItsReadinessCountsForTheZone) {
  for (auto const* role : {"master", "worker"}) {
    auto const readings = readings_of(
        fmt::format("haagent_node_info{{role=\"{}\",cluster=\"prod.example.com\",kubernetes=\"1.33."
                    "2\",instance_id=\"i-1\",zone=\"eu-west-1a\"}} 1\n"
                    "haagent_phase{{phase=\"ready\"}} 1\n"
                    "haagent_clock_offset_seconds 0.000\n",
                    role),
        kNow);
    EXPECT_EQ(readings.cluster, "prod.example.com");
    EXPECT_EQ(readings.role, role);
    EXPECT_EQ(readings.zone, "eu-west-1a");
    EXPECT_EQ(readings.instance_id, "i-1");
    ASSERT_EQ(readings.values.size(), 2u);
    EXPECT_EQ(readings.values[0].of_zone, readings.role == "master");
    EXPECT_FALSE(readings.values[1].of_zone);
  }
}

// The page with every family that there is (metrics_test.cc): what is renamed there fails here.
TEST(Readings, AllAreOnTheWholePage) {
  auto const readings = readings_of(test::bytes_of(test::golden_path("status/metrics.txt")), kNow);
  std::set<std::string> names;
  for (auto const& each : readings.values) {
    EXPECT_TRUE(names.insert(each.name).second) << each.name << " stands twice";
    EXPECT_TRUE(each.unit == "Count" || each.unit == "Percent" || each.unit == "Seconds");
  }
  // Its rows are two others; of events there is no member on it, and of main there is all.
  std::set<std::string> expected = {"NodeReady",
                                    "StepsFailed",
                                    "CertificateTimeLeft",
                                    "AuthorityTimeLeft",
                                    "CertificateRenewalFailing",
                                    "KubeletRestarts",
                                    "ClockOffset",
                                    "DiskUsed",
                                    "EtcdMainMemberUp",
                                    "EtcdMainHasLeader",
                                    "EtcdMainHealthyVoters",
                                    "EtcdMainQuotaUsed",
                                    "EtcdMainBackupAge",
                                    "EtcdMainBackupFailing",
                                    "EtcdEventsMemberUp"};
  EXPECT_EQ(names, expected);
}

}  // namespace
}  // namespace haagent::cloudwatch
