// Pages that checks are held against: a master that is well, to be changed by each test.
#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <utility>

#include "agent/check/page.h"

namespace haagent::check::test {

using namespace std::chrono_literals;
using Row = RowStatus::State;

inline UtcTime const kNow{1768472100s};  // 2026-01-15T10:15:00Z

inline RowStatus row(std::string name, Row state, Message message, Duration for_so_long = 1h) {
  RowStatus made;
  made.name = std::move(name);
  made.state = state;
  made.message = std::move(message);
  made.since = kNow - for_so_long;
  made.began = kNow - 2h;
  if (state == Row::done || state == Row::drifted) made.finished = kNow - 1h;
  return made;
}

inline EtcdStatus etcd(EtcdCluster cluster) {
  EtcdStatus made;
  made.cluster = cluster;
  EtcdMemberFacts member;
  member.name = "etcd-a";
  member.member_id = "8e9e05c52164694d";
  member.version = "3.5.32";
  member.leader = "etcd-b";
  member.voters = member.healthy_voters = 3;
  member.db_size = 1ull << 30u;
  member.db_quota = 8ull << 30u;
  made.member = member;
  made.backup = EtcdBackupDuty{.newest = kNow - 10min};
  made.space =
      FilesystemFacts{.mount_point = "/var/lib/haagent-etcd/" + std::string(to_string(cluster)),
                      .size = 20ull << 30u,
                      .avail = 15ull << 30u,
                      .inodes = 1000,
                      .inodes_free = 990};
  return made;
}

inline Page master() {
  Page page{.report = {}, .now = kNow};
  auto& report = page.report;
  report.role = "master";
  report.started = kNow - 2h;
  report.booted = kNow - 1h;
  report.boot_took = 40s;
  report.backup_interval = 15min;
  for (auto const cluster : kEtcdClusters) {
    auto const of = "-" + std::string(to_string(cluster));
    report.rows.push_back(row("volume" + of, Row::done, {Reason::VolumeAttached, "attached"}));
    report.rows.push_back(row("mount" + of, Row::done, {Reason::VolumeMounted, "mounted"}));
    report.rows.push_back(row("space" + of, Row::done, {Reason::SpaceSufficient, "room"}));
    report.rows.push_back(row("etcd" + of, Row::done, {Reason::EtcdServing, "serves"}));
    report.rows.push_back(row("backup" + of, Row::done, {Reason::BackupsCurrent, "current"}));
    report.rows.push_back(row("maintenance" + of, Row::done, {Reason::MaintenanceIdle, "idle"}));
    report.etcd.push_back(etcd(cluster));
  }
  report.rows.push_back(row("pki", Row::done, {Reason::CertificatesGood, "good"}));
  report.rows.push_back(row("node", Row::done, {Reason::NodeServes, "serves"}));
  report.filesystems = {{.mount_point = "/",
                         .size = 50ull << 30u,
                         .avail = 40ull << 30u,
                         .inodes = 1000,
                         .inodes_free = 900}};
  report.pki.certificates = {{"etcd/server", kNow + 60 * 24h, kNow + 30 * 24h},
                             {"etcd/ca", kNow + 3000 * 24h, kNow + 2000 * 24h, true}};
  return page;
}

inline RowStatus& row_in(Page& page, std::string_view name) {
  return *std::ranges::find(page.report.rows, name, &RowStatus::name);
}

// It has been booting for so long, and waits in that row.
inline void booting(Page& page, std::string name, Reason reason, Duration for_so_long) {
  page.report.booted.reset();
  page.report.started = page.now - for_so_long;
  auto& at = row_in(page, name);
  at = row(name, Row::waiting, Message(reason, "waits"), for_so_long);
  at.began = page.now - for_so_long;
}

struct Case {
  std::string name;
  std::function<void(Page&)> change;
  State state;
  std::optional<Reason> reason = {};  // of the worst item
  Thresholds thresholds = {};
};
inline std::ostream& operator<<(std::ostream& out, Case const& each) {
  return out << each.name;
}

inline Thresholds limits(std::string const& warning, std::string const& critical) {
  Thresholds made;
  if (!warning.empty()) made.warning = parse_range(warning).value();
  if (!critical.empty()) made.critical = parse_range(critical).value();
  return made;
}

// The reason of the first item that is as bad as the result.
inline std::optional<Reason> reason_of(CheckResult const& result) {
  if (result.state() == State::ok) return std::nullopt;
  auto const worst = std::ranges::find(result.items, result.state(), &Item::state);
  return worst->reason;
}

inline std::optional<Perfdata> figure(CheckResult const& result, std::string const& label) {
  auto const found = std::ranges::find(result.perfdata, label, &Perfdata::label);
  if (found == result.perfdata.end()) return std::nullopt;
  return *found;
}

}  // namespace haagent::check::test
