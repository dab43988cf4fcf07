// etcd's write-ahead log, as far as haagent must understand it: whose it is, and whether an etcd of
// another version could replay it. The format is etcd's walpb, the same from etcd 3.0 to 3.7:
// frames of an 8-byte little-endian length and a protobuf record.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>

#include "agent/base/facts.h"

namespace haagent::bootstrap {

// Who a log belongs to, as its first records say.
struct WalIdentity {
  std::uint64_t member_id = 0;
  std::uint64_t cluster_id = 0;
  bool operator==(WalIdentity const&) const = default;
};

// From the first bytes of a *.wal file (1 KiB is plenty); nothing where they are not a log's.
std::optional<WalIdentity> wal_identity(std::string_view bytes);

// Requests of the API that ended with etcd 3.5. Its members wrote them into the log though nobody
// asked: to publish themselves, and 3.4 for each look at /health.
enum class OldRequests {
  none,
  of_members,  // members' names and the cluster's version: etcd 3.6 can replay them, 3.7 panics
  others,      // and 3.6 panics too
};

// Notes those of one *.wal file by their place in the raft log, later than `after`. What a later
// record overwrites is forgotten. Stops where the bytes are no log's: a log's end is zeros, and may
// be torn.
void note_old_requests(std::string_view bytes, std::uint64_t after,
                       std::map<std::uint64_t, OldRequests>& found);

// Where the log ends with one *.wal file, after what `before` says of the files before it: its last
// entry, and the commit index that it records. One that has just been begun has no entries, and
// says in its first records what is committed. A last entry that a power cut has torn may count,
// though its member never acknowledged it. No cluster: the bytes are no log's.
EtcdLogEnd wal_end(std::string_view bytes, EtcdLogEnd const& before = {});

// Which of two logs goes further, by raft's own rule for whom to vote for: the later term of the
// last entry, then the later place.
bool goes_further(EtcdLogEnd const& one, EtcdLogEnd const& other);

}  // namespace haagent::bootstrap
