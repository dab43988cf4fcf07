// What single values of the node config may look like. Each check is pure and answers with a
// sentence that says what would be right.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "agent/config/diagnostics.h"

namespace haagent {

struct Problem {
  std::string message;
  std::string hint;
  Severity severity = Severity::error;
};
using Verdict = std::optional<Problem>;  // nothing: the value is good

// "100ms", "5s", "2m", "1h": one number, one unit.
Result<Duration> parse_duration(std::string_view text);
std::string to_text(Duration duration);
// "8GiB", "512MiB", or plain bytes.
Result<std::uint64_t> parse_size(std::string_view text);
std::string size_to_text(std::uint64_t bytes);
// "10": a whole number, not below 0.
Result<unsigned> parse_count(std::string_view text);

// Labels of [a-z0-9-] joined by dots (RFC 1123), short enough to stand behind a member's host name.
Verdict check_dns_name(std::string_view text);
// https://host[:port], nothing behind it. The addresses that documentation and kops put in as
// placeholders are errors; names below example.com are a warning.
Verdict check_endpoint(std::string_view text);
// The same shape, without a look at the name: a service endpoint or a simulator's.
Verdict check_service_url(std::string_view text);
Verdict check_token_issuer(std::string_view text);

// cluster.state: s3://bucket[/prefix] or file:///directory. Either a bucket or a folder is set.
struct StatePlace {
  std::string bucket;
  std::string prefix;  // in the bucket, without a slash at its ends; may be empty
  std::string folder;  // absolute, without a slash at its end
  bool operator==(StatePlace const&) const = default;
};
std::expected<StatePlace, Problem> parse_state(std::string_view text);
Verdict check_state(std::string_view text);
// A KMS key's id, its ARN, or an alias.
Verdict check_kms_key(std::string_view text);
Verdict check_kube_version(std::string_view text);
Verdict check_cidr(std::string_view text);
Verdict check_port(std::string_view text);
Verdict check_absolute_path(std::string_view text);
// Warns of the folder that is removed with Debian's etcd.
Verdict check_mount_root(std::string_view text);
// "127.0.0.1:9990", "[::1]:9990": where a server listens. One that all may reach is a warning.
struct ListenAddress {
  std::string address;  // without brackets
  int port = 0;
  bool operator==(ListenAddress const&) const = default;
};
std::expected<ListenAddress, Problem> parse_listen_address(std::string_view text);
Verdict check_listen_address(std::string_view text);
// A namespace of CloudWatch's that is not one of AWS' own.
Verdict check_metrics_namespace(std::string_view text);
// A name of IAM's, or an ARN of a role or an instance profile.
Verdict check_iam_name(std::string_view text);
// "sha256:" and 64 hexadecimal digits, as kubeadm prints it.
Verdict check_ca_pin(std::string_view text);
// host[:port][/path], as in front of an image's name
Verdict check_registry(std::string_view text);

// A label's key: [prefix/]name. Those that a kubelet may not set on its own node (NodeRestriction,
// and the kubelet's own check at its start) are errors that say so.
Verdict check_addon_name(std::string_view text);
Verdict check_label_key(std::string_view key);
Verdict check_label_value(std::string_view value);
// A taint may use any prefix.
Verdict check_taint_key(std::string_view key);
Verdict check_taint_effect(std::string_view effect);
// A flag's name as extraArgs takes it: "feature-gates", no dashes in front.
Verdict check_flag_name(std::string_view name);

}  // namespace haagent
