// The backup before a membership change: asks before_change(), takes one where it says so, and
// remembers what came of it.
#pragma once

#include "bootstrap/etcd/backup/backup.h"
#include "bootstrap/etcd/backup/backup_decision.h"

namespace haagent::bootstrap {

class BackupBeforeChange {
 public:
  BackupBeforeChange(EtcdCluster cluster, BackupDeps const& parts)
      : cluster_(cluster), parts_(parts) {}

  // Returns once the change may be made. `endpoint`: a voter's, since the master that makes the
  // change may have no member yet. Errors: transient where the change has to wait for a backup.
  Result<void> ready(MemberChange change, std::string const& endpoint, std::stop_token stop);

 private:
  EtcdCluster const cluster_;
  BackupDeps parts_;
  std::optional<SteadyTime> tried_;
  std::optional<Message> failure_;
};

}  // namespace haagent::bootstrap
