// An etcd on loopback for a while, on data that were restored on trial: what only a running etcd
// can say of them. Touches nothing but the folder that it is given.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>

#include "bootstrap/etcd/backup/backup.h"

namespace haagent::bootstrap {

struct TrialCluster {
  std::string name;                // of its one member
  std::filesystem::path data_dir;  // of the member
  std::string peer_url;            // that it was restored for
  std::uint64_t size = 0;          // bytes of the snapshot: a larger one may take longer
};

// A loopback address that nobody listens on now, for a restore of a cluster of one. Taken in
// between, etcd says so and the trial fails.
Result<std::string> free_peer_url();

// Starts the installed etcd, waits until it has served a linearizable read, calls `ask`, and ends
// it. Errors: etcd's last words where it has ended, those of `ask`.
Result<void> serve_on_trial(BackupDeps const& deps, TrialCluster const& cluster,
                            std::function<Result<void>(EtcdClient&)> const& ask,
                            std::stop_token stop);

}  // namespace haagent::bootstrap
