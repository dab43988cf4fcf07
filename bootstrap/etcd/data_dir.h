// What an etcd volume holds, read without etcd and without writing.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/result.h"

namespace haagent::bootstrap {

// Who a write-ahead log belongs to, as its first records say.
struct WalIdentity {
  std::uint64_t member_id = 0;
  std::uint64_t cluster_id = 0;
  bool operator==(WalIdentity const&) const = default;
};

// From the first bytes of a *.wal file (1 KiB is plenty); nothing where they are not a log's. The
// format is etcd's walpb: frames of an 8-byte little-endian length and a protobuf record, the
// checksum record first, then the metadata record. The same from etcd 3.0 to 3.7.
std::optional<WalIdentity> wal_identity(std::string_view bytes);

struct DataDir {
  enum class State {
    blank,       // no data directory, or nothing in it
    unfinished,  // begun, and no log yet: a member without a log has never voted nor acknowledged
    member,      // a log: this volume has been a member
  };
  State state = State::blank;
  WalIdentity identity;                // zeros where there is no log or it could not be read
  std::vector<std::string> foreign;    // what on the volume neither etcd nor haagent put there
  std::vector<std::string> set_aside;  // earlier data directories: "data.20260115T101500Z"
};

// Errors: refused where the directory cannot be read, since unreadable is never blank.
Result<DataDir> inspect_data_dir(std::filesystem::path const& mount_point);

// Renames the data directory beside itself and returns the new name. Never deletes.
Result<std::string> set_data_dir_aside(std::filesystem::path const& mount_point, UtcTime now);

}  // namespace haagent::bootstrap
