// What the steps learn and hand on: plain structs, so that volumes and bootstrap never include each
// other. Each fact is set by one step and read by those that come after it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/ebs_counters.h"
#include "agent/base/message.h"
#include "agent/base/result.h"

namespace haagent {

// Set by one step, read by others, from any thread.
template <class T>
class Fact {
 public:
  void set(T value) {
    std::lock_guard lock(mutex_);
    value_ = std::move(value);
  }
  void clear() {
    std::lock_guard lock(mutex_);
    value_.reset();
  }
  std::optional<T> get() const {
    std::lock_guard lock(mutex_);
    return value_;
  }
  // For a step whose rows in the boot list promise that the fact is there: a bug where it is not.
  Result<T> require(std::string_view name) const {
    if (auto value = get()) return *std::move(value);
    return fail(Kind::internal, "the fact '{}' is read before any step has set it", name);
  }

 private:
  mutable std::mutex mutex_;
  std::optional<T> value_;
};

// The two etcd clusters of a master. The name is also the tag's, the unit's and the folder's.
enum class EtcdCluster { main, events };
inline constexpr EtcdCluster kEtcdClusters[] = {EtcdCluster::main, EtcdCluster::events};
std::string_view to_string(EtcdCluster cluster);

// From instance metadata. Set by `identity`.
struct Identity {
  std::string instance_id;    // "i-0123456789abcdef0"
  std::string instance_type;  // "m6i.large"
  std::string image_id;
  std::string account_id;
  std::string region;        // "eu-west-1"
  std::string zone;          // "eu-west-1a"
  std::string zone_id;       // "euw1-az2"; empty on old instances
  std::string partition;     // "aws"
  std::string domain;        // "amazonaws.com"
  std::string address;       // primary private address, IPv4 where there is one, else IPv6
  std::string ipv4;          // empty on an IPv6-only instance
  std::string ipv6;          // empty where there is none
  std::string hostname;      // the Kubernetes node name, as node_name_of() makes it
  std::string architecture;  // "x86_64", "arm64"
  // What metadata says that its host name is, where that is no name for a node, and why not.
  std::string local_hostname{};
  std::string hostname_note{};
  std::string pending_time{};  // RFC 3339: since when EC2 has it `pending`, as its document says
  bool operator==(Identity const&) const = default;
};

// One etcd volume of any zone, as its tags and attachment say.
struct EtcdVolume {
  std::string volume_id;
  std::string zone;
  std::string member;                // "a" of the tag "a/a,b,c"
  std::vector<std::string> members;  // "a","b","c"
  std::string etcd_cluster_id;       // tag haagent.io/etcd-cluster-id; empty: never joined
  std::string formatted_at;          // tag haagent.io/formatted-at; empty: never formatted
  std::string formatting = {};       // tag haagent.io/formatting; empty: no mkfs was ever begun
  std::string snapshot_id;           // made from this snapshot; empty: created blank
  std::string instance_id;           // attached to, or still detaching from; empty: free
  std::string device_name;           // as EC2 names the attachment: "/dev/sdf"
  std::string attached_at = {};      // RFC 3339, by EC2's clock
  std::uint64_t size_gib = 0;
  bool detaching = false;      // from instance_id
  std::string tag_error = {};  // what is wrong with its tags: it names no member; empty: nothing

