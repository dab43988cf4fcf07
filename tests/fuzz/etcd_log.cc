// The first bytes of etcd's write-ahead log, and the file that an earlier boot wrote for etcd.
#include "bootstrap/etcd/disk/data_dir.h"
#include "bootstrap/etcd/member/config_file.h"
#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"

namespace haagent::fuzz {

void etcd_log(std::string_view bytes) {
  auto identity = bootstrap::wal_identity(bytes);
  if (identity)
    hold(identity->member_id != 0 && identity->cluster_id != 0, "a log has a member and a cluster");
  // Bytes behind what was read change nothing.
  if (identity)
    hold(bootstrap::wal_identity(std::string(bytes) + "\xff\xff") == identity, "stable");
  auto const end = bootstrap::wal_end(bytes);
  hold(end.uncommitted() <= end.index, "no more is uncommitted than is there");
  hold(!bootstrap::goes_further(end, end), "no log goes further than itself");
  std::map<std::uint64_t, bootstrap::OldRequests> all, later;
  bootstrap::note_old_requests(bytes, 0, all);
  bootstrap::note_old_requests(bytes, 5, later);
  for (auto const& [index, kind] : later)
    hold(index > 5 && all.contains(index) && all.at(index) == kind, "a snapshot only takes away");
}

}  // namespace haagent::fuzz
