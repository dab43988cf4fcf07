// The rows `store-<cluster>` and `backup-<cluster>`: what the state store has of a cluster, backups
// and an operator's request, and that there is always a young backup of it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/step.h"
#include "agent/base/volume_sight.h"
#include "bootstrap/etcd/backup/backup.h"
#include "bootstrap/etcd/backup/backup_decision.h"
#include "bootstrap/etcd/disk/data_dir.h"
#include "bootstrap/etcd/disk/log_watch.h"
#include "bootstrap/etcd/store/request.h"

namespace haagent::bootstrap {

// `store-<cluster>`: asks the store for backups while the volume is blank and no member serves, and
// sets facts.etcd(cluster).backups. Comes after mount-<cluster>; where the volume is not seen any
// more it says nothing of it. It holds no boot up: who waits for
// its answer is etcd-<cluster>, and a volume with data waits for nobody's answer.
//
// And it asks for an operator's request, and puts it on the board: at once where the volume is
// blank, not at all in the first look at one with data, every two seconds while there is no quorum,
// and each half minute while there is one. It closes a request that this member has carried out
// when every member of the new cluster serves. It closes a request as void that this member has not
// begun and that has stood beside a quorum for kVoidAfter, so that the next lost quorum does not
// start it.
class StoreStep final : public Step {
 public:
  StoreStep(EtcdCluster cluster, BackupDeps const& deps, OwnVolumes& volumes,
            RecoveryRequests& requests);
  std::string_view name() const override { return name_; }
  Result<Finding> look(Facts& facts, std::stop_token stop) override;

 private:
  Finding to_close(RecoveryRequest const& request, Closing how);
  bool is_carried_out(RecoveryRequest const& request, VolumeSight const& sight, Facts& facts) const;
  bool is_idle(RecoveryRequest const& request, VolumeSight const& sight, Facts& facts);
  void tell_volume(EtcdVolume const& volume, VolumeSight const& sight, EtcdFacts& mine);
  bool request_is_due(bool quorum, SteadyTime now) const;
  void ask_for_request(EtcdFacts& mine, bool quorum, bool blank, std::stop_token stop);
  Result<Finding> look_for_backups(EtcdFacts& mine, DataDir::State data, std::stop_token stop);

  EtcdCluster const cluster_;
  BackupDeps deps_;
  OwnVolumes& volumes_;
  std::string const name_;
  RecoveryRequests& requests_;
  LogWatch log_;
  bool looked_ = false;
  std::optional<SteadyTime> asked_;  // for a request
  std::optional<Message> trouble_;   // with that
  std::string idle_;                 // the request that stands beside a quorum
  std::optional<SteadyTime> idle_since_;
};

// `backup-<cluster>`: a standing duty, after etcd-<cluster>. It holds no boot up: its first look
// finds it done, and asks nobody. From then on a backup that fails is an error of this row until
// one succeeds, so that the node is degraded and says since when; it is tried again after pauses
// that grow from a minute to half an interval.
class BackupStep final : public Step {
 public:
  BackupStep(EtcdCluster cluster, BackupDeps const& deps);
  std::string_view name() const override { return name_; }
  Result<Finding> look(Facts& facts, std::stop_token stop) override;

 private:
  Result<void> back_up(Facts& facts, std::stop_token stop);
  Result<std::optional<BackupTurn>> turn(std::optional<Duration> newest_age, std::stop_token stop);
  std::unexpected<Error> failing() const;
  void failed(Error const& error);
  void succeeded();
  void tell(Facts& facts) const;
  Result<Finding> find(Facts& facts, std::stop_token stop);

  EtcdCluster const cluster_;
  BackupDeps deps_;
  std::string const name_;
  std::string const endpoint_;  // of this master's own member
  bool looked_ = false;
  SteadyTime watching_since_{};
  std::optional<SteadyTime> last_taken_;  // here
  std::optional<UtcTime> newest_;         // of the last listing
  std::optional<Message> swept_;          // trouble with removing old ones
  std::size_t held_back_ = 0;             // old ones that the last sweep has left for the next ones

  std::optional<Message> failure_;  // nothing: the last backup that was tried succeeded
  UtcTime failing_since_{};
  int failures_ = 0;  // of this run of them
  SteadyTime next_try_{};
  std::optional<UtcTime> last_failure_;
  std::uint64_t taken_ = 0;
  std::uint64_t all_failures_ = 0;
};

}  // namespace haagent::bootstrap
