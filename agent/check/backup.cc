#include "agent/check/backup.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/base/row_names.h"

namespace haagent::check {
namespace {

double seconds_of(Duration duration) {
  return static_cast<double>(duration.count()) / 1000;
}

Duration age_at(UtcTime now, UtcTime then) {
  return std::max(Duration(0), std::chrono::duration_cast<Duration>(now - then));
}

// The reason that the row gives, where that is what is wrong.
Item late(State state, std::string name, RowStatus const* row, std::string text) {
  Item made{.state = state, .subject = std::move(name), .reason = {}, .text = std::move(text)};
  if (!row || state == State::ok) return made;
  made.reason = row->message.reason;
  made.advice = row->message.advice.empty()
                    ? "the newest backup is too old: see 'haagent etcd snapshots' and 'haagent "
                      "status --cluster'"
                    : row->message.advice;
  return made;
}

void add_cluster(CheckResult& result, Page const& page, EtcdStatus const& etcd,
                 Thresholds const& limits) {
  auto const name = std::string(to_string(etcd.cluster));
  auto const* row = row_of(page.report, row_names::of_cluster(row_names::kBackup, etcd.cluster));
  auto const now = store_time(page.report, page.now);
  auto const& duty = *etcd.backup;
  if (!duty.failing_since && row && row->state != RowStatus::State::done &&
      row->state != RowStatus::State::acting && row->state != RowStatus::State::looking &&
      row->state != RowStatus::State::blocked)
    result.items.push_back(item(State::warning, name, row->message));
  if (duty.newest) {
    auto const age = age_at(now, *duty.newest);
    auto const state = limits.of(seconds_of(age));
    result.items.push_back(late(state, name, row,
                                fmt::format("the newest backup is {} old, of {}", to_words(age),
                                            to_rfc3339(*duty.newest))));
    result.perfdata.push_back({.label = name + "_age",
                               .value = seconds_of(age),
                               .unit = "s",
                               .thresholds = limits,
                               .least = 0});
    result.summary +=
        fmt::format("{}{} {} old", result.summary.empty() ? "" : "; ", name, to_words(age));
  } else {
    // A new cluster has none at first, and a booted master has not looked yet.
    auto const waited = age_at(page.now, page.report.booted.value_or(page.report.started));
    auto const state = limits.of(seconds_of(waited));
    result.items.push_back(
        late(state, name, row, fmt::format("no good backup is known for {}", to_words(waited))));
    result.summary +=
        fmt::format("{}{} not backed up yet", result.summary.empty() ? "" : "; ", name);
  }
  if (duty.failing_since) {
    auto& made = result.items.back();
    made.state = worse(made.state, State::warning);
    made.reason = Reason::BackupFailing;
    made.text += fmt::format("; backups fail here for {}: {}",
                             to_words(age_at(now, *duty.failing_since)), duty.failure);
    if (row) made.advice = row->message.advice;
  }
  result.perfdata.push_back({.label = name + "_failures",
                             .value = static_cast<double>(duty.failures),
                             .unit = "c",
                             .least = 0});
}

}  // namespace

CheckResult check_backup(Page const& page, Thresholds const& thresholds) {
  CheckResult result{.name = "BACKUP", .summary = {}, .items = {}, .perfdata = {}};
  if (auto none = of_no_master(result.name, page)) return *std::move(none);
  auto const off = std::ranges::find(page.report.rows, Reason::BackupsOff,
                                     [](RowStatus const& row) { return row.message.reason; });
  if (off != page.report.rows.end()) {
    // Who has meant it takes the check off the node; who has not loses a cluster for want of one.
    result.items.push_back(item(State::warning, "", off->message));
    return result;
  }
  auto const interval = seconds_of(page.report.backup_interval.value_or(kBootTakes));
  auto const limits =
      thresholds.or_else({.warning = above(2 * interval), .critical = above(4 * interval)});
  for (auto const cluster : kEtcdClusters) {
    auto const etcd = std::ranges::find(page.report.etcd, cluster, &EtcdStatus::cluster);
    if (etcd != page.report.etcd.end() && etcd->backup) {
      add_cluster(result, page, *etcd, limits);
      continue;
    }
    // Its row comes after the member's.
    auto const* row = row_of(page.report, row_names::of_cluster(row_names::kEtcd, cluster));
    auto const state = boots(page) ? State::warning : State::critical;
    auto made = row ? item(state, std::string(to_string(cluster)), row->message)
                    : Item{.state = state,
                           .subject = std::string(to_string(cluster)),
                           .reason = Reason::BackupsAwaitEtcd,
                           .text = {}};
    made.text =
        fmt::format("no backups before etcd serves{}{}", made.text.empty() ? "" : ": ", made.text);
    result.items.push_back(std::move(made));
  }
  return result;
}

}  // namespace haagent::check
