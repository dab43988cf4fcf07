#include "agent/status/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <map>
#include <utility>

namespace haagent {
namespace {

using State = RowStatus::State;

constexpr State kStates[] = {State::blocked, State::looking,  State::acting,
                             State::waiting, State::retrying, State::done,
                             State::drifted, State::failed,   State::refused};
constexpr Phase kPhases[] = {Phase::working, Phase::ready, Phase::degraded,     Phase::failed,
                             Phase::refused, Phase::warm,  Phase::handing_over, Phase::handed_over};

struct Label {
  std::string_view name;
  std::string_view value;
};

std::string escaped(std::string_view value) {
  std::string out;
  for (char const c : value) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

// Seconds since 1970, to the millisecond.
std::string timestamp(UtcTime time) {
  auto const since = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch());
  return fmt::format("{:.3f}", static_cast<double>(since.count()) / 1000);
}

std::string seconds(Duration duration) {
  return fmt::format("{:.3f}", static_cast<double>(duration.count()) / 1000);
}

Duration between(UtcTime from, UtcTime to) {
  return std::max(Duration(0), std::chrono::duration_cast<Duration>(to - from));
}

// Of microseconds, in seconds.
std::string micros(std::uint64_t count) {
  return fmt::format("{}.{:06}", count / 1'000'000, count % 1'000'000);
}

std::string truth(bool is) {
  return is ? "1" : "0";
}

class Page {
 public:
  // Samples of one name stand together, below its HELP and TYPE; a name without any is left out.
  void family(std::string name, std::string_view type, std::string_view help) {
    name_ = std::move(name);
    head_ = fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", name_, help, type);
  }
  void sample(std::initializer_list<Label> labels, std::string_view value) {
    sample("", labels, value);
  }
  // Of a histogram, whose samples have names of their own.
  void sample(std::string_view suffix, std::initializer_list<Label> labels,
              std::string_view value) {
    text_ += std::exchange(head_, {}) + name_;
    text_ += suffix;
    char before = '{';
    for (auto const& label : labels) {
      text_ += fmt::format("{}{}=\"{}\"", before, label.name, escaped(label.value));
      before = ',';
    }
    if (labels.size() > 0) text_ += '}';
    text_ += fmt::format(" {}\n", value);
  }
  std::string take() { return std::move(text_); }

