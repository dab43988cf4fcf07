// Which keys of documents and log lines may be shown, and what their values may be. A key that is
// not in the table is named and its value is not shown.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace haagent::bundle {

enum class KeyKind {
  text,   // words of known shapes; a list or a map below it goes by its own keys
  id,     // hexadecimal, a UUID
  names,  // a map of any names: labels
  flags,  // command line flags: a list of words, or a map
};

struct AllowedKey {
  std::string_view name;
  KeyKind kind = KeyKind::text;
};
using Keys = std::span<AllowedKey const>;

Keys own_keys();         // haagent's status, records and answers
Keys kubernetes_keys();  // manifests, and configurations of components
Keys log_keys();         // fields of zap, klog and logfmt lines, and options of mounts
Keys unit_keys();        // systemd's properties, os-release, /proc/meminfo

std::optional<KeyKind> kind_of(Keys keys, std::string_view name);

bool is_allowed_flag(std::string_view name);   // whose value may be shown; without dashes
bool is_allowed_label(std::string_view name);  // of a metric
bool is_allowed_metric(std::string_view name);

}  // namespace haagent::bundle
