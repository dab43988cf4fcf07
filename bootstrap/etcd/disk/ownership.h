// etcd runs as a user of its own, without a capability: what it reads and writes must let it.
//
// A volume keeps numbers, not names: on the next instance, from another image, the same user may
// have another number. So the data is given to the user before every start, wherever it comes from:
// another instance, a restore, a person's etcdutl.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <vector>

#include "agent/base/facts.h"
#include "agent/base/files.h"
#include "agent/base/units.h"
#include "agent/base/volume_sight.h"

namespace haagent::bootstrap {

enum class EtcdFile {
  way,    // a folder on the way to the others: somebody may have closed it to all but its own
  data,   // in the data directory, and that itself
  shown,  // the agent's, and read by etcd: its configuration, its keys
};

// As stat(2) has it; the mode without the kind of file.
struct FileOwner {
  uid_t uid = 0;
  gid_t gid = 0;
  mode_t mode = 0;
  bool operator==(FileOwner const&) const = default;
};

// What the file has to become before etcd, as this user, can work with it; nothing where it can.
// Nobody is shut out who was let in, but for those whom a key was shown to by mistake.
std::optional<FileOwner> change_for(EtcdFile what, FileOwner const& now, UnitUser const& etcd,
                                    UnitUser const& agent);

// The keys of etcd that the agent issues.
std::vector<std::filesystem::path> etcd_key_paths();

// Does all that change_for() says, with the cluster's configuration, its keys and its data, and the
// folders on the way there. Each file by itself, so that anyone who is interrupted does the rest
// the next time. What is not there is left out. While etcd runs, without `data`.
Result<void> give_to_etcd(Root const& root, EtcdCluster cluster, VolumeSight const& volume,
                          UnitUser const& etcd, bool data = true);

// The first file that this user is shut out of, while its etcd is there: somebody closed a folder
// on the way (a hardening script), or took a key away. With `data`, in the data directory as well,
// for an etcd that is between two starts. Nothing: there is none. Errors: what cannot be read.
Result<std::optional<std::filesystem::path>> shut_out_of(Root const& root, EtcdCluster cluster,
                                                         VolumeSight const& volume,
                                                         UnitUser const& etcd, bool data);

}  // namespace haagent::bootstrap
