#include "agent/check/volumes.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/base/bytes_text.h"
#include "agent/base/row_names.h"

namespace haagent::check {
namespace {

double used_percent(std::uint64_t whole, std::uint64_t left) {
  if (whole == 0) return 0;
  return static_cast<double>(whole - std::min(whole, left)) * 100 / static_cast<double>(whole);
}

State state_of(SpaceLevel level) {
  return level == SpaceLevel::critical  ? State::critical
         : level == SpaceLevel::warning ? State::warning
                                        : State::ok;
}

// By the row that has judged it: it knows whether bytes or inodes are short.
Reason reason_of(FilesystemFacts const& filesystem, StatusReport const& report) {
  for (auto const& row : report.rows)
    if (row.name.starts_with(row_names::kSpace) && row.message.subject == filesystem.subject &&
        row.message.reason != Reason::SpaceSufficient)
      return row.message.reason;
  return filesystem.level == SpaceLevel::critical ? Reason::SpaceExhausted : Reason::SpaceLow;
}

void add_filesystem(CheckResult& result, StatusReport const& report,
                    FilesystemFacts const& filesystem, Thresholds const& limits) {
  auto const& place = filesystem.mount_point;
  auto const bytes = used_percent(filesystem.size, filesystem.avail);
  auto const inodes = used_percent(filesystem.inodes, filesystem.inodes_free);
  auto const own = state_of(filesystem.level);
  auto const state = worse(own, worse(limits.of(bytes), limits.of(inodes)));
  auto text = fmt::format("{:.0f}% used, {} of {} free", bytes, bytes_text(filesystem.avail),
                          bytes_text(filesystem.size));
  if (filesystem.inodes != 0) text += fmt::format(", inodes {:.0f}% used", inodes);
  Item made{.state = state, .subject = place, .reason = {}, .text = std::move(text)};
  if (own != State::ok) made.advice = filesystem.message;
  if (state != State::ok) made.reason = reason_of(filesystem, report);
  result.items.push_back(std::move(made));

  auto add = [&](char const* what, double value, std::string unit, Thresholds const& of,
                 double most) {
    result.perfdata.push_back({.label = place + what,
                               .value = value,
                               .unit = std::move(unit),
                               .thresholds = of,
                               .least = 0,
                               .most = most});
  };
  add("", static_cast<double>(filesystem.size - std::min(filesystem.size, filesystem.avail)), "B",
      {}, static_cast<double>(filesystem.size));
  add("_used", bytes, "%", limits, 100);
  if (filesystem.inodes != 0) add("_inodes_used", inodes, "%", limits, 100);
}

// The first row on the way from a tag to a mounted volume that is not done: those after it wait.
void add_volume(CheckResult& result, Page const& page, EtcdCluster cluster) {
  using namespace row_names;
  for (auto const* name : {kVolume, kDevice, kFilesystem, kMount}) {
    auto const* row = row_of(page.report, of_cluster(name, cluster));
    if (!row || row->state == RowStatus::State::done || row->state == RowStatus::State::blocked)
      continue;
    result.items.push_back(item(check::state_of(page, *row), row->name, row->message));
    return;
  }
  auto const* mount = row_of(page.report, of_cluster(kMount, cluster));
  if (mount && mount->state == RowStatus::State::done) {
    // A copy, options that would go on after an error, a filesystem that did not follow its volume.
    bool const plain = mount->message.reason == Reason::VolumeMounted;
    result.items.push_back(item(plain ? State::ok : State::warning, mount->name, mount->message));
  } else {
    result.items.push_back({.state = boots(page) ? State::warning : State::critical,
                            .subject = of_cluster(kMount, cluster),
                            .reason = Reason::WaitsForOtherRows,
                            .text = "its volume is not mounted yet"});
  }
}

}  // namespace

CheckResult check_volumes(Page const& page, Thresholds const& thresholds) {
  CheckResult result{.name = "VOLUMES", .summary = {}, .items = {}, .perfdata = {}};
  if (auto const why = not_looked_at(page)) return without_page(result.name, *why);
  auto const& report = page.report;
  auto const phase = phase_of(report);
  bool const etcd_is_here = report.role == "master" && phase != Phase::warm &&
                            phase != Phase::handed_over && phase != Phase::handing_over;
  if (etcd_is_here)
    for (auto const cluster : kEtcdClusters) add_volume(result, page, cluster);
  if (etcd_is_here)
    for (auto const& etcd : report.etcd)
      if (etcd.limited)
        result.items.push_back(
            item(State::warning, std::string(to_string(etcd.cluster)), *etcd.limited));
  double fullest = 0;
  std::string which;
  auto add = [&](FilesystemFacts const& each) {
    add_filesystem(result, report, each, thresholds);
    auto const used =
        std::max(used_percent(each.size, each.avail), used_percent(each.inodes, each.inodes_free));
    if (!which.empty() && used <= fullest) return;
    fullest = used;
    which = each.mount_point;
  };
  for (auto const& etcd : report.etcd)
    if (etcd.space) add(*etcd.space);
  std::ranges::for_each(report.filesystems, add);
  if (which.empty())
    result.items.push_back({.state = boots(page) ? State::warning : State::unknown,
                            .subject = "",
                            .reason = Reason::WaitsForOtherRows,
                            .text = "no filesystem has been looked at yet"});
  result.summary = fmt::format("{}the fullest is {} at {:.0f}%",
                               etcd_is_here ? "etcd's volumes are mounted; " : "", which, fullest);
  return result;
}

}  // namespace haagent::check
