#include "agent/status/metrics.h"

#include <gtest/gtest.h>

#include <charconv>
#include <map>
#include <optional>
#include <set>

#include "agent/base/json.h"
#include "agent/status/json.h"
#include "tests/support/golden.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;
using State = RowStatus::State;

UtcTime const kStart{1768472100s};  // 2026-01-15T10:15:00Z

RowStatus row(std::string name, State state, Duration since) {
  RowStatus made;
  made.name = std::move(name);
  made.state = state;
  made.since = kStart + since;
  made.acts = 2;
  return made;
}

StatusReport report() {
  StatusReport made;
  made.version = "1.2.3";
  made.role = "master";
  made.cluster = "prod.example.com";
  made.kubernetes = "1.33.2";
  made.started = kStart;
  made.booted = kStart + 3100ms;
  made.boot_took = 3100ms;
  made.identity = Identity{.instance_id = "i-0123456789abcdef0", .zone = "eu-west-1a"};
  made.rows = {row("etcd-main", State::done, 3100ms), row("backup-main", State::drifted, 4min)};
  EtcdMemberFacts member{.name = "etcd-a",
                         .leader = "etcd-a",
                         .voters = 3,
                         .healthy_voters = 2,
                         .db_size = 2ull << 30u,
                         .db_quota = 8ull << 30u};
  made.etcd = {
      {.cluster = EtcdCluster::main,
       .member = member,
       .health = EtcdHealthFacts{.wal_fsync = 0.0021, .backend_commit = 0.0123, .round_trip = {}},
       .timing = EtcdTimingFacts{.heartbeat = 100ms, .next_heartbeat = 150ms, .round_trip = 0.083},
       .backup = EtcdBackupDuty{.newest = kStart - 40min,
                                .failing_since = kStart + 4min,
                                .last_failure = kStart + 4min,
                                .failure = "the bucket is gone",
                                .taken = 7,
                                .failures = 2}},
      {.cluster = EtcdCluster::events}};
  made.addons = {{.name = "core", .state = "InSync", .objects = 1, .in_sync = kStart + 60s},
                 {.name = "coredns",
                  .state = "Rejected",
                  .objects = 7,
                  .drifted = 3,
                  .conflicted = 1,
                  .rejected = 2,
                  .in_sync = kStart},
                 {.name = "web", .state = "Failed"}};
  made.etcd[0].space = FilesystemFacts{.mount_point = "/var/lib/haagent-etcd/main",
                                       .size = 20ull << 30u,
                                       .avail = 1ull << 20u,
                                       .inodes = 80'000,
                                       .inodes_free = 79'990,
                                       .set_aside = 3ull << 30u,
                                       .level = SpaceLevel::critical};
  made.filesystems = {{.mount_point = "/", .size = 40ull << 30u, .avail = 20ull << 30u}};
  made.pki.certificates = {
      {.name = "etcd/ca",
       .not_after = kStart + 87600h,
       .renew_at = kStart + 87600h,
       .authority = true},
      {.name = "etcd/server", .not_after = kStart + 8760h, .renew_at = kStart + 5840h}};
  return made;
}

