// What an etcd volume holds, read without etcd and without writing.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/facts.h"
#include "agent/base/result.h"
#include "bootstrap/etcd/disk/wal.h"

namespace haagent::bootstrap {

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
  bool restored =
      false;  // a data directory that a restore has built, or begun, and not put in place
  bool operator==(DataDir const&) const = default;
};

// Errors: refused where the directory cannot be read, since unreadable is never blank.
Result<DataDir> inspect_data_dir(std::filesystem::path const& mount_point);

// Whose log a data directory holds. Errors: invalid where there is none, or it cannot be read.
Result<WalIdentity> data_identity(std::filesystem::path const& data_dir);

// The requests of etcd's old API in the log after its newest snapshot: what the next start replays.
// Reads all of that, so it is for the start that is a step up. Errors: refused where the log cannot
// be read.
Result<OldRequests> old_requests(std::filesystem::path const& mount_point);

// How far the log on the volume goes. Reads its newest file, and an older one where that has no
// entry yet. A running etcd writes its entries through at once, and what it knows to be committed
// only with the next of them. Errors: refused where the log cannot be read or is none.
Result<EtcdLogEnd> log_end(std::filesystem::path const& mount_point);

// When the log on the volume was last written to. Errors: refused where it cannot be read or is
// none.
Result<UtcTime> last_write(std::filesystem::path const& mount_point);

// The revision of the newest key in the volume's database, which is a moment behind its log.
// Errors: what keeps it from being read.
Result<std::uint64_t> stored_revision(std::filesystem::path const& mount_point);

// What is known of a volume that was copied `of` another one; what cannot be read stays 0.
EtcdCopy describe_copy(std::string of, std::filesystem::path const& mount_point);

// Renames the data directory beside itself and returns the new name. Never deletes.
Result<std::string> set_data_dir_aside(std::filesystem::path const& mount_point, UtcTime now);

}  // namespace haagent::bootstrap
