// A world of three masters, one etcd cluster and an operator's request about it in the state store,
// small enough to be told from every other in 128 bits. Beside etcd_explored_world, which knows no
// requests, it holds two clusters: the one from before, and the one that the request brings. What
// etcd's members promise each other is the same; the decision is the real one.
//
// The store and what an agent last read of it are two things here: an agent reads it at some time,
// and acts on that until it reads it anew; but with a blank volume it asks at once, and before that
// joins nobody. Who carries the request out closes it, and whom it finds
// in a cluster that serves makes it void, at any time from then on.
#pragma once

#include <array>

#include "tests/model/explorer.h"

namespace haagent::bootstrap::requested {

using explored::Decide;
using explored::Entry;
using explored::Key;
using explored::Power;

constexpr int kNodes = 3;
enum : std::uint8_t { kBefore = 0, kAfter = 1 };  // the two clusters

// What a volume holds: nothing; a log of the one cluster or of the other, under an id that is in
// its list or under one that is no more; or restored data that are not in their place yet.
enum class Disk : std::uint8_t { blank, before, before_removed, after, after_removed, built };
enum class Request : std::uint8_t { none, open, taken_back, carried_out };
// As this agent read it last; stale: it saw the cluster from before serve since.
enum class Board : std::uint8_t { none, open, stale, taken_back, carried_out };

struct Node {
  Power power = Power::off;
  Disk disk = Disk::blank;
  std::uint8_t tag = 0;     // 0: none, else the cluster id that it names
  std::uint8_t marker = 0;  // the same of haagent.json
  bool aside = false;
  bool done = false;   // haagent.json says that the request was carried out
  bool named = false;  // the volume is one that the request names
  bool far = false;    // on the other side of a partition
  bool log = false;    // holds the acknowledged write
  Board board = Board::none;
  std::array<Entry, 2> entry{};  // in each cluster's list
  std::array<bool, 2> later{};   // under an id that was added later
  std::array<bool, 2> published{};
};

enum class MoveKind : std::uint8_t {
  none,
  start,
  joined,
  aside,
  stop,
  remove,
  add,
  promote,
  tag,
  mark,
  restore,
  alone,
  adopt,
  form,
  serves,
  waits,
  refuses,
};
struct Move {
  MoveKind kind = MoveKind::none;
  std::uint8_t target = 0;   // of remove and promote: whose id; of tag, mark, adopt: the cluster's
  std::uint8_t cluster = 0;  // whose quorum is asked
  bool operator==(Move const&) const = default;
};

struct World {
  std::array<Node, kNodes> nodes;
  Request request = Request::none;
  bool written = false;  // acknowledged by the cluster from before, once the request was void
  bool ruined = false;   // more disks are lost than etcd can bear
  std::uint8_t losses = 0;
  std::uint8_t delays = 0;
  Move pending;  // decided, and not yet carried out, by:
  std::uint8_t slow = 0;
};

// What is requested.
struct Plan {
  RecoveryRequest::Kind kind = RecoveryRequest::Kind::restore;
  bool over_running = false;
  int losses = 1;  // of disks, on one path
  int delays = 1;  // moves that are carried out later than they were decided
  int depth = 100;
};

class Explorer {
 public:
  Explorer(Decide decide, Plan plan) : decide_(std::move(decide)), plan_(plan) {}
  void explore(World const& start);
  std::size_t worlds() const { return seen_.size(); }
  std::size_t decisions() const { return known_.size(); }
  int depth() const { return depth_; }
  bool whole() const { return whole_; }
  std::vector<std::string> const& violations() const { return violations_; }

 private:
  MemberInputs inputs(World const& world, int node, unsigned heard) const;
  MemberAnswer answer(World const& world, int node) const;
  Move move(World const& world, int node, unsigned heard);
  Key sight(World const& world, int node, unsigned heard) const;
  std::uint64_t cluster_id(std::uint8_t cluster) const;

  void push(World world);
  void visit(World const& world);
  void turns(World const& world, int m);
  void fates(World const& world, int m);
  void fates_of_all(World const& world);
  void lose_disk(World& world, int m) const;
  bool reads(World& world, int m) const;
  bool makes_void(World& world, int m) const;
  bool closes(World& world, int m) const;
  bool carry_out(World& world, int m, Move move);
  void restore(World& world, int m);
  void check(World const& world);
  bool can_go_on(World const& world) const;
  bool comes_to_a_good_end(World world);
  void violation(World const& world, int m, std::string const& what);

  Decide decide_;
  Plan const plan_;
  explored::KeySet seen_;
  explored::KeySet well_;
  struct Hash {
    std::size_t operator()(Key key) const { return explored::hash(key); }
  };
  std::unordered_map<Key, Move, Hash> known_;
  std::vector<Key> next_;
  int depth_ = 0;
  bool whole_ = false;
  std::vector<std::string> violations_;
};

}  // namespace haagent::bootstrap::requested
