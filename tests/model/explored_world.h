// A world of masters and one etcd cluster, small enough to be told from every other in 128 bits:
// what the exploration walks through. The decision is the real one; etcd is reduced to what its
// members promise each other:
//  - voters that run on their own logs and reach each other, a majority of the voters in the list,
//    take writes and change the list; nobody else does either;
//  - an acknowledged write is in the logs of such a majority, fsynced, in the order of all writes;
//  - one learner at a time; no removal that leaves fewer started or running voters than a quorum;
//    an id that was removed never comes back; who is told that it was removed ends.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "bootstrap/etcd/member/decision.h"
#include "tests/model/packed.h"

namespace haagent::bootstrap::explored {

constexpr int kMost = 5;
using Decide = std::function<Decision(MemberInputs const&)>;

enum class Role : std::uint8_t { stays, joins, leaves };  // by the tags that the operator writes
enum class Power : std::uint8_t { off, on, etcd };
enum class Entry : std::uint8_t { none, voter, learner };  // in the cluster's list
enum class Tag : std::uint8_t { none, written, shown };    // written: EC2 may show it, or not yet
// What the volume holds: nothing, the log of its id in the list, that of an id that was removed
// (the one that formed the cluster, or a later one), one begun anew under the id that formed it, or
// an older copy of the log of its id in the list.
enum class Disk : std::uint8_t { blank, current, old_first, old_later, anew, copy };

// Why the running etcd is to be started anew.
enum class Outdated : std::uint8_t { none, configuration, trust, version };
// What else a member may need, one thing at a time.
enum class Chore : std::uint8_t { none, hosts, shut_out, version, leases, leftovers };

struct Node {
  Role role = Role::stays;
  Power power = Power::off;
  Disk disk = Disk::blank;
  Entry entry = Entry::none;
  bool first = false;      // its id is the one that forms
  bool published = false;  // its name and client URLs
  std::uint8_t log = 0;    // how many acknowledged writes it holds
  Tag tag = Tag::none;     // the cluster's id on the volume
  bool marker = false;
  bool aside = false;      // data that was set aside
  bool voted = false;      // its present id may have voted
  bool far = false;        // on the other side of a partition
  bool retagged = false;   // its tag is as the operator wants it: new, changed or taken away
  bool unmounted = false;  // its volume was taken from its place; an etcd that runs goes on
  // Of worlds of three at most:
  Outdated outdated = Outdated::none;
  bool wants = false;       // its agent asks for the turn to restart
  bool restarting = false;  // down since its agent has stopped it for that
  std::uint8_t passes = 0;  // times that the lead was to go before that
  Chore chore = Chore::none;
};

enum class MoveKind : std::uint8_t {
  none,
  start,
  form,
  joined,
  aside,
  stop,
  remove,
  add,
  promote,
  tag,
  mark,
  lead,
  chore,
  pass,
  restart,
  hosts,
  serves,
  waits,
  refuses,
};
struct Move {
  MoveKind kind = MoveKind::none;
  std::uint8_t target = 0;  // of remove, promote, lead and pass: whose id
  std::uint8_t others = 0;  // of form: the mask of its list
  bool asks = false;        // of serves: for the turn to restart
};

struct World {
  std::array<Node, kMost> nodes;
  std::uint8_t count = 3;
  bool formed = false;
  std::uint8_t writes = 0;   // acknowledged
  std::uint8_t leader = 7;   // 7: none
  bool settled = false;      // for two minutes tags and list have been as they are
  bool list_moved = false;   // since the operator began
  bool lists_shown = false;  // EC2 shows the new tags to all
  bool ruined = false;       // more logs are lost than etcd can bear
  std::uint8_t losses = 0;
  std::uint8_t delays = 0;
  std::uint8_t lost_mounts = 0;
  Move pending;  // decided, and not yet carried out, by:
  std::uint8_t slow = 0;
  // Of worlds of three at most:
  std::uint8_t turn = 7;  // to restart, in the state store; 7: nobody's
  bool chored = false;    // somebody had a chore on this path
};

// What of the world a decision gets to see.
struct Sight {
  unsigned heard = 0;     // masters whose answers come
  bool new_tags = true;   // of cluster ids that are written, but not shown to all
  bool new_lists = true;  // of members, while the operator writes
};

std::string letter(int node);  // "a"
InitialMember known_as(int node);

Key pack(World const& world);
World unpack(Key key, int count);
// The same world under other names: the least of those that sorting finds.
World canonical(World const& world);

// Facts of a world.
int voters(World const& world);
int majority(int voters);
bool runs(World const& world, int node);           // etcd, on the log of an id in the list
int running_voters(World const& world, bool far);  // on one side
bool has_quorum(World const& world, bool far);
bool wanted(World const& world, int node);  // by the tags as they stand
bool wanted_in_the_end(Node const& node);
bool has_restarts(World const& world);  // they are a part of it
std::string describe(World const& world);

// What follows by itself: members find each other and form, removed ones end, a leader is elected.
void settle(World& world);

// Decides for one master, with the real inputs, and remembers each answer by what it saw.
class Decider {
 public:
  explicit Decider(Decide decide) : decide_(std::move(decide)) {}
  Move move(World const& world, int node, Sight sight);
  std::string sentence(World const& world, int node, Sight sight);
  std::size_t asked() const { return known_.size(); }

 private:
  struct Hash {
    std::size_t operator()(Key key) const;
  };
  Decide decide_;
  std::unordered_map<Key, Move, Hash> known_;
};
std::uint64_t hash(Key key);

}  // namespace haagent::bootstrap::explored