// The same, with every family that there is: the golden page is what alerts and dashboards may
// name.
StatusReport whole_report() {
  auto made = report();
  made.rows[1].message = Message(Reason::BackupFailing, "the bucket is gone", "make it again");
  made.etcd[0].health->round_trip = 0.0031;
  made.clock = ClockFacts{.ahead = 120ms, .wrong = false, .against = "s3://b"};
  made.joins.decisions = {{"JoinGranted", 12}};
  made.kubelet = KubeletFacts{.restarts_for_certificate = 1, .restarts_for_health = 0};
  made.etcd[0].volume_id = "vol-0a1b";
  made.etcd[0].ebs =
      EbsFacts{.counters = {.read_ops = 100,
                            .write_ops = 9'000,
                            .read_bytes = 409'600,
                            .write_bytes = 36'864'000,
                            .read_time = 60'000,
                            .write_time = 7'200'050,
                            .volume_exceeded_iops = 45'000'000,
                            .volume_exceeded_throughput = 1'200'000,
                            .instance_exceeded_throughput = 1,
                            .queue_length = 3,
                            .read_latencies = {{{512, 60}, {1024, 40}}},
                            .write_latencies = {{{1024, 8'999}, {EbsLatencies::kAny, 1}}}},
               .recently = {.window = 5min, .volume_iops = 7}};
  made.etcd[0].limited =
      Message(Reason::VolumeAtLimit, "is slow", "give it more").about("IOPS of vol-0a1b");
  return made;
}

aws::CallCounts::Page whole_calls() {
  aws::CallCounts counts;
  counts.count("ec2", "DescribeVolumes", aws::CallResult::ok);
  return counts.page();
}

// The text format as Prometheus' own parser takes it, and the rules of promtool's check.
struct Parsed {
  std::map<std::string, std::string> types;   // by family
  std::map<std::string, std::string> values;  // by name and labels
  std::vector<std::string> problems;
};

bool is_name(std::string_view text) {
  constexpr std::string_view kFirst = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_:";
  return !text.empty() && kFirst.contains(text.front()) &&
         text.find_first_not_of(std::string(kFirst) + "0123456789") == text.npos;
}

// Samples of a histogram have names of their own.
bool is_of(std::string const& name, std::string const& family,
           std::map<std::string, std::string> const& types) {
  auto const type = types.find(family);
  if (type == types.end()) return false;
  if (type->second != "histogram") return name == family;
  return name == family + "_bucket" || name == family + "_sum" || name == family + "_count";
}

Parsed parse(std::string_view text) {
  Parsed parsed;
  auto wrong = [&](std::string_view line, std::string_view why) {
    parsed.problems.push_back(std::string(why) + ": " + std::string(line));
  };
  if (!text.ends_with('\n'))
    wrong(text.substr(text.size() - std::min<std::size_t>(20, text.size())), "no end");
  std::set<std::string> helped, ended;
  std::string family;
  while (!text.empty()) {
    auto const line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.starts_with("# HELP ") || line.starts_with("# TYPE ")) {
      auto const rest = line.substr(7);
      auto const name = std::string(rest.substr(0, rest.find(' ')));
      auto const words = rest.substr(std::min(rest.size(), name.size() + 1));
      if (!is_name(name) || words.empty()) wrong(line, "no name or no words");
      if (line[2] == 'H') {
        if (!helped.insert(name).second) wrong(line, "a second HELP");
        if (!words.ends_with('.')) wrong(line, "no sentence");
        ended.insert(family);
        family = name;
      } else {
        if (name != family) wrong(line, "TYPE of another family");
        if (words != "gauge" && words != "counter" && words != "histogram")
          wrong(line, "no type of ours");
        if ((words == "counter") != name.ends_with("_total")) wrong(line, "counters end in _total");
        parsed.types[name] = words;
      }
      if (ended.contains(name)) wrong(line, "its samples do not stand together");
      continue;
    }
    auto const end = line.find_first_of("{ ");
    auto const name = std::string(line.substr(0, end));
    if (!is_of(name, family, parsed.types)) wrong(line, "a sample without a family");
    auto rest = line.substr(std::min(line.size(), name.size()));
    std::string key = name;
    if (rest.starts_with('{')) {
      std::set<std::string> labels;
      rest.remove_prefix(1);
      while (!rest.empty() && rest.front() != '}') {
        auto const equals = rest.find("=\"");
        if (equals == rest.npos) break;
        auto const label = std::string(rest.substr(0, equals));
        if (!is_name(label) || label.contains(':') || !labels.insert(label).second)
          wrong(line, "labels");
        rest.remove_prefix(equals + 2);
        std::string value;
        for (; !rest.empty() && rest.front() != '"'; rest.remove_prefix(1)) {
          if (rest.front() == '\\') {
            rest.remove_prefix(1);
            if (rest.empty() || !std::string_view("\\\"n").contains(rest.front())) {
              wrong(line, "an escape");
              break;
            }
            value += rest.front() == 'n' ? '\n' : rest.front();
          } else {
            value += rest.front();
          }
        }
        if (!rest.empty()) rest.remove_prefix(1);
        key += "," + label + "=" + value;
        if (rest.starts_with(',')) rest.remove_prefix(1);
      }
      if (!rest.starts_with('}')) wrong(line, "no closing brace");
      rest.remove_prefix(std::min<std::size_t>(rest.size(), 1));
    }
    if (!rest.starts_with(' ')) wrong(line, "no value");
    rest.remove_prefix(std::min<std::size_t>(rest.size(), 1));
    double value = 0;
    auto const [stop, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
    if (error != std::errc() || stop != rest.data() + rest.size()) wrong(line, "no number");
    if (!parsed.values.emplace(key, rest).second) wrong(line, "told twice");
  }
  return parsed;
}

TEST(Metrics, TheWholePage) {
  auto const text = metrics_text(whole_report(), kStart + 5min, whole_calls());
  EXPECT_TRUE(test::matches_golden("status/metrics.txt", text));
  EXPECT_EQ(parse(text).problems, std::vector<std::string>());
}

TEST(Metrics, ANodeThatHasJustBegunTellsWhatItKnows) {
  auto const parsed = parse(metrics_text({}, kStart));
  EXPECT_EQ(parsed.problems, std::vector<std::string>());
  EXPECT_EQ(parsed.values.at("haagent_phase,phase=working"), "1");
  EXPECT_FALSE(parsed.types.contains("haagent_etcd_backup_failing"));
}

TEST(Metrics, CallsOfAwsAreCountersByServiceActionAndResult) {
  aws::CallCounts counts;
  EXPECT_FALSE(parse(metrics_text(report(), kStart, counts.page()))
                   .types.contains("haagent_aws_requests_total"));
  using aws::CallResult;
  for (auto result : {CallResult::ok, CallResult::ok, CallResult::throttled})
    counts.count("ec2", "DescribeVolumes", result);
  counts.count("ec2", "AttachVolume", CallResult::throttled);
  counts.count("s3", "PutObject", CallResult::unavailable);
  counts.retried("s3");
  auto const parsed = parse(metrics_text(report(), kStart, counts.page()));
  EXPECT_EQ(parsed.problems, std::vector<std::string>());
  auto value = [&](std::string const& key) {
    auto const found = parsed.values.find("haagent_aws_" + key);
    return found == parsed.values.end() ? "none" : std::string(found->second);
  };
  EXPECT_EQ(parsed.types.at("haagent_aws_requests_total"), "counter");
  EXPECT_EQ(value("requests_total,service=ec2,action=DescribeVolumes,result=ok"), "2");
  EXPECT_EQ(value("requests_total,service=ec2,action=DescribeVolumes,result=throttled"), "1");
  EXPECT_EQ(value("requests_total,service=s3,action=PutObject,result=unavailable"), "1");
  EXPECT_EQ(value("throttles_total,service=ec2"), "2");
  EXPECT_EQ(value("throttles_total,service=s3"), "0");
  EXPECT_EQ(value("retries_total,service=s3"), "1");
  EXPECT_EQ(value("retries_total,service=ec2"), "0");
  EXPECT_EQ(value("throttles_total,service=autoscaling"), "none");
}

TEST(Metrics, WhatEbsCountsIsThereWhereItTellsItAndInSeconds) {
  EXPECT_FALSE(metrics_text(report(), kStart).contains("haagent_ebs")) << "absent, and not 0";
  auto const parsed = parse(metrics_text(whole_report(), kStart));
  EXPECT_EQ(parsed.problems, std::vector<std::string>());
  auto value = [&](std::string const& name, std::string const& more = "") {
    auto const found =
        parsed.values.find("haagent_ebs_" + name + ",etcd=main,volume_id=vol-0a1b" + more);
    return found == parsed.values.end() ? "none" : found->second;
  };
  EXPECT_EQ(value("write_ops_total"), "9000");
  EXPECT_EQ(value("exceeded_iops_seconds_total"), "45.000000");
  EXPECT_EQ(value("exceeded_tp_seconds_total"), "1.200000");
  EXPECT_EQ(value("ec2_exceeded_iops_seconds_total"), "0.000000");
  EXPECT_EQ(value("ec2_exceeded_tp_seconds_total"), "0.000001");
  EXPECT_EQ(value("volume_queue_length"), "3");
  // Prometheus counts upwards.
  EXPECT_EQ(value("read_io_latency_seconds_bucket", ",le=0.000512"), "60");
  EXPECT_EQ(value("read_io_latency_seconds_bucket", ",le=0.001024"), "100");
  EXPECT_EQ(value("read_io_latency_seconds_bucket", ",le=+Inf"), "100");
  EXPECT_EQ(value("write_io_latency_seconds_bucket", ",le=0.001024"), "8999");
  EXPECT_EQ(value("write_io_latency_seconds_bucket", ",le=+Inf"), "9000");
  EXPECT_EQ(value("write_io_latency_seconds_sum"), "7.200050");
  EXPECT_EQ(value("write_io_latency_seconds_count"), "9000");
}

TEST(Metrics, WhatEbsCountsComesBackFromTheStatusFileWithoutItsHistograms) {
  auto const written = whole_report();
  auto const read = status_from_tree(*json::parse(json::print(to_tree(written))));
  ASSERT_TRUE(read);
  auto ebs = *written.etcd[0].ebs;
  ebs.counters.read_latencies = {};
  ebs.counters.write_latencies = {};
  EXPECT_EQ(read->etcd[0].ebs, ebs);
  EXPECT_EQ(read->etcd[0].limited, written.etcd[0].limited);
}

TEST(Metrics, LabelsAreEscaped) {
  auto odd = report();
  odd.rows[0].name = "a \"row\"\\\nof two lines";
  auto const parsed = parse(metrics_text(odd, kStart));
  EXPECT_EQ(parsed.problems, std::vector<std::string>());
  EXPECT_EQ(parsed.values.at("haagent_step_acts_total,step=" + odd.rows[0].name), "2");
}

TEST(Metrics, ABackupThatFailsIsToldEverywhere) {
  auto const failing = report();
  auto const parsed = parse(metrics_text(failing, kStart + 5min));
  EXPECT_EQ(parsed.values.at("haagent_etcd_backup_failing,etcd=main"), "1");
  EXPECT_EQ(parsed.values.at("haagent_etcd_backup_failures_total,etcd=main"), "2");
  EXPECT_EQ(parsed.values.at("haagent_etcd_backup_age_seconds,etcd=main"), "2700.000");
  EXPECT_EQ(parsed.values.at("haagent_phase,phase=degraded"), "1");
  EXPECT_EQ(status_exit_code(failing, Writer::alive), 1);

  // And by the agents of others, from the status page.
  auto const read = status_from_tree(json::parse(json::print(to_tree(failing))).value()).value();
  EXPECT_EQ(metrics_text(read, kStart + 5min), metrics_text(failing, kStart + 5min));
  EXPECT_EQ(read.etcd[0].backup, failing.etcd[0].backup);
}

TEST(MetricsJoins, DecisionsByReasonAndHowManyWait) {
  auto node = report();
  node.role = "master";
  node.joins.decisions = {{"JoinGranted", 12}, {"CallerNotInstance", 3}};
  node.joins.waiting = {{.instance_id = "i-1",
                         .address = "10.0.0.5",
                         .message = Message(Reason::CallerNotInstance, "x", "y"),
                         .at = kStart}};
  auto const parsed = parse(metrics_text(node, kStart + 5min));
  EXPECT_EQ(parsed.problems, std::vector<std::string>());
  EXPECT_EQ(parsed.values.at("haagent_join_decisions_total,reason=JoinGranted"), "12");
  EXPECT_EQ(parsed.values.at("haagent_join_decisions_total,reason=CallerNotInstance"), "3");
  EXPECT_EQ(parsed.values.at("haagent_join_waiting"), "1");
  EXPECT_EQ(status_from_tree(to_tree(node)).value().joins, node.joins);
  node.role = "worker";
  EXPECT_FALSE(parse(metrics_text(node, kStart)).types.contains("haagent_join_waiting"));
}

TEST(MetricsKubelet, ItsRestartsAreCountedByCause) {
  auto node = report();
  EXPECT_FALSE(parse(metrics_text(node, kStart)).types.contains("haagent_kubelet_restarts_total"));
  node.kubelet = KubeletFacts{.restarts_for_certificate = 1, .restarts_for_health = 3};
  auto const parsed = parse(metrics_text(node, kStart));
  EXPECT_EQ(parsed.problems, std::vector<std::string>());
  EXPECT_EQ(parsed.values.at("haagent_kubelet_restarts_total,cause=certificate"), "1");
  EXPECT_EQ(parsed.values.at("haagent_kubelet_restarts_total,cause=health"), "3");
  EXPECT_EQ(status_from_tree(to_tree(node)).value().kubelet, node.kubelet);
}

TEST(MetricsAddons, EachHasItsStateItsObjectsAndWhenItWasInSyncLast) {
  auto node = report();
  auto const parsed = parse(metrics_text(node, kStart + 90s));
  EXPECT_EQ(parsed.problems, std::vector<std::string>());
  auto value = [&](std::string const& key) {
    auto const found = parsed.values.find("haagent_addon_" + key);
    return found == parsed.values.end() ? "none" : std::string(found->second);
  };
  EXPECT_EQ(value("state,addon=core,state=InSync"), "1");
  EXPECT_EQ(value("state,addon=coredns,state=InSync"), "0");
  EXPECT_EQ(value("state,addon=coredns,state=Rejected"), "1");
  EXPECT_EQ(value("state,addon=web,state=Failed"), "1");
  EXPECT_EQ(value("objects,addon=coredns"), "7");
  EXPECT_EQ(value("drifted_objects,addon=coredns"), "3");
  EXPECT_EQ(value("conflicted_objects,addon=coredns"), "1");
  EXPECT_EQ(value("rejected_objects,addon=coredns"), "2");
  EXPECT_EQ(value("rejected_objects,addon=core"), "0");
  EXPECT_EQ(value("objects,addon=web"), "none") << "nobody knows";
  EXPECT_EQ(value("last_in_sync_timestamp_seconds,addon=core"), "1768472160.000");
  EXPECT_EQ(value("last_in_sync_timestamp_seconds,addon=web"), "none");
  EXPECT_EQ(status_from_tree(to_tree(node)).value().addons, node.addons);
  node.addons.reset();
  EXPECT_FALSE(parse(metrics_text(node, kStart)).types.contains("haagent_addon_state"));
}

TEST(MetricsClock, TheOffsetIsToldAndAgesAreTheStores) {
  auto node = report();
  EXPECT_FALSE(parse(metrics_text(node, kStart + 5min)).types.contains("haagent_clock_wrong"));
  node.clock = ClockFacts{.ahead = 26h, .wrong = true, .against = "s3://b"};
  auto const parsed = parse(metrics_text(node, kStart + 5min + 26h));
  EXPECT_EQ(parsed.problems, std::vector<std::string>());
  EXPECT_EQ(parsed.values.at("haagent_clock_offset_seconds"), "93600.000");
  EXPECT_EQ(parsed.values.at("haagent_clock_wrong"), "1");
  EXPECT_EQ(parsed.values.at("haagent_etcd_backup_age_seconds,etcd=main"), "2700.000");
  auto const read = status_from_tree(to_tree(node)).value();
  EXPECT_EQ(read.clock, node.clock);
  EXPECT_EQ(store_time(read, kStart + 26h), kStart);
}

}  // namespace
}  // namespace haagent
