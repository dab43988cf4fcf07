#include "agent/status/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "agent/base/clock.h"
#include "agent/base/critical_path.h"
#include "agent/base/tree.h"

namespace haagent {
namespace {

// One member of a struct of strings: its key and where it lives. Reading and writing share the
// table, so that they cannot drift apart.
template <class T>
struct TextMember {
  char const* key;
  std::string T::* member;
};

constexpr std::array kIdentity = {
    TextMember<Identity>{"instanceId", &Identity::instance_id},
    TextMember<Identity>{"instanceType", &Identity::instance_type},
    TextMember<Identity>{"imageId", &Identity::image_id},
    TextMember<Identity>{"accountId", &Identity::account_id},
    TextMember<Identity>{"region", &Identity::region},
    TextMember<Identity>{"zone", &Identity::zone},
    TextMember<Identity>{"zoneId", &Identity::zone_id},
    TextMember<Identity>{"partition", &Identity::partition},
    TextMember<Identity>{"domain", &Identity::domain},
    TextMember<Identity>{"address", &Identity::address},
    TextMember<Identity>{"ipv4", &Identity::ipv4},
    TextMember<Identity>{"ipv6", &Identity::ipv6},
    TextMember<Identity>{"hostname", &Identity::hostname},
    TextMember<Identity>{"architecture", &Identity::architecture},
    TextMember<Identity>{"pendingTime", &Identity::pending_time},
};
constexpr std::array kEtcd = {
    TextMember<EtcdStatus>{"volumeId", &EtcdStatus::volume_id},
    TextMember<EtcdStatus>{"deviceName", &EtcdStatus::device_name},
    TextMember<EtcdStatus>{"device", &EtcdStatus::device},
    TextMember<EtcdStatus>{"mountPoint", &EtcdStatus::mount_point},
};
constexpr std::array kMember = {
    TextMember<EtcdMemberFacts>{"name", &EtcdMemberFacts::name},
    TextMember<EtcdMemberFacts>{"memberId", &EtcdMemberFacts::member_id},
    TextMember<EtcdMemberFacts>{"clusterId", &EtcdMemberFacts::cluster_id},
    TextMember<EtcdMemberFacts>{"version", &EtcdMemberFacts::version},
    TextMember<EtcdMemberFacts>{"leader", &EtcdMemberFacts::leader},
};
constexpr std::pair<char const*, std::optional<double> EtcdHealthFacts::*> kHealth[] = {
    {"walFsyncSeconds", &EtcdHealthFacts::wal_fsync},
    {"backendCommitSeconds", &EtcdHealthFacts::backend_commit},
    {"roundTripSeconds", &EtcdHealthFacts::round_trip},
};
constexpr std::pair<char const*, std::uint64_t EbsCounters::*> kEbs[] = {
    {"readOps", &EbsCounters::read_ops},
    {"writeOps", &EbsCounters::write_ops},
    {"readBytes", &EbsCounters::read_bytes},
    {"writeBytes", &EbsCounters::write_bytes},
    {"readMicroseconds", &EbsCounters::read_time},
    {"writeMicroseconds", &EbsCounters::write_time},
    {"volumeExceededIopsMicroseconds", &EbsCounters::volume_exceeded_iops},
    {"volumeExceededThroughputMicroseconds", &EbsCounters::volume_exceeded_throughput},
    {"instanceExceededIopsMicroseconds", &EbsCounters::instance_exceeded_iops},
    {"instanceExceededThroughputMicroseconds", &EbsCounters::instance_exceeded_throughput},
    {"queueLength", &EbsCounters::queue_length},
};
constexpr std::pair<char const*, std::uint64_t EbsExceeded::*> kEbsRecently[] = {
    {"volumeIopsMicroseconds", &EbsExceeded::volume_iops},
    {"volumeThroughputMicroseconds", &EbsExceeded::volume_throughput},
    {"instanceIopsMicroseconds", &EbsExceeded::instance_iops},
    {"instanceThroughputMicroseconds", &EbsExceeded::instance_throughput},
};
constexpr std::array kReport = {
    TextMember<StatusReport>{"version", &StatusReport::version},
    TextMember<StatusReport>{"bootId", &StatusReport::boot_id},
    TextMember<StatusReport>{"role", &StatusReport::role},
    TextMember<StatusReport>{"cluster", &StatusReport::cluster},
    TextMember<StatusReport>{"endpoint", &StatusReport::endpoint},
    TextMember<StatusReport>{"kubernetes", &StatusReport::kubernetes},
};

template <class Members, class T>
void write_texts(Tree& tree, Members const& members, T const& from) {
  for (auto const& each : members) tree[each.key] = from.*each.member;
}

template <class Members, class T>
void read_texts(Tree const& tree, Members const& members, T& to) {
  for (auto const& each : members) to.*each.member = tree.text_at(each.key);
}

void write_time(Tree& tree, char const* key, std::optional<UtcTime> time) {
  if (time) tree[key] = to_rfc3339(*time, /*milliseconds=*/true);
}

std::optional<UtcTime> read_time(Tree const& tree, char const* key) {
  return parse_rfc3339(tree.text_at(key));
}

// Nothing on the page is below zero; what is, or what T cannot hold, reads as zero.
template <class T>
T read_number(Tree const& tree, char const* key) {
  auto const* found = tree.find(key);
  auto number = found ? found->as_unsigned() : std::nullopt;
  return number && std::in_range<T>(*number) ? static_cast<T>(*number) : T{};
}

void write_message(Tree& tree, Message const& message) {
  tree["reason"] = to_string(message.reason);
  tree["subject"] = message.subject;
  tree["message"] = message.text;
  tree["advice"] = message.advice;
}

// An older haagent wrote "what".
Message message_from(Tree const& tree) {
  return Message(parse_reason(tree.text_at("reason")).value_or(Reason::InternalError),
                 tree.text_at(tree.find("message") ? "message" : "what"), tree.text_at("advice"))
      .about(tree.text_at("subject"));
}

Tree progress_tree(Progress const& progress) {
  auto tree = Tree::map({{"what", progress.what},
                         {"unit", to_string(progress.unit)},
                         {"done", progress.done},
                         {"total", progress.total},
                         {"from", progress.from}});
  write_time(tree, "began", progress.began);
  return tree;
}

std::optional<Progress> progress_from(Tree const& tree) {
  auto const unit = parse_progress_unit(tree.text_at("unit"));
  auto const began = read_time(tree, "began");
  Progress const progress{.what = tree.text_at("what"),
                          .unit = unit.value_or(Progress::Unit::bytes),
                          .done = read_number<std::uint64_t>(tree, "done"),
                          .total = read_number<std::uint64_t>(tree, "total"),
                          .from = read_number<std::uint64_t>(tree, "from"),
                          .began = began.value_or(UtcTime{})};
  bool const sound = unit && began && progress.total > 0 && progress.done <= progress.total &&
                     progress.from <= progress.done;
  return sound ? std::optional(progress) : std::nullopt;
}

Tree row_tree(RowStatus const& row) {
  Tree tree = Tree::map({{"name", row.name}, {"state", to_string(row.state)}});
  write_message(tree, row.message);
  if (row.error) tree["error"] = to_string(*row.error);
  tree["after"] = Tree::list();
  for (auto const& name : row.after) tree["after"].push_back(name);
  tree["attempts"] = row.attempts;
  tree["acts"] = row.acts;
  if (row.progress) tree["progress"] = progress_tree(*row.progress);
  write_time(tree, "since", row.since);
  write_time(tree, "began", row.began);
  write_time(tree, "finished", row.finished);
  tree["ownMilliseconds"] = static_cast<std::int64_t>(row.own.count());
  tree["outsideMilliseconds"] = static_cast<std::int64_t>(row.outside.count());
  return tree;
}

RowStatus row_from(Tree const& tree) {
  using State = RowStatus::State;
  RowStatus row;
  row.name = tree.text_at("name");
  row.state = State::failed;
  for (auto state : {State::blocked, State::looking, State::acting, State::waiting, State::retrying,
                     State::done, State::drifted, State::failed, State::refused}) {
    if (tree.text_at("state") == to_string(state)) row.state = state;
  }
  row.message = message_from(tree);
  row.error = parse_kind(tree.text_at("error"));
  if (auto const* after = tree.find("after")) {
    for (auto const& name : after->items()) row.after.push_back(name.text());
  }
  row.attempts = read_number<int>(tree, "attempts");
  row.acts = read_number<int>(tree, "acts");
  row.since = read_time(tree, "since").value_or(UtcTime{});
  if (auto const* progress = tree.find("progress")) row.progress = progress_from(*progress);
  row.began = read_time(tree, "began");
  row.finished = read_time(tree, "finished");
  row.own = Duration(read_number<std::int64_t>(tree, "ownMilliseconds"));
  row.outside = Duration(read_number<std::int64_t>(tree, "outsideMilliseconds"));
  return row;
}

// Seconds as a text: a Tree's numbers are whole.
void write_figure(Tree& tree, char const* key, std::optional<double> value) {
  if (value) tree[key] = fmt::format("{:.6f}", *value);
}

std::optional<double> read_figure(Tree const& tree, char const* key) {
  auto const text = tree.text_at(key);
  double value = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() ||
      !std::isfinite(value) || value < 0)
    return std::nullopt;
  return value;
}

Tree filesystem_tree(FilesystemFacts const& filesystem) {
  Tree tree = Tree::map({{"mountPoint", filesystem.mount_point},
                         {"state", to_string(filesystem.level)},
                         {"sizeBytes", filesystem.size},
                         {"availBytes", filesystem.avail}});
  if (filesystem.inodes != 0) {
    tree["inodes"] = filesystem.inodes;
    tree["inodesFree"] = filesystem.inodes_free;
  }
  if (filesystem.set_aside != 0) tree["setAsideBytes"] = filesystem.set_aside;
  if (!filesystem.message.empty()) tree["what"] = filesystem.message;
  if (!filesystem.subject.empty()) tree["subject"] = filesystem.subject;
  return tree;
}

FilesystemFacts filesystem_from(Tree const& tree) {
  FilesystemFacts filesystem{.mount_point = tree.text_at("mountPoint"),
                             .size = read_number<std::uint64_t>(tree, "sizeBytes"),
                             .avail = read_number<std::uint64_t>(tree, "availBytes"),
                             .inodes = read_number<std::uint64_t>(tree, "inodes"),
                             .inodes_free = read_number<std::uint64_t>(tree, "inodesFree"),
                             .set_aside = read_number<std::uint64_t>(tree, "setAsideBytes"),
                             .message = tree.text_at("what"),
                             .subject = tree.text_at("subject")};
  for (auto const level : {SpaceLevel::ok, SpaceLevel::warning, SpaceLevel::critical})
    if (tree.text_at("state") == to_string(level)) filesystem.level = level;
  return filesystem;
}

Tree ebs_tree(EbsFacts const& ebs) {
  auto tree = Tree::map();
  for (auto const& [key, member] : kEbs) tree[key] = ebs.counters.*member;
  auto& recently = tree["recently"];
  recently["windowMilliseconds"] = std::int64_t{ebs.recently.window.count()};
  for (auto const& [key, member] : kEbsRecently) recently[key] = ebs.recently.*member;
  return tree;
}

EbsFacts ebs_from(Tree const& tree) {
  EbsFacts ebs;
  for (auto const& [key, member] : kEbs)
    ebs.counters.*member = read_number<std::uint64_t>(tree, key);
  if (auto const* found = tree.find("recently")) {
    ebs.recently.window = Duration(read_number<Duration::rep>(*found, "windowMilliseconds"));
    for (auto const& [key, member] : kEbsRecently)
      ebs.recently.*member = read_number<std::uint64_t>(*found, key);
  }
  return ebs;
}

void write_duties(Tree& tree, EtcdStatus const& etcd) {
  if (etcd.ebs) tree["ebs"] = ebs_tree(*etcd.ebs);
  if (etcd.limited) write_message(tree["limited"], *etcd.limited);
  if (etcd.space) tree["filesystem"] = filesystem_tree(*etcd.space);
  if (etcd.health) {
    auto& health = tree["health"];
    health = Tree::map({});
    for (auto const& [key, member] : kHealth) write_figure(health, key, (*etcd.health).*member);
  }
  if (etcd.timing) {
    auto& timing = tree["timing"];
    timing["heartbeatMilliseconds"] = std::int64_t{etcd.timing->heartbeat.count()};
    timing["nextHeartbeatMilliseconds"] = std::int64_t{etcd.timing->next_heartbeat.count()};
    write_figure(timing, "roundTripSeconds", etcd.timing->round_trip);
  }
  if (etcd.log) {
    auto& log = tree["log"];
    log["clusterId"] = fmt::format("{:x}", etcd.log->cluster_id);
    log["lastTerm"] = etcd.log->term;
    log["lastEntry"] = etcd.log->index;
    log["committedEntry"] = etcd.log->committed;
  }
  if (etcd.copy) {
    tree["copy"]["of"] = etcd.copy->of;
    write_time(tree["copy"], "lastWritten", etcd.copy->written);
    if (etcd.copy->revision != 0) tree["copy"]["revision"] = etcd.copy->revision;
  }
  if (etcd.blank) tree["blank"] = true;
  if (etcd.backup) {
    auto& backup = tree["backup"];
    backup["taken"] = etcd.backup->taken;
    backup["failures"] = etcd.backup->failures;
    write_time(backup, "newest", etcd.backup->newest);
    write_time(backup, "failingSince", etcd.backup->failing_since);
    write_time(backup, "lastFailure", etcd.backup->last_failure);
    if (!etcd.backup->failure.empty()) backup["failure"] = etcd.backup->failure;
  }
}

void read_duties(Tree const& tree, EtcdStatus& etcd) {
  if (auto const* found = tree.find("ebs")) etcd.ebs = ebs_from(*found);
  if (auto const* found = tree.find("limited")) etcd.limited = message_from(*found);
  if (auto const* found = tree.find("filesystem")) etcd.space = filesystem_from(*found);
  if (auto const* found = tree.find("health")) {
    etcd.health.emplace();
    for (auto const& [key, member] : kHealth) (*etcd.health).*member = read_figure(*found, key);
  }
  if (auto const* found = tree.find("timing")) {
    etcd.timing = EtcdTimingFacts{
        .heartbeat = Duration(read_number<Duration::rep>(*found, "heartbeatMilliseconds")),
        .next_heartbeat = Duration(read_number<Duration::rep>(*found, "nextHeartbeatMilliseconds")),
        .round_trip = read_figure(*found, "roundTripSeconds")};
  }
  if (auto const* found = tree.find("log")) {
    etcd.log = EtcdLogEnd{.term = read_number<std::uint64_t>(*found, "lastTerm"),
                          .index = read_number<std::uint64_t>(*found, "lastEntry"),
                          .committed = read_number<std::uint64_t>(*found, "committedEntry")};
    auto const id = found->text_at("clusterId");
    std::from_chars(id.data(), id.data() + id.size(), etcd.log->cluster_id, 16);
  }
  if (auto const* found = tree.find("copy"))
    etcd.copy = EtcdCopy{.of = found->text_at("of"),
                         .written = read_time(*found, "lastWritten").value_or(UtcTime{}),
                         .revision = read_number<std::uint64_t>(*found, "revision")};
  if (auto const* found = tree.find("blank")) etcd.blank = found->as_boolean().value_or(false);
  if (auto const* found = tree.find("backup")) {
    etcd.backup = EtcdBackupDuty{.newest = read_time(*found, "newest"),
                                 .failing_since = read_time(*found, "failingSince"),
                                 .last_failure = read_time(*found, "lastFailure"),
                                 .failure = found->text_at("failure"),
                                 .taken = read_number<std::uint64_t>(*found, "taken"),
                                 .failures = read_number<std::uint64_t>(*found, "failures")};
  }
}

Tree etcd_tree(EtcdStatus const& etcd) {
  Tree tree = Tree::map({{"cluster", to_string(etcd.cluster)}});
  write_texts(tree, kEtcd, etcd);
  if (etcd.member) {
    auto& member = tree["member"];
    write_texts(member, kMember, *etcd.member);
    member["learner"] = etcd.member->learner;
    member["voters"] = etcd.member->voters;
    member["healthyVoters"] = etcd.member->healthy_voters;
    member["silentVoters"] = Tree::list(
        std::vector<Tree>(etcd.member->silent_voters.begin(), etcd.member->silent_voters.end()));
    member["dbSize"] = etcd.member->db_size;
    member["dbQuota"] = etcd.member->db_quota;
  }
  write_duties(tree, etcd);
  return tree;
}

EtcdStatus etcd_from(Tree const& tree) {
  EtcdStatus etcd;
  etcd.cluster = tree.text_at("cluster") == "events" ? EtcdCluster::events : EtcdCluster::main;
  read_texts(tree, kEtcd, etcd);
  if (auto const* found = tree.find("member")) {
    EtcdMemberFacts member;
    read_texts(*found, kMember, member);
    member.learner = found->text_at("learner") == "true";
    member.voters = read_number<int>(*found, "voters");
    member.healthy_voters = read_number<int>(*found, "healthyVoters");
    if (auto const* silent = found->find("silentVoters"))
      for (auto const& name : silent->items()) member.silent_voters.push_back(name.text());
    member.db_size = read_number<std::uint64_t>(*found, "dbSize");
    member.db_quota = read_number<std::uint64_t>(*found, "dbQuota");
    etcd.member = std::move(member);
  }
  read_duties(tree, etcd);
  return etcd;
}

Tree joins_tree(JoinFacts const& joins) {
  Tree tree = Tree::map({});
  for (auto const& [reason, times] : joins.decisions) tree["decisions"][reason] = times;
  tree["waiting"] = Tree::list();
  for (auto const& each : joins.waiting) {
    auto one = Tree::map({{"instanceId", each.instance_id},
                          {"address", each.address},
                          {"reason", to_string(each.message.reason)},
                          {"message", each.message.text},
                          {"advice", each.message.advice},
                          {"proven", each.proven}});
    write_time(one, "at", each.at);
    tree["waiting"].push_back(std::move(one));
  }
  return tree;
}

JoinFacts joins_from(Tree const& tree) {
  JoinFacts joins;
  if (auto const* decisions = tree.find("decisions"))
    for (auto const& entry : decisions->entries())
      joins.decisions[entry.key] = read_number<std::uint64_t>(*decisions, entry.key.c_str());
  if (auto const* waiting = tree.find("waiting"))
    for (auto const& each : waiting->items())
      joins.waiting.push_back(
          {.instance_id = each.text_at("instanceId"),
           .address = each.text_at("address"),
           .message = Message(parse_reason(each.text_at("reason")).value_or(Reason::InternalError),
                              each.text_at("message"), each.text_at("advice")),
           .at = read_time(each, "at").value_or(UtcTime{}),
           .proven = each.text_at("proven") == "true"});
  return joins;
}

Tree addon_tree(AddonFacts const& addon) {
  auto tree = Tree::map({{"name", addon.name},
                         {"state", addon.state},
                         {"objects", addon.objects},
                         {"drifted", addon.drifted},
                         {"conflicted", addon.conflicted},
                         {"rejected", addon.rejected}});
  write_time(tree, "inSync", addon.in_sync);
  return tree;
}

AddonFacts addon_from(Tree const& tree) {
  return {.name = tree.text_at("name"),
          .state = tree.text_at("state"),
          .objects = read_number<std::uint64_t>(tree, "objects"),
          .drifted = read_number<std::uint64_t>(tree, "drifted"),
          .conflicted = read_number<std::uint64_t>(tree, "conflicted"),
          .rejected = read_number<std::uint64_t>(tree, "rejected"),
          .in_sync = read_time(tree, "inSync")};
}

}  // namespace

