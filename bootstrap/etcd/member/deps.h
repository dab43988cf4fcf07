// What the steps of one member of etcd work with.
#pragma once

#include <optional>

#include "agent/aws/ec2.h"
#include "agent/base/clock.h"
#include "agent/base/files.h"
#include "agent/base/http.h"
#include "agent/base/node_config.h"
#include "agent/base/process.h"
#include "agent/base/units.h"
#include "agent/base/volume_sight.h"
#include "bootstrap/etcd/backup/backup.h"
#include "bootstrap/etcd/backup/backup_before_change.h"
#include "bootstrap/etcd/member/observation.h"
#include "bootstrap/hosts/peers.h"

namespace haagent::bootstrap {

// How patient a change of the members is.
struct EtcdPace {
  Duration tags_every = Peers::kEvery;  // EC2 is asked again while all is well
  Duration tags_settle = kTagsSettle;
  Duration learner_patience = kLearnerPatience;
};

// What the state store is needed for.
struct EtcdStoreDeps {
  BackupDeps const& backups;   // what operators' requests are carried out with
  RecoveryRequests& requests;  // set by the rows store-<cluster>
  MembershipGuard& guard;      // asked before a member is added or removed
};

// All of it outlives the steps.
struct EtcdDeps {
  NodeConfig const& config;
  Root root;
  Http& http;
  Clock& clock;
  Process& process;
  Units& units;
  aws::Ec2& ec2;  // to tag this master's volume
  OwnVolumes& volumes;
  EtcdPace pace = {};
  // Nothing: there is no store. Where there is one, a row of the boot list sets
  // facts.etcd(cluster).backups; while it has not, no cluster is formed.
  std::optional<EtcdStoreDeps> store = {};
};

}  // namespace haagent::bootstrap
