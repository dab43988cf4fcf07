#include "agent/config/checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "agent/base/cidr.h"
#include "agent/base/kube_versions.h"
#include "agent/base/url.h"
#include "agent/config/keys.h"
#include "agent/config/values.h"
#include "bootstrap/etcd/member/config_file.h"
#include "bootstrap/kube/cautions.h"
#include "bootstrap/kube/host_files.h"
#include "bootstrap/kube/lint.h"

namespace haagent {
namespace {

class Checker {
 public:
  Checker(NodeConfig const& config, Tree const& merged, Diagnostics& out)
      : config_(config), merged_(merged), out_(out) {}

  void networks() {
    auto service = parse_cidr(config_.cluster.service_cidr);
    auto pod = parse_cidr(config_.cluster.pod_cidr);
    if (service && pod && service->overlaps(*pod)) {
      // The one that is written out is the one to change.
      auto const* path = stated("cluster.podCIDR") ? "cluster.podCIDR" : "cluster.serviceCIDR";
      report(path,
             fmt::format("the services' {} and the pods' {} overlap", to_string(*service),
                         to_string(*pod)),
             "take two ranges apart from each other");
    }
    if (service && service->network.bits() - service->prefix < 4) {
      report("cluster.serviceCIDR",
             fmt::format("{} is too small: the cluster's DNS is its 10th address",
                         to_string(*service)));
    }
    auto const url = split_url(config_.cluster.endpoint);
    auto const endpoint = url ? parse_ip(url->host) : std::nullopt;
    if (!endpoint) return;
    for (auto const& [range, whose] : {std::pair(service, "services"), std::pair(pod, "pods")}) {
      if (range && range->contains(*endpoint)) {
        report("cluster.endpoint",
               fmt::format("{} lies in the {}' {}; kube-proxy needs it before it can make that "
                           "network",
                           to_string(*endpoint), whose, to_string(*range)));
      }
    }
  }