Tree to_tree(StatusReport const& report) {
  Tree tree = Tree::map({{"schema", kStatusSchema}, {"phase", to_string(phase_of(report))}});
  write_texts(tree, kReport, report);
  tree["pid"] = static_cast<std::int64_t>(report.pid);
  tree["pidStart"] = report.pid_start;
  tree["stays"] = report.stays;
  write_time(tree, "started", report.started);
  write_time(tree, "booted", report.booted);
  if (report.boot_took) tree["bootMilliseconds"] = report.boot_took->count();
  if (report.warm) tree.set("warm", true);
  if (!report.handing_over.empty()) tree.set("handing_over", report.handing_over);
  if (report.handed_over) tree.set("handed_over", true);
  if (report.identity) write_texts(tree["identity"], kIdentity, *report.identity);
  tree["etcd"] = Tree::list();
  for (auto const& etcd : report.etcd) tree["etcd"].push_back(etcd_tree(etcd));
  if (report.backup_interval)
    tree["backupIntervalMilliseconds"] = std::int64_t{report.backup_interval->count()};
  tree["peers"] = Tree::list();
  for (auto const& peer : report.peers) {
    tree["peers"].push_back(Tree::map({{"member", peer.member}, {"address", peer.address}}));
  }
  tree["filesystems"] = Tree::list();
  for (auto const& each : report.filesystems) tree["filesystems"].push_back(filesystem_tree(each));
  if (report.clock) {
    auto& clock = tree["clock"];
    clock["against"] = report.clock->against;
    clock["wrong"] = report.clock->wrong;
    if (report.clock->ahead) clock["aheadMilliseconds"] = report.clock->ahead->count();
  }
  if (!report.joins.decisions.empty()) tree["joins"] = joins_tree(report.joins);
  if (report.kubelet)
    tree["kubelet"]["restarts"] =
        Tree::map({{"certificate", report.kubelet->restarts_for_certificate},
                   {"health", report.kubelet->restarts_for_health}});
  if (report.addons) {
    tree["addons"] = Tree::list();
    for (auto const& each : *report.addons) tree["addons"].push_back(addon_tree(each));
  }
  tree["certificates"] = Tree::list();
  for (auto const& each : report.pki.certificates) {
    auto& one = tree["certificates"];
    one.push_back(Tree::map({{"name", each.name},
                             {"notAfter", to_rfc3339(each.not_after)},
                             {"renewAt", to_rfc3339(each.renew_at)},
                             {"authority", each.authority}}));
  }
  if (!report.pki.warning.empty()) tree["certificateWarning"] = report.pki.warning;
  if (!report.pki.lacks.empty()) tree["rotationLacks"] = report.pki.lacks;
  tree["criticalPath"] = Tree::list();
  for (auto const& name : report.boot_took ? report.boot_path : critical_path(report.rows))
    tree["criticalPath"].push_back(name);
  tree["steps"] = Tree::list();
  for (auto const& row : report.rows) tree["steps"].push_back(row_tree(row));
  return tree;
}

