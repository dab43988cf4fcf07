#include "agent/cloudwatch/readings.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "agent/base/prometheus_text.h"

namespace haagent::cloudwatch {
namespace {

// What becomes of the samples that a rule chooses.
enum class Take { sum, largest, magnitude, seconds_until };

struct Choice {
  std::string_view label;
  std::vector<std::string_view> values;
};

struct Rule {
  std::string_view name;
  std::string_view unit;
  std::string_view family;
  std::vector<Choice> choices;
  Take take = Take::largest;
  double times = 1;
};

// A row in such a state does not get on, or is about to change something.
std::vector<std::string_view> const kNotAtRest = {"acting",  "waiting", "retrying",
                                                  "drifted", "failed",  "refused"};

std::vector<Rule> const kRules = {
    {"NodeReady", "Count", "haagent_phase", {{"phase", {"ready"}}}},
    {"StepsFailed", "Count", "haagent_step_state", {{"state", {"failed", "refused"}}}, Take::sum},
    {"LifecycleHookStuck",
     "Count",
     "haagent_step_state",
     {{"step", {"launching-hook", "terminating-hook"}}, {"state", kNotAtRest}}},
    {"VolumeWaiting",
     "Count",
     "haagent_step_state",
     {{"step", {"volume-main", "volume-events"}}, {"state", kNotAtRest}}},
    {"CertificateTimeLeft",
     "Seconds",
     "haagent_certificate_not_after_timestamp_seconds",
     {{"authority", {"false"}}},
     Take::seconds_until},
    {"AuthorityTimeLeft",
     "Seconds",
     "haagent_certificate_not_after_timestamp_seconds",
     {{"authority", {"true"}}},
     Take::seconds_until},
    {"CertificateRenewalFailing", "Count", "haagent_certificate_renewal_failing", {}},
    {"KubeletRestarts", "Count", "haagent_kubelet_restarts_total", {{"cause", {"health"}}}},
    {"ClockOffset", "Seconds", "haagent_clock_offset_seconds", {}, Take::magnitude},
    {"EtcdMainMemberUp", "Count", "haagent_etcd_member_known", {{"etcd", {"main"}}}},
    {"EtcdMainHasLeader", "Count", "haagent_etcd_has_leader", {{"etcd", {"main"}}}},
    {"EtcdMainHealthyVoters", "Count", "haagent_etcd_healthy_voters", {{"etcd", {"main"}}}},
    {"EtcdMainQuotaUsed",
     "Percent",
     "haagent_etcd_db_quota_used_ratio",
     {{"etcd", {"main"}}},
     Take::largest,
     100},
    {"EtcdMainBackupAge", "Seconds", "haagent_etcd_backup_age_seconds", {{"etcd", {"main"}}}},
    {"EtcdMainBackupFailing", "Count", "haagent_etcd_backup_failing", {{"etcd", {"main"}}}},
    {"EtcdEventsMemberUp", "Count", "haagent_etcd_member_known", {{"etcd", {"events"}}}},
    {"EtcdEventsHasLeader", "Count", "haagent_etcd_has_leader", {{"etcd", {"events"}}}},
    {"EtcdEventsHealthyVoters", "Count", "haagent_etcd_healthy_voters", {{"etcd", {"events"}}}},
    {"EtcdEventsQuotaUsed",
     "Percent",
     "haagent_etcd_db_quota_used_ratio",
     {{"etcd", {"events"}}},
     Take::largest,
     100},
    {"EtcdEventsBackupAge", "Seconds", "haagent_etcd_backup_age_seconds", {{"etcd", {"events"}}}},
    {"EtcdEventsBackupFailing", "Count", "haagent_etcd_backup_failing", {{"etcd", {"events"}}}},
};

using Samples = std::multimap<std::string_view, Sample>;

Samples samples_of(std::string_view page) {
  Samples samples;
  while (!page.empty()) {
    auto const end = page.find('\n');
    if (auto const sample = parse_sample(page.substr(0, end)))
      samples.emplace(sample->name, *sample);
    page.remove_prefix(end == page.npos ? page.size() : end + 1);
  }
  return samples;
}

bool is_chosen(Sample const& sample, std::vector<Choice> const& choices) {
  return std::ranges::all_of(choices, [&](Choice const& choice) {
    return std::ranges::find(choice.values, label_of(sample, choice.label)) != choice.values.end();
  });
}

double seconds_since_1970(UtcTime now) {
  return std::chrono::duration<double>(now.time_since_epoch()).count();
}

std::optional<double> value_of(Rule const& rule, Samples const& samples, UtcTime now) {
  std::optional<double> value;
  auto const [first, last] = samples.equal_range(rule.family);
  for (auto each = first; each != last; ++each) {
    if (!is_chosen(each->second, rule.choices)) continue;
    auto const one =
        rule.take == Take::magnitude ? std::abs(each->second.value) : each->second.value;
    if (!value) {
      value = one;
    } else if (rule.take == Take::sum) {
      *value += one;
    } else if (rule.take == Take::seconds_until) {
      value = std::min(*value, one);
    } else {
      value = std::max(*value, one);
    }
  }
  if (value && rule.take == Take::seconds_until) *value -= seconds_since_1970(now);
  if (value) *value *= rule.times;
  return value;
}

bool is_in_phase(Samples const& samples, std::vector<std::string_view> phases) {
  return value_of({.name = {},
                   .unit = {},
                   .family = "haagent_phase",
                   .choices = {{"phase", std::move(phases)}}},
                  samples, {}) == 1;
}

bool is_expected_ready(Samples const& samples, UtcTime now) {
  if (is_in_phase(samples, {"in the warm pool", "handing over", "handed over"})) return false;
  auto const started = samples.find("haagent_start_time_seconds");
  return !is_in_phase(samples, {"working"}) || started == samples.end() ||
         seconds_since_1970(now) - started->second.value >=
             std::chrono::duration<double>(kBootTime).count();
}

// The fullest of the filesystems, by bytes or by inodes.
std::optional<double> disk_used(Samples const& samples) {
  std::optional<double> fullest;
  for (auto const& [whole, left] :
       {std::pair{"haagent_filesystem_size_bytes", "haagent_filesystem_avail_bytes"},
        std::pair{"haagent_filesystem_files", "haagent_filesystem_files_free"}}) {
    std::map<std::string_view, double> sizes;
    auto const [first, last] = samples.equal_range(whole);
    for (auto each = first; each != last; ++each)
      sizes[label_of(each->second, "mountpoint")] = each->second.value;
    auto const [first_left, last_left] = samples.equal_range(left);
    for (auto each = first_left; each != last_left; ++each) {
      auto const size = sizes.find(label_of(each->second, "mountpoint"));
      if (size == sizes.end() || size->second <= 0) continue;
      auto const used = std::clamp(1 - each->second.value / size->second, 0.0, 1.0) * 100;
      fullest = std::max(fullest.value_or(0), used);
    }
  }
  return fullest;
}

double to_thousandths(double value) {
  return std::round(value * 1'000) / 1'000;
}

}  // namespace

Readings readings_of(std::string_view page, UtcTime now) {
  auto const samples = samples_of(page);
  Readings readings;
  if (auto const node = samples.find("haagent_node_info"); node != samples.end()) {
    readings.cluster = label_of(node->second, "cluster");
    readings.role = label_of(node->second, "role");
    readings.zone = label_of(node->second, "zone");
    readings.instance_id = label_of(node->second, "instance_id");
  }
  auto add = [&](std::string_view name, std::string_view unit, std::optional<double> value) {
    if (value && std::isfinite(*value))
      readings.values.push_back({.name = std::string(name),
                                 .unit = std::string(unit),
                                 .value = to_thousandths(*value),
                                 .of_zone = name == "NodeReady" && readings.role == "master"});
  };
  for (auto const& rule : kRules)
    if (rule.name != "NodeReady" || is_expected_ready(samples, now))
      add(rule.name, rule.unit, value_of(rule, samples, now));
  add("DiskUsed", "Percent", disk_used(samples));
  return readings;
}

}  // namespace haagent::cloudwatch