  void etcd(std::string const& name, EtcdClusterConfig const& cluster) {
    auto const [heartbeat, election] = bootstrap::timing_for(cluster, bootstrap::kDefaultHeartbeat);
    auto path = "etcd." + name;
    auto election_path =
        path + (stated(path + ".electionTimeout") ? ".electionTimeout" : ".heartbeatInterval");
    if (heartbeat <= Duration(0)) {
      report(path + ".heartbeatInterval", "must be longer than nothing");
    } else if (election < 5 * heartbeat) {
      // etcd's own check: it does not start.
      report(election_path,
             fmt::format("an election timeout of {} is less than five heartbeats of {}; etcd "
                         "refuses to start",
                         to_text(election), to_text(heartbeat)),
             fmt::format("ten heartbeats are {}", to_text(10 * heartbeat)));
    } else if (election < 10 * heartbeat) {
      report(election_path,
             fmt::format("an election timeout of {} is less than ten heartbeats of {}; a late "
                         "heartbeat or two will start elections",
                         to_text(election), to_text(heartbeat)),
             fmt::format("ten heartbeats are {}", to_text(10 * heartbeat)), Severity::warning);
    }
    if (election > Duration(50'000)) {
      report(path + ".electionTimeout",
             fmt::format("{} is more than the 50s that etcd takes", to_text(election)));
    }
    constexpr std::uint64_t kLeast = 16ull << 20u, kAdvised = 8ull << 30u;
    if (cluster.quota_backend_bytes < kLeast) {
      report(path + ".quotaBackendBytes",
             fmt::format("{} is less than the {} that an empty cluster needs to start",
                         size_to_text(cluster.quota_backend_bytes), size_to_text(kLeast)));
    } else if (cluster.quota_backend_bytes > kAdvised) {
      report(path + ".quotaBackendBytes",
             fmt::format("{} is more than the {} that etcd advises: starts and restores get slow",
                         size_to_text(cluster.quota_backend_bytes), size_to_text(kAdvised)),
             {}, Severity::warning);
    }
    etcd_overlay(path + ".extraConfig", cluster.extra_config);
  }

  void pki() {
    auto const authority = config_.pki.ca_lifetime;
    constexpr Duration kLeast = std::chrono::seconds(30);
    // client-go looks for another certificate every five minutes, and a third of the life is left
    // at a renewal.
    constexpr Duration kAdvised = std::chrono::minutes(15);
    for (auto const& [path, life] : {std::pair{"pki.leafLifetime", config_.pki.leaf_lifetime},
                                     std::pair{"pki.nodeLifetime", config_.pki.node_lifetime}}) {
      if (life < kLeast)
        report(path, fmt::format("{} is less than the {} that a renewal needs", to_text(life),
                                 to_text(kLeast)));
      else if (life < kAdvised)
        report(path,
               fmt::format("{} is less than {}: Kubernetes' components look for a renewed "
                           "certificate every 5m only, "
                           "and are refused with the old one until then",
                           to_text(life), to_text(kAdvised)),
               {}, Severity::warning);
      if (life > authority)
        report(path,
               fmt::format("{} is more than the {} of the authority, which no certificate outlives",
                           to_text(life), to_text(authority)));
    }
  }

  void backups(EtcdBackupConfig const& backups) {
    std::string const path = "etcd.backups";
    if (backups.interval < Duration(60'000)) {
      report(path + ".interval",
             fmt::format("{} is less than a minute: each backup reads the whole database",
                         to_text(backups.interval)));
    }
    if (backups.keep_for < backups.interval) {
      report(path + ".keepFor", fmt::format("{} is less than the interval of {}",
                                            to_text(backups.keep_for), to_text(backups.interval)));
    }
    if (backups.keep_at_least < 1 || backups.keep_at_least > 100'000) {
      report(path + ".keepAtLeast", "must be a number of backups from 1 to 100000");
    }
  }

  // Overlays, flags, labels and ranges against the stated version: what the rendering would refuse.
  void kubernetes() {
    auto version = parse_kube_version(config_.kubernetes.version);
    if (!version) return;
    add(bootstrap::kube::lint(config_, *version));
    add(bootstrap::kube::relative_paths(config_));
    add(bootstrap::kube::cautions(config_, *version), Severity::warning);
  }

  // `always`: whatever each of them says itself.
  void add(bootstrap::kube::Complaints const& complaints, std::optional<Severity> always = {}) {
    for (auto const& each : complaints) {
      auto const own = each.is_warning ? Severity::warning : Severity::error;
      out_.push_back({.severity = always.value_or(own),
                      .mark = each.mark,
                      .length = each.length,
                      .path = each.path,
                      .message = each.what,
                      .hint = each.hint});
      if (each.mark == Mark{}) point_at(each.path, out_.back());
    }
  }

  void metrics() {
    auto const interval = config_.metrics.cloudwatch.interval;
    if (interval < std::chrono::seconds(10) || interval > std::chrono::minutes(5))
      report("metrics.cloudWatch.interval",
             fmt::format("{} is not from 10s to 5m: CloudWatch keeps a value a minute, and the "
                         "templates' alarms look at five",
                         to_text(interval)));
  }

  void encryption() {
    if (config_.aws.s3_encryption != "AES256" || config_.aws.s3_kms_key_id.empty()) return;
    report("aws.s3.kmsKeyId", "a KMS key is of no use with serverSideEncryption AES256",
           "say aws:kms, or take the key out");
  }

 private:
  void etcd_overlay(std::string const& path, Tree const& overlay) {
    auto own = bootstrap::own_etcd_keys();
    constexpr std::pair<std::string_view, std::string_view> kKeys[] = {
        {"heartbeat-interval", "heartbeatInterval"},
        {"election-timeout", "electionTimeout"},
        {"quota-backend-bytes", "quotaBackendBytes"}};
    for (auto const& entry : overlay.entries()) {
      auto below = fmt::format("{}.{}", path, entry.key);
      if (std::ranges::find(own, entry.key) != own.end()) {
        report_entry(overlay, entry.key, below,
                     "haagent decides this from the volume and its members; setting it could cost "
                     "data");
      }
      for (auto const& [option, key] : kKeys) {
        if (entry.key != option) continue;
        report_entry(overlay, entry.key, below, "has a key of its own",
                     fmt::format("use {}.{}", path.substr(0, path.rfind('.')), key));
      }
    }
  }

  bool stated(std::string const& path) const {
    auto const* value = merged_.at_path(path);
    return value && !value->is_null();
  }

  void report(std::string const& path, std::string message, std::string hint = {},
              Severity severity = Severity::error) {
    auto const* value = merged_.at_path(path);
    out_.push_back({.severity = severity,
                    .mark = value ? value->mark() : Mark{},
                    .length = value ? value->text().size() : 1,
                    .path = path,
                    .message = std::move(message),
                    .hint = std::move(hint)});
  }

  // The key or value behind a path, or of what is nearest above it. Keys may have dots in them.
  void point_at(std::string_view path, Diagnostic& diagnostic) const {
    auto const* at = &merged_;
    while (at && !path.empty()) {
      Tree::Entry const* found = nullptr;
      for (auto const& entry : at->entries()) {
        bool whole = path == entry.key;
        bool below = path.starts_with(entry.key) && path.substr(entry.key.size(), 1) == ".";
        if (whole || below) found = &entry;
        if (whole) break;
      }
      if (!found) return;
      bool is_ours = find_key(config_keys(), diagnostic.path) != nullptr;
      diagnostic.mark = is_ours && !found->value.is_map() ? found->value.mark() : found->key_mark;
      diagnostic.length = is_ours ? found->value.text().size() : found->key.size();
      path.remove_prefix(std::min(found->key.size() + 1, path.size()));
      at = &found->value;
    }
  }

  void report_entry(Tree const& map, std::string_view key, std::string path, std::string message,
                    std::string hint = {}) {
    auto entry = std::ranges::find(map.entries(), key, &Tree::Entry::key);
    out_.push_back({.severity = Severity::error,
                    .mark = entry->key_mark,
                    .length = key.size(),
                    .path = std::move(path),
                    .message = std::move(message),
                    .hint = std::move(hint)});
  }

  NodeConfig const& config_;
  Tree const& merged_;
  Diagnostics& out_;
};

}  // namespace

void add_host_files(Root const& root, LoadedConfig& loaded, Severity severity) {
  auto const found = bootstrap::kube::look_at_host_files(root, loaded.config);
  if (!found) {
    loaded.diagnostics.push_back(
        {.severity = severity, .message = found.error().message.sentence()});
    return;
  }
  Checker(loaded.config, loaded.merged, loaded.diagnostics).add(found->missing, severity);
}

void check_meaning(NodeConfig const& config, Tree const& merged, Diagnostics& out) {
  Checker checker(config, merged, out);
  checker.networks();
  checker.etcd("main", config.etcd.main);
  checker.etcd("events", config.etcd.events);
  checker.pki();
  checker.backups(config.etcd.backups);
  checker.kubernetes();
  checker.encryption();
  checker.metrics();
}

}  // namespace haagent
