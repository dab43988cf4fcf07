#include "agent/check/etcd.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "agent/base/bytes_text.h"
#include "agent/base/row_names.h"

namespace haagent::check {
namespace {

double share_of_quota(EtcdMemberFacts const& member) {
  return member.db_quota == 0
             ? 0
             : static_cast<double>(member.db_size) * 100 / static_cast<double>(member.db_quota);
}

std::string one_member(EtcdMemberFacts const& member) {
  return fmt::format("{} of {} voters, leader {}, db {:.0f}%", member.healthy_voters, member.voters,
                     member.leader.empty() ? "none" : member.leader, share_of_quota(member));
}

// Of one cluster.
class Clusters {
 public:
  Clusters(Page const& page, Thresholds const& limits, CheckResult& result)
      : page_(page), limits_(limits), result_(result) {}

  void add(EtcdCluster cluster) {
    auto const name = std::string(to_string(cluster));
    auto const before = result_.items.size();
    auto const* row = row_of(page_.report, row_names::of_cluster(row_names::kEtcd, cluster));
    auto const status = std::ranges::find(page_.report.etcd, cluster, &EtcdStatus::cluster);
    auto const* member =
        status != page_.report.etcd.end() && status->member ? &*status->member : nullptr;
    if (member)
      add_member(name, *member, row);
    else
      add_missing(name, row);
    add_maintenance(name, cluster);
    if (status != page_.report.etcd.end() && status->health) add_health(name, *status->health);
    if (!member) return;
    result_.summary +=
        fmt::format("{}{} {}", result_.summary.empty() ? "" : "; ", name, one_member(*member));
    if (result_.items.size() == before)
      result_.items.push_back(
          {.state = State::ok,
           .subject = name,
           .reason = row ? std::optional(row->message.reason) : std::nullopt,
           .text = fmt::format("{} ({}), {}, etcd {}, {} of {}", member->name, member->member_id,
                               one_member(*member), member->version, bytes_text(member->db_size),
                               bytes_text(member->db_quota))});
  }

 private:
  void say(State state, std::string const& name, Reason reason, std::string text,
           RowStatus const* row = nullptr) {
    Item made{.state = state, .subject = name, .reason = reason, .text = std::move(text)};
    // What the row has found out on top, where it is about the same.
    if (row && row->message.reason == reason) made.advice = row->message.sentence();
    result_.items.push_back(std::move(made));
  }

  // Nothing answers here. haagent starts the member of a node that boots.
  void add_missing(std::string const& name, RowStatus const* row) {
    auto const state = boots(page_) ? State::warning : State::critical;
    if (row && row->state != RowStatus::State::done && row->state != RowStatus::State::blocked &&
        !row->message.text.empty())
      result_.items.push_back(item(worse(state, state_of(page_, *row)), name, row->message));
    else
      say(state, name, Reason::EtcdStopped, "no member of etcd serves here");
  }

  void add_member(std::string const& name, EtcdMemberFacts const& member, RowStatus const* row) {
    add_figures(name, member);
    auto const silent = member.silent_voters.empty()
                            ? std::string()
                            : fmt::format(", {} silent", fmt::join(member.silent_voters, " and "));
    if (member.leader.empty()) {
      say(State::critical, name, Reason::QuorumLost,
          fmt::format("{} sees no leader, {} of {} voters answer{}", member.name,
                      member.healthy_voters, member.voters, silent),
          row);
    } else if (member.healthy_voters < member.voters) {
      say(State::warning, name, Reason::EtcdMemberDown,
          fmt::format("{} of {} voters answer{}", member.healthy_voters, member.voters, silent),
          row);
    }
    if (member.learner)
      say(State::warning, name, Reason::LearnerBehind,
          fmt::format("{} is a learner, and does not vote yet", member.name), row);
    // A member without a leader has been named.
    if (row && row->state != RowStatus::State::done && row->state != RowStatus::State::blocked &&
        !member.leader.empty() && !member.learner)
      result_.items.push_back(item(state_of(page_, *row), name, row->message));
    if (auto const state = limits_.of(share_of_quota(member)); state != State::ok)
      say(state, name, Reason::EtcdQuotaNearlyUsed,
          fmt::format("the database takes {:.0f}% of its quota, {} of {}", share_of_quota(member),
                      bytes_text(member.db_size), bytes_text(member.db_quota)));
  }

