// etcd's versions: which is installed, and what is known against it.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace haagent::bootstrap {

struct EtcdVersion {
  int major = 0;
  int minor = 0;
  int patch = 0;
  auto operator<=>(EtcdVersion const&) const = default;
};

std::string to_string(EtcdVersion version);

// From "3.5.30", or from what `etcd --version` prints ("etcd Version: 3.5.30\n..."). A suffix
// ("3.6.0-rc.1") is read over. Nothing where there is no version.
std::optional<EtcdVersion> parse_etcd_version(std::string_view text);

// etcd 3.4 to 3.7.
bool is_supported(EtcdVersion version);

// Known defects in membership or data, one sentence each; empty for a good version.
std::vector<std::string> version_warnings(EtcdVersion version);

}  // namespace haagent::bootstrap
