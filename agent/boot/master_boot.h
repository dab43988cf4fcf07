#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/aws/ec2.h"
#include "agent/aws/region_view.h"
#include "agent/base/http.h"
#include "agent/base/process.h"
#include "agent/base/state_store.h"
#include "agent/base/store_clock.h"
#include "agent/base/units.h"
#include "agent/boot/boot.h"
#include "agent/boot/row_list.h"
#include "bootstrap/encryption/step.h"
#include "bootstrap/etcd/backup/backup.h"
#include "bootstrap/etcd/backup/backup_before_change.h"
#include "bootstrap/etcd/member/step.h"
#include "bootstrap/hosts/peers.h"
#include "bootstrap/join/master/registry.h"
#include "bootstrap/kube/kubelet_restarts.h"
#include "bootstrap/pki/step.h"
#include "volumes/steps.h"

namespace haagent {

// What a master works with beside what every node has.
struct MasterDeps {
  Http& http;
  Process& process;
  Units& units;
  aws::Ec2& ec2;
  volumes::Devices& devices;
  volumes::Disks& disks;
  volumes::Mounts& mounts;
  StateStore& store;
};

class MasterBoot final : public Boot {
 public:
  MasterBoot(NodeConfig const& config, NodeDeps node, MasterDeps master);
  std::vector<Row> rows() override;
  std::vector<Row> handover_rows(bool away, bool going_down, TimeLeft time_left) override;
  std::vector<Row> leader_rows() override;
  ServerReply receive_announcement(ServerCall const& call) override;

 private:
  void add_volume(RowList& list, EtcdCluster cluster);
  void add_members(RowList& list);
  void add_store_and_backups(RowList& list, EtcdCluster cluster);
  void add_kubernetes(RowList& list);
  void add_health(RowList& list);
  std::vector<std::string> before_launching_hook() const;
  void add_nodes(RowList& list);

  // The order is that of construction: what stands later refers to what stands before.
  MasterDeps master_;
  std::shared_ptr<StoreClock> time_;  // one for all, so that all find the same
  aws::RegionView region_;
  volumes::Volumes volumes_;
  bootstrap::BackupDeps backups_;
  bootstrap::BackupBeforeChange guard_;
  bootstrap::RecoveryRequests requests_;
  bootstrap::EtcdDeps etcd_;
  std::shared_ptr<bootstrap::Peers> peers_;
  bootstrap::pki::PkiDeps pki_;
  bootstrap::encryption::Deps encryption_;
  bootstrap::kube::KubeletRestarts kubelet_restarts_;
  bootstrap::EtcdClient nodes_in_;  // its own member of main
  bootstrap::join::EtcdNodeRegistry nodes_;
};

}  // namespace haagent
