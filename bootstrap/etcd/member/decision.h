// THE member decision: from what is known to one outcome, what a member that serves may need
// included. Pure, so that every situation is a row of a test. A move is small enough that a crash
// after it leaves facts from which the next decision goes on: nothing is remembered but what stands
// on the volume, in the cluster and in EC2's tags.
//
// The rules, by their weight:
//  1. Data on the volume: start it as it is, whatever else is unreachable. Only a quorum that says
//     that this member was removed, or one that serves another cluster, stops that.
//  2. A new cluster only where nothing speaks for an old one: my volume is blank and no snapshot's,
//     no volume of any zone carries a cluster id, no peer answers at all, no backup exists and no
//     restore is under way, and a quorum of the expected volumes is held by instances. Everybody
//     forms with the same full list and token, so ids are the same no matter who starts first, and
//     etcd's own quorum over that list makes it one cluster.
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
//  9. What is decided about a member is decided on its own volume. One that is not seen (not
//     mounted, another disk, another's haagent.json) is neither blank nor a member's: nobody is
//     changed.
// 10. A copy of a volume (from a snapshot, or byte by byte) is not that volume: its log has
//     forgotten entries that it acknowledged and votes that it cast. It is never started as it is;
//     where a quorum serves, its data go aside and it joins under a new id.
// 11. An operator's request in the state store (store/request.h) goes before 1 to 3 and 10, for the
//     volumes that it names, once each, and not over a quorum that serves unless it says so.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/base/progress.h"
#include "agent/base/result.h"
#include "bootstrap/etcd/member/observation.h"
#include "bootstrap/etcd/member/restart.h"

namespace haagent::bootstrap {

// Of the machine, before all else.
struct WriteHosts {
  HostsChange change;
};
struct LetEtcdIn {
  ShutOut shut_out;
};

// Of the member.
struct StartAsIs {};
struct FormNew {
  std::vector<InitialMember> initial;
};
struct StartJoined {  // my id is in the list, as a learner that has not started
  std::vector<InitialMember> initial;
};
struct SetAside {
  std::string why;
  bool requested = false;  // by a request, which must still stand then
};
struct StopUnit {
  std::string why;
  bool requested = false;
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
// Which etcd serves on my volume, and what its data stands at.
struct ServedBy {
  std::string server;  // "3.5.35"
  std::string data;    // "3.5"
};
struct MarkVolume {  // mine, in haagent.json
  std::uint64_t id = 0;
  std::optional<ServedBy> served;  // where it is known, and new there
};
struct RemoveMember {  // another, or the learner that does not get on
  std::uint64_t id = 0;
  std::string name;
  std::string why;
  bool votes = false;  // it is gone for good, and the cluster is smaller by a voter
};
struct MoveLeader {  // away from me
  std::uint64_t to = 0;
  std::string name;
  std::string why;
};
struct RestoreData {               // as requested, from its backup, into an empty place
  bool but_for_its_place = false;  // one rename is left of it
};
struct ForceAlone {};  // as requested: my data go on as a cluster of one
// As requested, and too late for it: the cluster of the request serves without me, so my volume
// belongs to it from now on, as a blank one does.
struct AdoptCluster {
  std::uint64_t id = 0;
};

// Of a member that serves.
struct WriteVersion {  // into the volume's haagent.json
  ServedBy served;
};
struct EraseLeases {  // of apiservers from before a restore
  std::vector<std::string> keys;
};
struct DropLeftovers {};  // what a restore or a backup has left on the volume
struct PassLead {         // before the restart
  std::uint64_t to = 0;
  std::string name;
  bool again = false;
};
struct RestartEtcd {
  RestartsNow restart;
};

// Nothing is done for now.
// The advice is what the operator is to do, or "nothing to do: ..." where it goes on by itself.
struct Wait {
  Message message;
  bool ask_ec2 = false;                   // for what EC2 says now: ask it, and decide again
  std::optional<Progress> progress = {};  // of what it waits for
};
struct StartLater {  // a start has just failed
  Message message;
};
struct ChangeLater {  // etcd takes no change of its members yet
  Message message;
};
struct Refuse {
  Message message;
};
struct Unreadable {  // what has to be known first
  Error error;
};
struct Serving {
  Message message;  // the gravest reason of what is not as it should be, with the words for all
  bool watch_tags = false;  // a change waits for what EC2 says next
  bool asks_for_turn = false;
  std::string restart_held = {};  // why it may not be restarted though it should; empty: it may
};

using Decision =
    std::variant<WriteHosts, LetEtcdIn, StartAsIs, FormNew, StartJoined, SetAside, StopUnit,
                 RemoveStale, AddLearner, Promote, UpdatePeerUrl, TagVolume, MarkVolume,
                 RemoveMember, MoveLeader, RestoreData, ForceAlone, AdoptCluster, WriteVersion,
                 EraseLeases, DropLeftovers, PassLead, RestartEtcd, Wait, StartLater, ChangeLater,
                 Refuse, Unreadable, Serving>;

template <class T, class... Ts>
concept OneOf = (std::same_as<T, Ts> || ...);
// Those of which nothing is done.
template <class T>
concept Standing = OneOf<T, Wait, StartLater, ChangeLater, Refuse, Unreadable, Serving>;
// Those that say nothing of the member itself.
template <class T>
concept OfTheMachine = OneOf<T, WriteHosts, LetEtcdIn>;
// Those of a member that serves.
template <class T>
concept OfServing =
    OneOf<T, WriteVersion, EraseLeases, DropLeftovers, PassLead, RestartEtcd, Serving>;

Decision decide(MemberInputs const& inputs);

// Whether EC2 is to be asked before that, since the outcome hangs on what it says now.
enum class AskEc2 {
  no,
  if_it_answers,  // else the last answer does
  first,
};
AskEc2 asks_ec2(MemberInputs const& inputs);

}  // namespace haagent::bootstrap
