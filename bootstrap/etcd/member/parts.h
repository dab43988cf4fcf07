// What the steps of one member of etcd work with.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "agent/aws/ec2.h"
#include "agent/base/clock.h"
#include "agent/base/files.h"
#include "agent/base/http.h"
#include "agent/base/node_config.h"
#include "agent/base/process.h"
#include "agent/base/units.h"
#include "agent/base/volume_sight.h"
#include "bootstrap/etcd/backup/backup.h"
#include "bootstrap/etcd/backup/backup_decision.h"
#include "bootstrap/etcd/member/observation.h"
#include "bootstrap/hosts/peers.h"

namespace haagent::bootstrap {

// How patient a change of the members is.
struct EtcdPace {
  Duration tags_every = Peers::kEvery;  // EC2 is asked anew while all is well
  Duration tags_settle = kTagsSettle;
  Duration learner_patience = kLearnerPatience;
};

// What the state store is needed for. None of it: there is no store.
struct EtcdStoreDeps {
  // A row of the boot list sets facts.etcd(cluster).backups; while it has not, no cluster is
  // formed.
  bool asks_for_backups = false;
  // Called before a member is added or removed, with a voter's endpoint; returns once there is a
  // backup, or an error where the change has to wait for one. Unset: there are no backups.
  std::function<Result<void>(EtcdCluster, MemberChange, std::string const&, std::stop_token)>
      before_change = {};
  // What operators' orders are read from and carried out with. Unset: there are none.
  std::shared_ptr<RecoveryRequests> orders = {};
  BackupDeps const* backups = nullptr;
};

// All of it outlives the steps.
struct EtcdDeps {
  NodeConfig const& config;
  Root root;
  Http& http;
  Clock& clock;
  Process& process;
  Units& units;
  aws::Ec2& ec2;
  OwnVolumes& volumes;
  EtcdPace pace = {};
  EtcdStoreDeps store = {};
};

}  // namespace haagent::bootstrap
