// What must be so before the members of etcd change: there is a young backup. It asks
// before_change(), takes one where that says so, and remembers what came of it.
#pragma once

#include "bootstrap/etcd/backup/backup.h"
#include "bootstrap/etcd/backup/backup_decision.h"

namespace haagent::bootstrap {

class MembershipGuard {
 public:
  virtual ~MembershipGuard() = default;
  // Returns once the change may be made. `endpoint`: a voter's, since the master that makes the
  // change may have no member yet. Errors: transient where the change has to wait.
  virtual Result<void> ready(EtcdCluster cluster, MemberChange change, std::string const& endpoint,
                             std::stop_token stop) = 0;
};

// Safe to use from several threads, as long as each etcd cluster has one of its own.
class BackupBeforeChange final : public MembershipGuard {
 public:
  explicit BackupBeforeChange(BackupDeps const& deps) : deps_(deps) {}
  Result<void> ready(EtcdCluster cluster, MemberChange change, std::string const& endpoint,
                     std::stop_token stop) override;

 private:
  struct Tried {
    std::optional<SteadyTime> at;
    std::optional<Message> failure;
  };
  BackupDeps deps_;
  Tried main_, events_;
};

}  // namespace haagent::bootstrap
