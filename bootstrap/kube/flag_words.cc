#include "bootstrap/kube/flag_words.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "agent/base/nearest.h"
#include "bootstrap/kube/flag_types.h"
#include "bootstrap/kube/go_values.h"
#include "bootstrap/kube/tables.h"

namespace haagent::bootstrap::kube {
namespace {

std::vector<std::string> words_of(std::string_view what, int minor) {
  auto found = tables().words.find(what);
  return found == tables().words.end() ? std::vector<std::string>()
                                       : names_in(found->second, minor);
}

void one_of(std::string_view said, std::vector<std::string> const& words, std::string_view what,
            std::string const& path, Complaints& out) {
  if (words.empty() || std::ranges::find(words, said) != words.end()) return;
  auto hint = did_you_mean(closest(said, words));
  if (hint.empty() && words.size() <= 6) hint = fmt::format("one of {}", fmt::join(words, ", "));
  out.push_back(
      {.path = path, .what = fmt::format("'{}' is no {}", said, what), .hint = std::move(hint)});
}

// --runtime-config: api/all, or a group's version and what is in it: "batch/v1/cronjobs=false".
void runtime_config(KubeVersion const& version, std::string_view value, std::string const& path,
                    Complaints& out) {
  static std::vector<std::string> const kWhole = {"api/all", "api/ga", "api/beta", "api/alpha"};
  auto const versions = words_of("apiVersion", version.minor);
  for (auto pair : split(value, ',')) {
    auto equals = pair.find('=');
    auto key = trim(pair.substr(0, equals));
    if (key.empty()) continue;
    auto on = equals == pair.npos ? "" : trim(pair.substr(equals + 1));
    if (!on.empty() && !go_boolean(on)) {
      out.push_back({.path = path, .what = fmt::format("expected true or false, found '{}'", on)});
    }
    if (std::ranges::find(kWhole, key) != kWhole.end()) continue;
    // "v1" is the core group; a resource may follow.
    auto parts = split(key, '/');
    auto group = std::string(parts[0]);
    if (group != "v1" && parts.size() > 1) group += '/' + std::string(parts[1]);
    one_of(group, versions, fmt::format("version of an API of Kubernetes {}", to_string(version)),
           path, out);
  }
}

// --watch-cache-sizes: "resource#size" or "resource.group#size", commas between.
void watch_cache_sizes(std::string_view value, std::string const& path, Complaints& out) {
  for (auto each : split(value, ',')) {
    auto const parts = split(each, '#');
    auto size = parts.back();
    if (size.starts_with('+')) size.remove_prefix(1);
    bool const number =
        !size.empty() && size.size() <= 18 && size.find_first_not_of("0123456789") == size.npos;
    if (parts.size() == 2 && number) continue;
    out.push_back({.path = path,
                   .what = fmt::format("expected resource#size, found '{}'", each),
                   .hint = "\"pods#100,replicasets.apps#50\""});
  }
}

}  // namespace

void check_words(Component component, KubeVersion const& version, std::string_view flag,
                 std::string_view value, std::string const& path, Complaints& out) {
  auto each = [&](std::vector<std::string> const& words, std::string_view what) {
    for (auto part : split(value, ',')) {
      if (!trim(part).empty()) one_of(trim(part), words, what, path, out);
    }
  };
  if (flag == "tls-cipher-suites")
    return each(words_of("tlsCipherSuite", version.minor), "cipher suite");
  if (flag == "tls-min-version") return each(words_of("tlsVersion", version.minor), "TLS version");
  if (flag == "logging-format") return each({"text", "json"}, "format of logs: text or json");
  if (flag == "controllers" && component == Component::controller_manager) {
    auto const known = words_of("controller", version.minor);
    for (auto part : split(value, ',')) {
      if (part.starts_with('-')) part.remove_prefix(1);
      if (part != "*" && !part.empty()) one_of(part, known, "controller", path, out);
    }
    return;
  }
  if (component != Component::apiserver) return;
  if (flag == "enable-admission-plugins" || flag == "disable-admission-plugins") {
    return each(words_of("admissionPlugin", version.minor),
                fmt::format("admission plugin of Kubernetes {}", to_string(version)));
  }
  if (flag == "authorization-mode") {
    return each({"AlwaysAllow", "AlwaysDeny", "ABAC", "Webhook", "RBAC", "Node"},
                "way to authorize: Node, RBAC, Webhook, ABAC, AlwaysAllow or AlwaysDeny");
  }
  if (flag == "runtime-config") runtime_config(version, value, path, out);
  if (flag == "watch-cache-sizes") watch_cache_sizes(value, path, out);
}

}  // namespace haagent::bootstrap::kube
