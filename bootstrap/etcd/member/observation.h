// What is known of a member at one look: the one value that the decision is made from. In parts, by
// where each is known from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "agent/base/units.h"
#include "agent/base/volume_sight.h"
#include "bootstrap/etcd/client/client.h"
#include "bootstrap/etcd/client/version.h"
#include "bootstrap/etcd/disk/data_dir.h"
#include "bootstrap/etcd/store/request.h"
#include "bootstrap/hosts/hosts_file.h"
#include "bootstrap/layout/names.h"

namespace haagent::bootstrap {

// What a running etcd says of itself.
struct ServerFacts {
  std::string version;        // "3.5.30"
  std::uint64_t db_size = 0;  // bytes
  std::vector<std::string> alarms;
};

// What one member's etcd answers, mine included.
struct MemberAnswer {
  enum class Reach {
    unreachable,  // no answer: no address, no route, refused, a timeout
    not_etcd,     // something answers, but not as etcd does: another certificate, no gateway
    answers,
  };
  std::string member;  // "b"
  Reach reach = Reach::unreachable;
  std::string why;  // of not_etcd and unreachable: "connection refused"
  std::uint64_t cluster_id = 0;
  std::uint64_t member_id = 0;
  ServerFacts server;
  bool learner = false;
  std::uint64_t raft_index = 0;
  std::uint64_t leader_id = 0;  // 0: it sees none
  // The list by a read that a quorum has confirmed; nothing where there is no quorum, or a learner
  // was asked.
  std::optional<std::vector<EtcdMember>> quorum_list;
};

// A volume of the cluster, in any zone, as EC2 says.
struct VolumeEvidence {
  std::string volume_id;
  std::string member;
  std::vector<std::string> members;
  std::string etcd_cluster_id;
  bool attached = false;  // to an instance
  // False: it has lost its tag of a member, and still carries a cluster's id: a member that left,
  // or one whose tag was taken away too early. It says nothing but that there has been a cluster.
  bool tagged = true;
};

// A blank volume decides on what EC2 said at most this long ago, and so does who takes a member
// out.
inline constexpr Duration kEvidenceAge{5'000};
// Longer than a describe of EC2 has been seen to lag behind a change of tags.
inline constexpr Duration kTagsSettle{120'000};
// A learner whose log does not grow for so long is taken out, by its own agent; by the leader's
// where nobody answers there for twice as long.
inline constexpr Duration kLearnerPatience{600'000};

struct MemberIdentity {
  EtcdCluster cluster = EtcdCluster::main;
  std::string member;                         // "a"
  InitialMember self;                         // how etcd knows me
  std::vector<InitialMember> expected;        // all members of my volume's tag, in its order
  std::vector<std::string> expected_members;  // "a", "b", "c", beside `expected`
  std::string version;                        // of the installed etcd: "3.5.30"
};

// Mine. Where it is not seen, nothing else is known of it but what EC2 says.
struct OwnVolume {
  std::string volume_id;
  std::string snapshot_id;
  std::string tag_cluster_id;
  std::optional<UnseenVolume> unseen;
  DataDir data;
  std::string copy_of;  // whose data these are a copy of (copied_from()); empty: they are its own
  std::string marker_cluster_id;
  std::string served_by;     // etcd that last served on it: "3.5.35"; empty: not known
  std::string data_version;  // what its data had been raised to then: "3.5"
  OldRequests old_requests = OldRequests::none;  // in its log; looked for before a step up alone
};

// My etcd and its unit, and what it said to what it was last asked to change.
struct OwnEtcd {
  UnitState::Phase unit = UnitState::Phase::stopped;
  bool between_starts = false;  // systemd is about to start it again
  std::string unit_detail;
  std::string last_end;              // how a run has ended since it last served; empty: none has
  int failed_starts = 0;             // since it last served
  std::optional<UtcTime> starts_at;  // not before, since a start has failed; nothing: at once
  MemberAnswer own;
  std::string promotion_refused;  // etcd's words to the promotion just asked for; empty: none
  bool change_was_early = false;  // said etcd of the change of its members just asked for
};

struct OtherMembers {
  std::vector<MemberAnswer> peers;
  std::string cluster_version;  // as one of them says: "3.5.0"; asked only before a start
  Duration learner_still{0};    // since the listed learner's log, mine or a peer's, last grew
  Duration learner_patience{kLearnerPatience};
};

// The tags of all volumes, mine included.
struct Ec2Evidence {
  std::optional<std::vector<VolumeEvidence>> volumes;  // nothing: it was not asked
  Duration volumes_age{0};                             // since it said so
  Duration tags_agree_for{0};  // over how long each of its answers had tags that list who they do
  Duration tags_settle{kTagsSettle};
};

struct StoreFacts {
  enum class Backups { absent, unknown, none, present };  // `absent`: there is no store to be asked
  Backups backups = Backups::absent;
  std::string backups_detail;  // of unknown: why; of present: which
  std::string restored_token;  // of a restore that is under way
  // The operator's request, as the store had it last, and what my volume knows of it.
  std::optional<RecoveryRequest> request;
  std::optional<Duration> request_age = Duration(0);  // by the store's clock; nothing: not known
  std::string request_done;  // id of the last one that was carried out on my volume
};

struct HostsChange {
  std::vector<HostsEntry> entries;  // what the block in /etc/hosts should hold
  std::string sentence;
};
// The first file that the running etcd's user is shut out of.
struct ShutOut {
  UnitUser etcd;
  bool data = false;  // its data may be given to it too: it is between two starts
  std::string path;
};
// This machine's. What could not be read is the error in its place.
struct MachineFacts {
  std::optional<HostsChange> hosts;  // nothing: /etc/hosts is as it should be
  Result<std::optional<ShutOut>> shut_out = std::nullopt;
};

// Why what runs is to be restarted.
struct RestartReasons {
  bool configuration = false;  // its file is to be another one
  bool trust = false;          // it has other authorities than those it was granted a restart for
  std::string version;         // what is installed, where another one runs; else empty
};
// The turn to restart, which goes round among all masters (restart.h).
struct TurnFacts {
  bool asked = false;  // by this member, which still wants it
  bool mine = false;   // this master has it
  std::string holder;  // as far as is known: "c"; empty: nobody
};
// What is looked for only beside a voter that has a quorum.
struct ServingFacts {
  EtcdVersions versions;                          // as it last said
  Result<std::vector<std::string>> stale_leases;  // keys, of apiservers from before a restore
  bool leftovers = false;                         // of a restore or a backup, on the volume
  Result<RestartReasons> restart;
  std::string warnings;  // against the installed version; empty: none
  TurnFacts turn;
  int lead_passes = 0;  // times that the lead was to go before this restart, and has not gone
};

struct MemberInputs {
  MemberIdentity me;
  OwnVolume volume;
  OwnEtcd etcd;
  OtherMembers others;
  Ec2Evidence ec2;
  StoreFacts store;
  MachineFacts machine;
  ServingFacts serving;
};

}  // namespace haagent::bootstrap
