// What a command sees of a cluster that may be lost, and whether it may be restored, recovered, or
// have one member replaced. Looking never writes; the three answers are pure.
//
// Each refusal is an Error of kind refused that says what was found, what would be lost, and which
// flag or step is the way on.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/aws/ec2.h"
#include "agent/base/volume_sight.h"
#include "bootstrap/etcd/member/decision.h"
#include "bootstrap/etcd/store/manifest.h"
#include "bootstrap/etcd/store/request.h"
#include "bootstrap/hosts/peers.h"

namespace haagent::bootstrap {

struct SeenMember {
  MemberAnswer answer;
  std::uint64_t revision = 0;  // of its keys; 0 where it does not answer
  bool healthy = false;        // it follows a leader and complains of nothing
  std::string trouble;         // of one that is not
  std::string address = {};    // of its master; empty: not known
  // Of its volume: mine as the disk has it, another's as its agent says.
  std::optional<EtcdLogEnd> log = {};
  std::optional<EtcdCopy> copy = {};
  bool blank = false;  // it holds no data
};

struct SeenCluster {
  EtcdCluster etcd = EtcdCluster::main;
  std::string own_member;           // "a": of this master
  std::string own_volume;           // its volume
  bool own_data = false;            // which holds a log
  WalIdentity own_identity;         // whose
  std::string own_request;          // the last request that was carried out on it
  std::vector<EtcdVolume> volumes;  // all of the cluster's, as EC2 shows them
  // Of either cluster: they carry a cluster's id, and no tag of a member any more.
  std::vector<EtcdVolume> retired = {};
  std::vector<SeenMember> members;  // this master's first
  // As this master's etcd has it, a quorum or not; nothing where it does not answer.
  std::optional<std::vector<EtcdMember>> own_list;

  bool has_copies() const;  // of volumes, as far as is known
  // Whose list a quorum stands behind, of this volume's own cluster where one does; null: nobody's.
  SeenMember const* quorum() const;
  SeenMember const* quorum_of(std::uint64_t cluster_id) const;
  SeenMember const* own() const;
};

// Asks EC2 and the members. Holds what it has heard of addresses.
class ClusterLook {
 public:
  ClusterLook(EtcdCluster cluster, NodeConfig const& config, Root root, Http& http, aws::Ec2& ec2,
              OwnVolumes& own, Clock& clock, Identity const& identity);
  // EC2 as it was at most max_age ago. Errors: invalid where this instance holds no volume of the
  // cluster.
  Result<SeenCluster> look(Duration max_age, std::stop_token stop);

 private:
  EtcdCluster const cluster_;
  NodeConfig const& config_;
  Root root_;
  Http& http_;
  OwnVolumes& own_;
  std::string const instance_id_;
  Facts facts_;
  aws::RegionView region_;
  Peers peers_;
};

// Refused where a volume's tag cannot be read: nobody can tell whose data it holds.
Result<void> every_tag_can_be_read(SeenCluster const& seen);

struct LossFlags {
  bool over_running = false;  // though a quorum serves
  bool newer_writes = false;  // though somebody holds newer data, or may
};

Result<void> may_restore(SeenCluster const& seen, BackupManifest const& backup, LossFlags flags);
// Who could go on beside this one is counted by etcd's own list where it is known: while members
// join or leave, the tags are ahead of it. `newest`: the newest good backup, where there is one.
Result<void> may_recover(SeenCluster const& seen, std::optional<BackupManifest> const& newest,
                         LossFlags flags);
// Whether nobody has carried the request out yet, as far as one sees.
Result<void> may_cancel(SeenCluster const& seen, RecoveryRequest const& request);
// What a recovery from this volume loses for certain, since etcd drops what its log does not know
// to be committed; 0 too where that is not known.
std::uint64_t dropped_by_recovery(SeenCluster const& seen);
// The same in words, and who knows those entries to be committed; empty: nothing is dropped.
std::string recovery_note(SeenCluster const& seen);
// Which of etcd's members is meant: "b", "etcd-b" or its id.
Result<EtcdMember> may_replace(SeenCluster const& seen, std::string const& member);

}  // namespace haagent::bootstrap
