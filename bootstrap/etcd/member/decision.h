// THE member decision: from what is known to one move. Pure, so that every situation is a row of a
// test. A move is small enough that a crash after it leaves facts from which the next decision goes
// on: nothing is remembered but what stands on the volume, in the cluster and in EC2's tags.
//
// The rules, by their weight:
//  1. Data on the volume: start it as it is, whatever else is unreachable. Only a quorum that says
//     that this member was removed, or one that serves another cluster, stops that.
//  2. A new cluster only where nothing speaks for an old one: my volume is blank and no snapshot's,
//     no volume of any zone carries a cluster id, no peer answers at all, no backup exists and no
//     restore is under way, and a quorum of the expected volumes is held by instances. Everybody
//     forms with the same full list and token, so ids are the same whoever starts first, and etcd's
//     own quorum over that list makes it one cluster.
//  3. History and no quorum: wait. Never form.
//  4. A blank member that a quorum knows comes back under a new id (remove, add as a learner,
//     promote), never under its old one: it may have voted or acknowledged entries that it lost
//     with its disk. This holds for a member that looks never started too, since a disk can be lost
//     before its member has published itself, and no input here tells the two apart. Only a learner
//     that has not started is used as it stands: it has no vote and nothing to lose.
//  5. A member is not done before a quorum of the volumes carry the cluster's id, so that no
//     client's write is taken which the loss of a minority of the volumes leaves without evidence.
//     A learner's volume carries it before the learner votes, for the same reason, and a blank
//     member's before it takes its old id out.
//  6. Who is to be a member is what the tags of all the cluster's volumes agree on. While they
//     disagree, nobody is added or removed. A member is taken out only on positive evidence: every
//     volume's tag lists the same members without it, each of those has a volume that shows it, EC2
//     has said so for kTagsSettle, and all of those members vote. It is taken out by the agent of
//     etcd's leader, of which there is one, one at a time, and never while another voter is down.
//  7. The number of voters is made even only while every voter is up: a quorum of 4 is 3.
//  8. What stands in the way is set aside, never deleted.
//  9. What is decided about a member is decided on its own volume. One that is not seen (it is not
//     mounted, or it is another disk, or it has another's haagent.json) is neither blank nor a
//     member's: nobody is changed.
// 10. A copy of a volume (from a snapshot, or byte by byte) is not that volume: its log has
//     forgotten entries that it acknowledged and votes that it cast. It is never started as it is;
//     where a quorum serves, its data go aside and it joins under a new id.
// 11. An operator's order in the state store (store/request.h) goes before 1 to 3 and 10, for the
//     volumes that it names, once each, and not over a quorum that serves unless it says so.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/units.h"
#include "agent/base/volume_sight.h"
#include "bootstrap/etcd/client/client.h"
#include "bootstrap/etcd/client/version.h"
#include "bootstrap/etcd/disk/data_dir.h"
#include "bootstrap/etcd/store/request.h"
#include "bootstrap/layout/names.h"

namespace haagent::bootstrap {

// What one member's etcd answers, mine included.
struct MemberAnswer {
  enum class Reach {
    silent,   // no answer: no address, no route, refused, a timeout
    strange,  // something answers, but not as etcd does: another certificate, no gateway
    answers,
  };
  std::string member;  // "b"
  Reach reach = Reach::silent;
  std::string why;  // of silent and strange: "connection refused"
  std::uint64_t cluster_id = 0;
  std::uint64_t member_id = 0;
  std::string version;
  bool learner = false;
  std::uint64_t raft_index = 0;
  std::uint64_t leader_id = 0;  // 0: it sees none
  std::uint64_t db_size = 0;    // bytes
  std::vector<std::string> alarms;
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

struct MemberInputs {
  // Who I am.
  EtcdCluster cluster = EtcdCluster::main;    // mine
  std::string member;                         // "a"
  InitialMember self;                         // how etcd knows me
  std::vector<InitialMember> expected;        // all members of my volume's tag, in its order
  std::vector<std::string> expected_members;  // "a", "b", "c", beside `expected`
  std::string version;                        // of my etcd: "3.5.30"

  // My volume. Where it is not seen, nothing else is known of it but what EC2 says.
  std::optional<UnseenVolume> unseen;
  DataDir data;
  std::string copy_of;  // whose data these are a copy of (copied_from()); empty: they are its own
  std::string marker_cluster_id;
  std::string tag_cluster_id;
  std::string snapshot_id;
  std::string served_by;     // etcd that last served on it: "3.5.35"; empty: not known
  std::string data_version;  // what its data had been raised to then: "3.5"
  OldRequests old_requests = OldRequests::none;  // in its log; looked for before a step up alone