 private:
  std::string name_;
  std::string head_;
  std::string text_;
};

void add_node(Page& page, StatusReport const& report, UtcTime now) {
  page.family("haagent_build_info", "gauge", "The agent's version; always 1.");
  page.sample({{"version", report.version}}, "1");
  page.family("haagent_node_info", "gauge", "What this node is; always 1.");
  auto const identity = report.identity.value_or(Identity{});
  page.sample({{"role", report.role},
               {"cluster", report.cluster},
               {"kubernetes", report.kubernetes},
               {"instance_id", identity.instance_id},
               {"zone", identity.zone}},
              "1");
  page.family("haagent_phase", "gauge", "1 for the phase that the node is in.");
  auto const phase = phase_of(report);
  for (auto const each : kPhases) page.sample({{"phase", to_string(each)}}, truth(each == phase));
  page.family("haagent_start_time_seconds", "gauge", "When the agent started, since 1970.");
  page.sample({}, timestamp(report.started));
  page.family(
      "haagent_boot_duration_seconds", "gauge",
      "From the agent's start until every step had been done once; without the time that it "
      "was handed over or in the warm pool.");
  if (report.boot_took) page.sample({}, seconds(*report.boot_took));

  page.family("haagent_step_state", "gauge", "1 for the state that the step is in.");
  for (auto const& row : report.rows)
    for (auto const state : kStates)
      page.sample({{"step", row.name}, {"state", to_string(state)}}, truth(state == row.state));
  page.family("haagent_step_reason", "gauge",
              "1 for the reason of what the step says; 'haagent explain REASON' explains it.");
  for (auto const& row : report.rows)
    if (!row.message.text.empty())
      page.sample({{"step", row.name},
                   {"state", to_string(row.state)},
                   {"reason", to_string(row.message.reason)}},
                  "1");
  page.family("haagent_step_state_seconds", "gauge",
              "For how long the step has been in its state.");
  for (auto const& row : report.rows)
    page.sample({{"step", row.name}}, seconds(between(row.since, now)));
  page.family("haagent_step_acts_total", "counter", "How often the step has changed something.");
  for (auto const& row : report.rows) page.sample({{"step", row.name}}, fmt::to_string(row.acts));
}

void add_clock(Page& page, std::optional<ClockFacts> const& clock) {
  if (!clock || !clock->ahead) return;
  page.family("haagent_clock_offset_seconds", "gauge",
              "This machine's clock minus the state store's.");
  page.sample({}, seconds(*clock->ahead));
  page.family("haagent_clock_wrong", "gauge",
              "1 where that is too much: no backups, certificates or requests from this machine.");
  page.sample({}, truth(clock->wrong));
}

void add_joins(Page& page, StatusReport const& report) {
  if (report.role != "master") return;
  page.family("haagent_join_decisions_total", "counter",
              "What machines that asked to join, or for new certificates, were answered.");
  for (auto const& [reason, times] : report.joins.decisions)
    page.sample({{"reason", reason}}, fmt::to_string(times));
  page.family("haagent_join_waiting", "gauge",
              "Machines that have asked within a quarter of an hour and were not let in since.");
  page.sample({}, fmt::to_string(report.joins.waiting.size()));
}

void add_kubelet(Page& page, std::optional<KubeletFacts> const& kubelet) {
  if (!kubelet) return;
  page.family("haagent_kubelet_restarts_total", "counter",
              "How often haagent has restarted the kubelet since the machine booted.");
  page.sample({{"cause", "certificate"}}, fmt::to_string(kubelet->restarts_for_certificate));
  page.sample({{"cause", "health"}}, fmt::to_string(kubelet->restarts_for_health));
}

void add_addons(Page& page, std::optional<std::vector<AddonFacts>> const& addons) {
  if (!addons) return;
  page.family("haagent_addon_state", "gauge", "1 for the state that the add-on is in.");
  for (auto const& each : *addons)
    for (auto const state : kAddonStates)
      page.sample({{"addon", each.name}, {"state", state}}, truth(state == each.state));
  page.family("haagent_addon_last_in_sync_timestamp_seconds", "gauge",
              "When every object of the add-on was last seen as it should be, since 1970.");
  for (auto const& each : *addons)
    if (each.in_sync) page.sample({{"addon", each.name}}, timestamp(*each.in_sync));
  // Of one whose source cannot be read nobody knows them.
  auto figure = [&](std::string name, std::string_view help, std::uint64_t AddonFacts::* value) {
    page.family("haagent_addon_" + std::move(name), "gauge", help);
    for (auto const& each : *addons)
      if (each.state != to_string(AddonState::failed))
        page.sample({{"addon", each.name}}, fmt::to_string(each.*value));
  };
  figure("objects", "Objects that the add-on wants in the cluster.", &AddonFacts::objects);
  figure("drifted_objects", "Objects of it that are about to be applied or deleted.",
         &AddonFacts::drifted);
  figure("conflicted_objects", "Objects of it in which another manager has set a field otherwise.",
         &AddonFacts::conflicted);
  figure("rejected_objects", "Objects of it that the apiserver rejects.", &AddonFacts::rejected);
}

void add_certificates(Page& page, PkiFacts const& pki) {
  page.family("haagent_certificate_not_after_timestamp_seconds", "gauge",
              "When the certificate expires, since 1970.");
  for (auto const& each : pki.certificates)
    page.sample({{"name", each.name}, {"authority", each.authority ? "true" : "false"}},
                timestamp(each.not_after));
  page.family("haagent_certificate_renew_timestamp_seconds", "gauge",
              "When the certificate is to be renewed, since 1970.");
  for (auto const& each : pki.certificates)
    page.sample({{"name", each.name}, {"authority", each.authority ? "true" : "false"}},
                timestamp(each.renew_at));
  page.family("haagent_certificate_renewal_failing", "gauge",
              "1 where what should be renewed is not.");
  if (!pki.certificates.empty()) page.sample({}, truth(!pki.warning.empty()));
}

// One family over both clusters.
template <class Value>
void per_cluster(Page& page, std::vector<EtcdStatus> const& clusters, std::string name,
                 std::string_view type, std::string_view help, Value value) {
  page.family(std::move(name), type, help);
  for (auto const& etcd : clusters)
    if (std::optional<std::string> const text = value(etcd))
      page.sample({{"etcd", to_string(etcd.cluster)}}, *text);
}

// The same, of what is there only once the part is known.
template <class Part, class Value>
void of_part(Page& page, std::vector<EtcdStatus> const& clusters, Part part, std::string name,
             std::string_view type, std::string_view help, Value value) {
  per_cluster(page, clusters, std::move(name), type, help,
              [&](EtcdStatus const& etcd) -> std::optional<std::string> {
                if (!(etcd.*part)) return std::nullopt;
                return value(*(etcd.*part));
              });
}

std::optional<std::string> figure(std::optional<double> value) {
  if (!value) return std::nullopt;
  return fmt::format("{:.6f}", *value);
}

void add_etcd(Page& page, std::vector<EtcdStatus> const& clusters) {
  auto member = [&](std::string name, std::string_view help, auto value) {
    of_part(page, clusters, &EtcdStatus::member, "haagent_etcd_" + std::move(name), "gauge", help,
            value);
  };
  per_cluster(page, clusters, "haagent_etcd_member_known", "gauge",
              "1 where the local member answers and its cluster is known.",
              [](EtcdStatus const& etcd) { return truth(etcd.member.has_value()); });
  member("has_leader", "1 where the local member sees a leader.",
         [](EtcdMemberFacts const& m) { return truth(!m.leader.empty()); });
  member("is_leader", "1 where the local member leads.",
         [](EtcdMemberFacts const& m) { return truth(!m.leader.empty() && m.leader == m.name); });
  member("is_learner", "1 where the local member does not vote yet.",
         [](EtcdMemberFacts const& m) { return truth(m.learner); });
  member("voters", "Voting members that are listed.",
         [](EtcdMemberFacts const& m) { return fmt::to_string(m.voters); });
  member("healthy_voters", "Of those, the ones that answer and see a leader.",
         [](EtcdMemberFacts const& m) { return fmt::to_string(m.healthy_voters); });
  member("db_size_bytes", "Size of the local member's database file.",
         [](EtcdMemberFacts const& m) { return fmt::to_string(m.db_size); });
  member("db_quota_bytes", "Size at which etcd accepts no more writes.",
         [](EtcdMemberFacts const& m) { return fmt::to_string(m.db_quota); });
  member("db_quota_used_ratio", "Database size as a part of the quota.",
         [](EtcdMemberFacts const& m) -> std::optional<std::string> {
           if (m.db_quota == 0) return std::nullopt;
           return fmt::format("{:.6f}",
                              static_cast<double>(m.db_size) / static_cast<double>(m.db_quota));
         });

  auto health = [&](std::string name, std::string_view help,
                    std::optional<double> EtcdHealthFacts::* value) {
    of_part(page, clusters, &EtcdStatus::health, "haagent_etcd_" + std::move(name), "gauge", help,
            [value](EtcdHealthFacts const& h) { return figure(h.*value); });
  };
  health("wal_fsync_p99_seconds", "99 % of the WAL syncs of the last minutes were faster.",
         &EtcdHealthFacts::wal_fsync);
  health("backend_commit_p99_seconds",
         "99 % of the backend commits of the last minutes were faster.",
         &EtcdHealthFacts::backend_commit);
  health("peer_round_trip_p99_seconds",
         "99 % of the round trips to the slowest peer in the last minutes were faster.",
         &EtcdHealthFacts::round_trip);

  auto timing = [&](std::string name, std::string_view help, auto value) {
    of_part(page, clusters, &EtcdStatus::timing, "haagent_etcd_" + std::move(name), "gauge", help,
            value);
  };
  timing("heartbeat_seconds", "The heartbeat that the local member was started with.",
         [](EtcdTimingFacts const& t) { return seconds(t.heartbeat); });
  timing("next_heartbeat_seconds", "The heartbeat that it takes at its next start.",
         [](EtcdTimingFacts const& t) { return seconds(t.next_heartbeat); });
  timing("member_round_trip_seconds",
         "The average round trip between the two members that are farthest apart.",
         [](EtcdTimingFacts const& t) { return figure(t.round_trip); });
}

void add_backups(Page& page, std::vector<EtcdStatus> const& clusters, UtcTime now) {
  auto backup = [&](std::string name, std::string_view type, std::string_view help, auto value) {
    of_part(page, clusters, &EtcdStatus::backup, "haagent_etcd_" + std::move(name), type, help,
            value);
  };
  auto when = [](std::optional<UtcTime> time) -> std::optional<std::string> {
    if (!time) return std::nullopt;
    return timestamp(*time);
  };
  backup("backup_newest_timestamp_seconds", "gauge",
         "When the newest backup in the state store was stored, by the store's clock, since 1970.",
         [&](EtcdBackupDuty const& b) { return when(b.newest); });
  backup("backup_age_seconds", "gauge", "The age of that backup.",
         [&](EtcdBackupDuty const& b) -> std::optional<std::string> {
           if (!b.newest) return std::nullopt;
           return seconds(between(*b.newest, now));
         });
  backup("backup_failing", "gauge", "1 where backups fail here since the last good one.",
         [](EtcdBackupDuty const& b) { return truth(b.failing_since.has_value()); });
  backup("backup_failing_since_timestamp_seconds", "gauge", "Since when they fail, since 1970.",
         [&](EtcdBackupDuty const& b) { return when(b.failing_since); });
  backup("backup_last_failure_timestamp_seconds", "gauge",
         "When a backup last failed here, since 1970.",
         [&](EtcdBackupDuty const& b) { return when(b.last_failure); });
  backup("backups_total", "counter", "Backups that were taken and verified here.",
         [](EtcdBackupDuty const& b) { return fmt::to_string(b.taken); });
  backup("backup_failures_total", "counter", "Backups that failed here.",
         [](EtcdBackupDuty const& b) { return fmt::to_string(b.failures); });
}

// The figures under the names that node_exporter gives them; `holds` says which of etcd's volumes
// it is, or that it is the node's.
void add_filesystems(Page& page, StatusReport const& report) {
  std::vector<std::pair<std::string, FilesystemFacts>> all;
  for (auto const& etcd : report.etcd)
    if (etcd.space) all.emplace_back(fmt::format("etcd-{}", to_string(etcd.cluster)), *etcd.space);
  for (auto const& each : report.filesystems) all.emplace_back("node", each);
  auto figure = [&](std::string name, std::string_view help, std::uint64_t FilesystemFacts::* value,
                    bool counts_inodes) {
    page.family("haagent_filesystem_" + std::move(name), "gauge", help);
    for (auto const& [holds, each] : all)
      if (!counts_inodes || each.inodes != 0)
        page.sample({{"mountpoint", each.mount_point}, {"holds", holds}},
                    fmt::to_string(each.*value));
  };
  figure("size_bytes", "Size of the filesystem.", &FilesystemFacts::size, false);
  figure("avail_bytes", "Bytes of it that are free for everybody.", &FilesystemFacts::avail, false);
  figure("files", "Inodes of the filesystem.", &FilesystemFacts::inodes, true);
  figure("files_free", "Inodes of it that are free.", &FilesystemFacts::inodes_free, true);
  figure("set_aside_bytes",
         "Bytes of it that earlier data of etcd takes, kept when a member "
         "joined again.",
         &FilesystemFacts::set_aside, false);
  page.family("haagent_filesystem_state", "gauge", "1 for the state that the filesystem is in.");
  for (auto const& [holds, each] : all)
    for (auto const level : {SpaceLevel::ok, SpaceLevel::warning, SpaceLevel::critical})
      page.sample({{"mountpoint", each.mount_point}, {"holds", holds}, {"state", to_string(level)}},
                  truth(level == each.level));
}

// Prometheus' names for what EBS counts are those of the EBS CSI driver, which does not look at
// volumes that it does not mount.
void add_latencies(Page& page, std::vector<EtcdStatus> const& clusters, std::string_view what,
                   EbsLatencies EbsCounters::* latencies, std::uint64_t EbsCounters::* time) {
  auto const name = fmt::format("haagent_ebs_{}_io_latency_seconds", what);
  page.family(name, "histogram", fmt::format("How long {} operations of the volume took.", what));
  for (auto const& etcd : clusters) {
    if (!etcd.ebs || (etcd.ebs->counters.*latencies).bins.empty()) continue;
    auto const cluster = to_string(etcd.cluster);
    std::uint64_t count = 0;
    for (auto const& bin : (etcd.ebs->counters.*latencies).bins) {
      count += bin.count;
      if (bin.up_to != EbsLatencies::kAny)
        page.sample("_bucket",
                    {{"etcd", cluster}, {"volume_id", etcd.volume_id}, {"le", micros(bin.up_to)}},
                    fmt::to_string(count));
    }
    page.sample("_bucket", {{"etcd", cluster}, {"volume_id", etcd.volume_id}, {"le", "+Inf"}},
                fmt::to_string(count));
    page.sample("_sum", {{"etcd", cluster}, {"volume_id", etcd.volume_id}},
                micros(etcd.ebs->counters.*time));
    page.sample("_count", {{"etcd", cluster}, {"volume_id", etcd.volume_id}},
                fmt::to_string(count));
  }
}

void add_ebs(Page& page, std::vector<EtcdStatus> const& clusters) {
  auto figure = [&](std::string name, std::string_view type, std::string_view help,
                    std::uint64_t EbsCounters::* value, bool is_time = false) {
    page.family("haagent_ebs_" + std::move(name), type, help);
    for (auto const& etcd : clusters)
      if (etcd.ebs)
        page.sample({{"etcd", to_string(etcd.cluster)}, {"volume_id", etcd.volume_id}},
                    is_time ? micros(etcd.ebs->counters.*value)
                            : fmt::to_string(etcd.ebs->counters.*value));
  };
  auto count = [&](std::string name, std::string_view help, std::uint64_t EbsCounters::* value) {
    figure(std::move(name), "counter", help, value);
  };
  auto time = [&](std::string name, std::string_view help, std::uint64_t EbsCounters::* value) {
    figure(std::move(name), "counter", help, value, true);
  };
  count("read_ops_total", "Read operations of the volume, by EBS.", &EbsCounters::read_ops);
  count("write_ops_total", "Write operations of the volume, by EBS.", &EbsCounters::write_ops);
  count("read_bytes_total", "Bytes read from the volume, by EBS.", &EbsCounters::read_bytes);
  count("write_bytes_total", "Bytes written to the volume, by EBS.", &EbsCounters::write_bytes);
  time("read_seconds_total", "Time that all read operations took.", &EbsCounters::read_time);
  time("write_seconds_total", "Time that all write operations took.", &EbsCounters::write_time);
  time("exceeded_iops_seconds_total", "Time in which more IOPS were asked for than the volume has.",
       &EbsCounters::volume_exceeded_iops);
  time("exceeded_tp_seconds_total",
       "Time in which more throughput was asked for than the volume has.",
       &EbsCounters::volume_exceeded_throughput);
  time("ec2_exceeded_iops_seconds_total",
       "Time in which more IOPS were asked for than the instance has for all volumes.",
       &EbsCounters::instance_exceeded_iops);
  time("ec2_exceeded_tp_seconds_total",
       "Time in which more throughput was asked for than the instance has for all volumes.",
       &EbsCounters::instance_exceeded_throughput);
  figure("volume_queue_length", "gauge", "Operations of the volume that wait.",
         &EbsCounters::queue_length);
  add_latencies(page, clusters, "read", &EbsCounters::read_latencies, &EbsCounters::read_time);
  add_latencies(page, clusters, "write", &EbsCounters::write_latencies, &EbsCounters::write_time);
}

void add_calls(Page& page, aws::CallCounts::Page const& calls) {
  page.family("haagent_aws_requests_total", "counter",
              "Requests that were sent to AWS, by what came of each.");
  std::map<std::string_view, std::uint64_t> throttles;
  for (auto const& [of, count] : calls.requests) {
    page.sample({{"service", of.service}, {"action", of.action}, {"result", to_string(of.result)}},
                fmt::to_string(count));
    throttles[of.service] += of.result == aws::CallResult::throttled ? count : 0;
  }
  // From the first request on, so that an increase is seen from 0.
  page.family("haagent_aws_throttles_total", "counter",
              "Of these, the ones that AWS refused because it is asked too often.");
  for (auto const& [service, count] : throttles)
    page.sample({{"service", service}}, fmt::to_string(count));
  page.family("haagent_aws_retries_total", "counter",
              "Of these, the ones that were sent again within one call.");
  for (auto const& [service, unused] : throttles) {
    auto const retries = calls.retries.find(std::string(service));
    page.sample({{"service", service}},
                fmt::to_string(retries == calls.retries.end() ? 0 : retries->second));
  }
}

}  // namespace

std::string metrics_text(StatusReport const& report, UtcTime now,
                         aws::CallCounts::Page const& calls) {
  Page page;
  add_node(page, report, now);
  add_etcd(page, report.etcd);
  add_backups(page, report.etcd, store_time(report, now));
  add_clock(page, report.clock);
  add_filesystems(page, report);
  add_ebs(page, report.etcd);
  add_certificates(page, report.pki);
  add_joins(page, report);
  add_kubelet(page, report.kubelet);
  add_addons(page, report.addons);
  add_calls(page, calls);
  return page.take();
}

}  // namespace haagent
