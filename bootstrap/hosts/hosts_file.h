// The one block of /etc/hosts that is haagent's: members of etcd by their stable names.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/files.h"
#include "agent/base/result.h"

namespace haagent::bootstrap {

struct HostsEntry {
  std::string address;
  std::string name;
  bool operator==(HostsEntry const&) const = default;
};

inline constexpr std::string_view kHostsBegin = "# BEGIN haagent";
inline constexpr std::string_view kHostsEnd = "# END haagent";

// The text with exactly one block that holds these entries, in their order, where the first block
// stood or else at the end. Every other line is kept byte for byte. Broken guards are repaired: a
// second block is taken out, as is an end without a beginning; after a beginning without an end
// only lines for one of the entries' names go, because the rest may be somebody else's.
std::string hosts_with_block(std::string_view text, std::vector<HostsEntry> const& entries);

// Name to address of every well-formed block.
std::map<std::string, std::string> hosts_in_block(std::string_view text);

// The file itself. One that is missing has no block. Others write to it too, so each call reads it.
class HostsFile {
 public:
  explicit HostsFile(Root root) : root_(std::move(root)) {}
  Result<std::map<std::string, std::string>> hosts() const;
  Result<bool> holds(std::vector<HostsEntry> const& entries) const;
  // Replaces the file where its block differs.
  Result<void> write(std::vector<HostsEntry> const& entries) const;

 private:
  Root root_;
};

}  // namespace haagent::bootstrap