  // My etcd.
  UnitState::Phase unit = UnitState::Phase::stopped;
  std::string unit_detail;
  std::string last_end;   // how a run has ended since it last served; empty: none has
  int failed_starts = 0;  // since it last served
  MemberAnswer own;

  // The others.
  std::vector<MemberAnswer> peers;
  std::string cluster_version;    // as one of them says: "3.5.0"; asked only before a start
  Duration learner_still{0};      // since the listed learner's log, mine or a peer's, last grew
  std::string promotion_refused;  // etcd's words to the promotion just asked for; empty: none

  // EC2's: the tags of all volumes, mine included. Nothing: it was not asked.
  std::optional<std::vector<VolumeEvidence>> volumes;
  Duration volumes_age{0};     // since it said so
  Duration tags_agree_for{0};  // over how long each of its answers had tags that list who they do
  Duration tags_settle{kTagsSettle};
  Duration learner_patience{kLearnerPatience};

  // The state store's. `absent`: there is none to be asked.
  enum class Backups { absent, unknown, none, present };
  Backups backups = Backups::absent;
  std::string backups_detail;  // of unknown: why; of present: which
  std::string restored_token;  // of a restore that is under way

  // The operator's order, as the store had it last, and what this volume knows of it.
  std::optional<EtcdOrder> order;
  std::optional<Duration> order_age = Duration(0);  // by the store's clock; nothing: not known
  std::string volume_id;                            // mine
  std::string order_done;  // id of the last one that was carried out on my volume
};

struct StartAsIs {};
struct FormNew {
  std::vector<InitialMember> initial;
};
struct StartJoined {  // my id is in the list, as a learner that has not started
  std::vector<InitialMember> initial;
};
struct SetAside {
  std::string why;
};
struct StopUnit {
  std::string why;
};
struct RemoveStale {  // my own old id
  std::uint64_t id = 0;
  std::string why;
};
struct AddLearner {};
struct Promote {
  std::uint64_t id = 0;
};
struct UpdatePeerUrl {
  std::uint64_t id = 0;
};
struct TagVolume {  // mine, in EC2
  std::uint64_t id = 0;
};
struct MarkVolume {  // mine, in haagent.json
  std::uint64_t id = 0;
};
struct RemoveMember {  // another, or the learner that does not get on
  std::uint64_t id = 0;
  std::string name;
  std::string why;
};
struct RestoreData {};  // as ordered, from its backup, into an empty place
struct ForceAlone {};   // as ordered: my data go on as a cluster of one
// As ordered, and too late for it: the cluster of the order serves without me, so my volume belongs
// to it from now on, as a blank one does.
struct AdoptCluster {
  std::uint64_t id = 0;
};
struct MoveLeader {  // away from me
  std::uint64_t to = 0;
  std::string name;
  std::string why;
};
// `todo` is what the operator is to do, or "nothing to do: ..." where it goes on by itself.
struct Wait {
  std::string what;
  std::string todo;
  bool ask_ec2 = false;  // for what EC2 says now: ask it, and decide again
};
struct Refuse {
  std::string why;
  std::string todo;
};
struct Serving {
  std::string what;
  bool watch_tags = false;  // a change waits for what EC2 says next
};
using Decision =
    std::variant<StartAsIs, FormNew, StartJoined, SetAside, StopUnit, RemoveStale, AddLearner,
                 Promote, UpdatePeerUrl, TagVolume, MarkVolume, RemoveMember, MoveLeader,
                 RestoreData, ForceAlone, AdoptCluster, Wait, Refuse, Serving>;

Decision decide(MemberInputs const& inputs);

// The cluster that my volume belongs to: its log knows best, then the marker, then the tag; 0: none
// yet.
std::uint64_t own_cluster(MemberInputs const& inputs);

// Of these, what decides which etcd may be started.
VersionFacts version_facts(MemberInputs const& inputs);

// Whether it waits for nothing but a new answer of EC2.
bool asks_ec2(Decision const& decision);

bool starts_etcd(Decision const& decision);
bool changes_members(Decision const& decision);

// "b does not answer (connection refused) and c answers strangely (HTTP 404)"; empty: all answer.
std::string missing(MemberInputs const& inputs);

// The move in one sentence: "form a new cluster of etcd-a, etcd-b and etcd-c".
std::string sentence_of(Decision const& decision, MemberInputs const& inputs);

}  // namespace haagent::bootstrap