  // With an alarm etcd takes no writes, or serves what it should not.
  void add_maintenance(std::string const& name, EtcdCluster cluster) {
    auto const* row = row_of(page_.report, row_names::of_cluster(row_names::kMaintenance, cluster));
    // The member's row notes it too, and sooner.
    auto const* noted = row_of(page_.report, row_names::of_cluster(row_names::kEtcd, cluster));
    if (noted && noted->message.reason == Reason::EtcdAlarm &&
        (!row || row->state == RowStatus::State::done))
      row = noted;
    if (!row) return;
    switch (row->message.reason) {
      case Reason::EtcdAlarm:
      case Reason::EtcdQuotaUsed:
      case Reason::EtcdCorrupt:
        result_.items.push_back(item(State::critical, name, row->message));
        return;
      case Reason::EtcdQuotaNearlyUsed:
        // Of the keys alone, where the file says the same already.
        if (std::ranges::none_of(result_.items, [&](Item const& each) {
              return each.subject == name && each.reason == Reason::EtcdQuotaNearlyUsed;
            }))
          result_.items.push_back(item(State::warning, name, row->message));
        return;
      case Reason::DefragmentationHeld:
        // Said in an alarm as well.
        result_.items.push_back(
            item(row->state == RowStatus::State::done ? State::warning : State::critical, name,
                 row->message));
        return;
      default:
        // Of a boot the row of the member tells.
        if (page_.report.booted && row->state != RowStatus::State::done &&
            row->state != RowStatus::State::acting && row->state != RowStatus::State::looking)
          result_.items.push_back(item(State::warning, name, row->message));
    }
  }

  void add_figures(std::string const& name, EtcdMemberFacts const& member) {
    auto& out = result_.perfdata;
    out.push_back({.label = name + "_voters_healthy",
                   .value = static_cast<double>(member.healthy_voters),
                   .least = 0,
                   .most = static_cast<double>(member.voters)});
    out.push_back({.label = name + "_has_leader",
                   .value = member.leader.empty() ? 0.0 : 1.0,
                   .least = 0,
                   .most = 1});
    out.push_back({.label = name + "_db",
                   .value = static_cast<double>(member.db_size),
                   .unit = "B",
                   .least = 0,
                   .most = static_cast<double>(member.db_quota)});
    out.push_back({.label = name + "_db_quota_used",
                   .value = share_of_quota(member),
                   .unit = "%",
                   .thresholds = limits_,
                   .least = 0,
                   .most = 100});
  }

  void add_health(std::string const& name, EtcdHealthFacts const& health) {
    auto add_figure = [&](char const* what, std::optional<double> seconds) {
      if (seconds)
        result_.perfdata.push_back(
            {.label = name + "_" + what, .value = *seconds, .unit = "s", .least = 0});
    };
    add_figure("wal_fsync_p99", health.wal_fsync);
    add_figure("backend_commit_p99", health.backend_commit);
    add_figure("peer_round_trip_p99", health.round_trip);
  }

  Page const& page_;
  Thresholds const limits_;
  CheckResult& result_;
};

}  // namespace

CheckResult check_etcd(Page const& page, Thresholds const& thresholds) {
  CheckResult result{.name = "ETCD", .summary = {}, .items = {}, .perfdata = {}};
  if (auto none = of_no_master(result.name, page)) return *std::move(none);
  Clusters clusters(page, thresholds.or_else({.warning = above(80), .critical = above(95)}),
                    result);
  for (auto const cluster : kEtcdClusters) clusters.add(cluster);
  return result;
}

}  // namespace haagent::check