  // The instance that has it, and does not let it go; empty: none.
  std::string holder() const { return detaching ? std::string() : instance_id; }
};

struct BlockDevice {
  std::string path;  // "/dev/nvme1n1"
  dev_t number = 0;
  std::uint64_t bytes = 0;
  // By which it was found, and can be found again.
  std::string volume_id = {};
  std::string attached_as = {};  // EC2's name of the attachment, which counts on Xen alone
};

struct MountedVolume {
  std::string mount_point;             // "/var/lib/haagent-etcd/main"
  std::string filesystem;              // "ext4"
  std::string marker_etcd_cluster_id;  // from haagent.json; empty: this volume has never joined
};

// A master that carries a member, this one included.
struct EtcdPeer {
  std::string member;   // "a"
  std::string address;  // an IP address; empty: not known now
  bool operator==(EtcdPeer const&) const = default;
};

// The local member as etcd itself tells. Set by etcd-<cluster>.
struct EtcdMemberFacts {
  std::string name;        // "etcd-a"
  std::string member_id;   // hexadecimal, as etcdctl prints it
  std::string cluster_id;  // hexadecimal
  std::string version;     // "3.5.32"
  std::string leader;      // the leader's name; empty: no leader
  bool learner = false;
  int voters = 0;                          // listed voting members
  int healthy_voters = 0;                  // of those, that answer and see a leader
  std::vector<std::string> silent_voters;  // of those, that do not answer, by name
  std::uint64_t db_size = 0;               // bytes
  std::uint64_t db_quota = 0;              // bytes
  bool operator==(EtcdMemberFacts const&) const = default;
};

// Whether the state store has backups of a cluster: a new one is never formed beside them. Set by
// the row that asks the store, again and again while a cluster might be formed; who forms one asks
// once more.
struct EtcdBackups {
  enum class State { unknown, none, present };
  State state = State::unknown;
  std::string detail;  // unknown: why; present: the newest one, "2026-01-15T10:15:00Z"
  // A restore is under way: the token of the cluster that it brings. Empty: none is.
  std::string restored_token;
};

// How the standing backups of a cluster do. Set by backup-<cluster>.
struct EtcdBackupDuty {
  std::optional<UtcTime> newest;         // good one in the store, no matter who took it
  std::optional<UtcTime> failing_since;  // nothing: the last try here succeeded, or there was none
  std::optional<UtcTime> last_failure;   // of a try here
  std::string failure;                   // why it failed; empty: it does not fail now
  std::uint64_t taken = 0;               // here, since the agent started
  std::uint64_t failures = 0;            // the same
  bool operator==(EtcdBackupDuty const&) const = default;
};

// The heartbeat that the local member has, and the one it would start with now: another one waits
// for etcd's next start. Set by maintenance-<cluster>.
struct EtcdTimingFacts {
  Duration heartbeat{0};
  Duration next_heartbeat{0};
  std::optional<double> round_trip;  // seconds, the average between the two members farthest apart
  bool operator==(EtcdTimingFacts const&) const = default;
};

// How the local member's disk and network do, by etcd's own metrics of the last minutes, in
// seconds. Nothing where too little happened to say. Set by maintenance-<cluster>.
struct EtcdHealthFacts {
  std::optional<double> wal_fsync;       // 99 % of WAL syncs are faster
  std::optional<double> backend_commit;  // 99 % of backend commits are faster
  std::optional<double> round_trip;      // 99 % of round trips to the slowest peer are faster
  bool operator==(EtcdHealthFacts const&) const = default;
};

// A certificate of this node and its end.
struct CertificateEnd {
  std::string name;  // "etcd/server"; "etcd/ca" of an authority
  UtcTime not_after{};
  UtcTime renew_at{};      // of an authority: its end
  bool authority = false;  // trusted here; renewed by a rotation alone
  bool operator==(CertificateEnd const&) const = default;
};

// Set by pki.
struct PkiFacts {
  std::vector<CertificateEnd> certificates;
  std::string warning;  // why what should be renewed is not; empty: all is well
  // It is this master's turn to restart its etcd members, for exactly this trust; else empty.
  std::string restart_for;
  std::string turn;       // the master whose turn it is, as far as is known; empty: nobody's
  bool changing = false;  // a rotation or a turn is under way, and has got on within minutes
  std::string lacks;      // what of a rotation this master has not loaded yet, and what to do
  bool operator==(PkiFacts const&) const = default;
};

// How far a member's log goes, as its volume has it.
struct EtcdLogEnd {
  std::uint64_t cluster_id = 0;
  std::uint64_t term = 0;       // of its last entry
  std::uint64_t index = 0;      // that entry's place
  std::uint64_t committed = 0;  // the last one that this log knows a quorum to hold
  bool operator==(EtcdLogEnd const&) const = default;
  // Of these, a quorum may hold some or all, and a client may have been told so.
  std::uint64_t uncommitted() const { return index > committed ? index - committed : 0; }
};

enum class SpaceLevel { ok, warning, critical };
std::string_view to_string(SpaceLevel level);

// A filesystem that something of haagent's or Kubernetes' lives on, as it was last looked at.
// Figures are kept until they have changed by more than can be seen, so that they do not make news
// of themselves at each look.
struct FilesystemFacts {
  std::string mount_point;   // "/var/lib/haagent-etcd/main", "/"
  std::uint64_t size = 0;    // bytes
  std::uint64_t avail = 0;   // bytes
  std::uint64_t inodes = 0;  // 0: it has no fixed number of them
  std::uint64_t inodes_free = 0;
  std::uint64_t set_aside = 0;  // bytes of data that members have set aside on it
  SpaceLevel level = SpaceLevel::ok;
  std::string message;  // what is the matter and what to do; empty where nothing is
  std::string subject;  // of the row's message: "vol-1", "/"
  bool operator==(FilesystemFacts const&) const = default;
};

// A member's volume whose data are a copy of another's (volume_sight.h).
struct EtcdCopy {
  std::string of;     // "vol-1 (from snap-2)"
  UtcTime written{};  // when its log was last written to, by the clock of the machine that did
  std::uint64_t revision = 0;  // that its database holds at least; 0: not known
  bool operator==(EtcdCopy const&) const = default;
};

// This machine's clock against the state store's. Set by clock.
struct ClockFacts {
  std::optional<Duration> ahead;  // this machine's minus the store's; nothing: not known
  bool wrong = false;             // by more than the store_clock.h bound
  std::string against;            // "s3://prod-haagent/prod.example.com"
  bool operator==(ClockFacts const&) const = default;
};

// How often haagent has restarted the kubelet in this boot. Set by kubelet-health.
struct KubeletFacts {
  std::uint64_t restarts_for_certificate = 0;
  std::uint64_t restarts_for_health = 0;
  bool operator==(KubeletFacts const&) const = default;
};

// What a master has answered to machines that want to join. Set by the join listener.
struct JoinFacts {
  struct Waiting {
    std::string instance_id;  // empty: that is not known yet
    std::string address;
    Message message;      // why it was not let in
    UtcTime at{};         // when it asked last
    bool proven = false;  // the id is AWS' word; else its own, by a document that may be a copy
    bool operator==(Waiting const&) const = default;
  };
  std::map<std::string, std::uint64_t> decisions;  // how often, by reason, since the agent started
  std::vector<Waiting> waiting;                    // the one that asked last first
  bool operator==(JoinFacts const&) const = default;
};

// How the metrics get to CloudWatch. Set by what sends them (agent/cloudwatch), after each try.
struct CloudWatchFacts {
  std::size_t values = 0;          // of the last try
  std::optional<Message> failure;  // nothing: CloudWatch took them
  bool operator==(CloudWatchFacts const&) const = default;
};

// The worst last. What each means stands in docs/addons.md.
enum class AddonState { in_sync, drifted, conflicted, waiting, off, held_back, rejected, failed };
inline constexpr std::string_view kAddonStates[] = {"InSync", "Drifted",  "Conflicted", "Waiting",
                                                    "Off",    "HeldBack", "Rejected",   "Failed"};
constexpr std::string_view to_string(AddonState state) {
  return kAddonStates[static_cast<std::size_t>(state)];
}

// How an add-on was when this master last saw it. Set by addons, while the apiserver answers.
struct AddonFacts {
  std::string name;
  std::string state;               // one of kAddonStates
  std::uint64_t objects = 0;       // that it wants in the cluster
  std::uint64_t drifted = 0;       // that are about to be applied or deleted
  std::uint64_t conflicted = 0;    // with a field of another manager's
  std::uint64_t rejected = 0;      // that the apiserver does not take
  std::optional<UtcTime> in_sync;  // when it was last seen to be
  bool operator==(AddonFacts const&) const = default;
};

struct EtcdFacts {
  Fact<EtcdVolume> volume;                // set by volume-<cluster>: mine
  Fact<std::vector<EtcdVolume>> volumes;  // set by volume-<cluster>: all zones', mine included.
                                          // Unset where the boot needed no look at EC2
  Fact<BlockDevice> device;               // set by device-<cluster>
  Fact<MountedVolume> mount;              // set by mount-<cluster>. What is decided on the volume
                                          // goes by volume_sight.h instead
  Fact<EtcdMemberFacts> member;           // set by etcd-<cluster>
  Fact<bool> wants_restart;               // set by etcd-<cluster>: it serves, with a configuration
                                          // or in a version that is to be another one
  Fact<std::string> restart_held;         // set by etcd-<cluster>: why it may not be restarted
                                          // though it should; empty: it may
  Fact<bool> wants_defrag;  // set by maintenance-<cluster>: its file is to be defragmented,
                            // in this master's turn
  Fact<std::vector<EtcdPeer>> peers;  // set by hosts
  Fact<EtcdBackups> backups;          // set by the row that asks the state store
  Fact<EtcdBackupDuty> backup_duty;   // set by backup-<cluster>
  Fact<EtcdHealthFacts> health;       // set by maintenance-<cluster>
  Fact<EtcdTimingFacts> timing;       // set by maintenance-<cluster>
  Fact<EtcdLogEnd> log;               // set by store-<cluster>, while there is no quorum
  Fact<FilesystemFacts> space;        // set by space-<cluster>: of the volume's own filesystem
  Fact<EtcdCopy> copy;                // the same; unset: the data are the volume's own
  Fact<bool> blank;                   // the same: whether the volume has no data; unset: it is
                                      // not known
  Fact<EbsFacts> ebs;                 // set by space-<cluster>; unset: EBS tells no counters
  Fact<Message> limited;              // set by maintenance-<cluster>: etcd's disk is slow, and its
                                      // volume was at this limit of EBS; unset: none
};

struct Facts {
  Fact<Identity> identity;
  Fact<PkiFacts> pki;
  Fact<std::vector<FilesystemFacts>> filesystems;  // set by space: the node's, without etcd's
  Fact<ClockFacts> clock;
  Fact<JoinFacts> joins;
  Fact<KubeletFacts> kubelet;
  Fact<CloudWatchFacts> cloudwatch;
  Fact<std::vector<AddonFacts>> addons;  // by their names
  EtcdFacts main;
  EtcdFacts events;

  EtcdFacts& etcd(EtcdCluster cluster) { return cluster == EtcdCluster::main ? main : events; }
};

}  // namespace haagent