Result<StatusReport> status_from_tree(Tree const& tree) {
  if (read_number<int>(tree, "schema") != kStatusSchema) {
    return fail(Kind::invalid,
                "the status file has schema '{}', this haagent reads {}; it was written by another "
                "version",
                tree.text_at("schema"), kStatusSchema);
  }
  StatusReport report;
  read_texts(tree, kReport, report);
  report.pid = read_number<pid_t>(tree, "pid");
  report.pid_start = read_number<std::uint64_t>(tree, "pidStart");
  report.stays = tree.text_at("stays") == "true";
  report.started = read_time(tree, "started").value_or(UtcTime{});
  report.booted = read_time(tree, "booted");
  if (tree.find("bootMilliseconds")) {
    report.boot_took = Duration(read_number<Duration::rep>(tree, "bootMilliseconds"));
    if (auto const* path = tree.find("criticalPath"))
      for (auto const& each : path->items()) report.boot_path.push_back(each.text());
  } else if (report.booted) {
    // An older haagent says no more than these.
    report.boot_took = std::max(
        Duration(0), std::chrono::duration_cast<Duration>(*report.booted - report.started));
  }
  report.handing_over = tree.text_at("handing_over");
  if (auto const* done = tree.find("handed_over"))
    report.handed_over = done->as_boolean().value_or(false);
  if (auto const* warm = tree.find("warm")) report.warm = warm->as_boolean().value_or(false);
  if (auto const* identity = tree.find("identity")) {
    report.identity.emplace();
    read_texts(*identity, kIdentity, *report.identity);
  }
  if (auto const* etcd = tree.find("etcd")) {
    for (auto const& each : etcd->items()) report.etcd.push_back(etcd_from(each));
  }
  if (tree.find("backupIntervalMilliseconds"))
    report.backup_interval =
        Duration(read_number<Duration::rep>(tree, "backupIntervalMilliseconds"));
  if (auto const* filesystems = tree.find("filesystems")) {
    for (auto const& each : filesystems->items())
      report.filesystems.push_back(filesystem_from(each));
  }
  if (auto const* peers = tree.find("peers")) {
    for (auto const& each : peers->items()) {
      report.peers.push_back({each.text_at("member"), each.text_at("address")});
    }
  }
  if (auto const* clock = tree.find("clock")) {
    report.clock = ClockFacts{.ahead = {},
                              .wrong = clock->text_at("wrong") == "true",
                              .against = clock->text_at("against")};
    if (clock->find("aheadMilliseconds"))
      report.clock->ahead = Duration(read_number<Duration::rep>(*clock, "aheadMilliseconds"));
  }
  if (auto const* joins = tree.find("joins")) report.joins = joins_from(*joins);
  if (auto const* restarts = tree.at_path("kubelet.restarts"))
    report.kubelet = KubeletFacts{
        .restarts_for_certificate = read_number<std::uint64_t>(*restarts, "certificate"),
        .restarts_for_health = read_number<std::uint64_t>(*restarts, "health")};
  if (auto const* addons = tree.find("addons")) {
    report.addons.emplace();
    for (auto const& each : addons->items()) report.addons->push_back(addon_from(each));
  }
  if (auto const* certificates = tree.find("certificates")) {
    for (auto const& each : certificates->items()) {
      report.pki.certificates.push_back(
          {.name = each.text_at("name"),
           .not_after = read_time(each, "notAfter").value_or(UtcTime{}),
           .renew_at = read_time(each, "renewAt").value_or(UtcTime{}),
           .authority = each.text_at("authority") == "true"});
    }
  }
  report.pki.warning = tree.text_at("certificateWarning");
  report.pki.lacks = tree.text_at("rotationLacks");
  if (auto const* steps = tree.find("steps")) {
    for (auto const& each : steps->items()) report.rows.push_back(row_from(each));
  }
  return report;
}

}  // namespace haagent
