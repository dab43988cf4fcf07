// Every interleaving of what masters, the operator, EC2 and misfortune can do to a world, breadth
// first, up to a bound; and whether each world that is met can come to a good end from there.
#pragma once

#include <string>
#include <vector>

#include "tests/model/explored_world.h"

namespace haagent::bootstrap::explored {

struct Bounds {
  int depth = 100;  // events
  int losses = 1;   // of disks, on one path
  int writes = 1;   // acknowledged
  int delays = 0;   // moves that are carried out later than they were decided
  bool partitions = true;
  int lost_mounts = 0;  // on one path
  bool copies = false;  // a lost disk may come back as an older copy of itself
  bool chores = false;  // one member comes to need one of them, at any point
};

// Keys of 128 bits, in one block of memory.
class KeySet {
 public:
  KeySet() : slots_(1u << 16u) {}
  bool insert(Key key);  // false: it was there
  bool contains(Key key) const;
  std::size_t size() const { return size_; }

 private:
  std::size_t slot_of(Key key) const;
  std::vector<Key> slots_;  // 0: empty; keys are kept with a bit that no world has
  std::size_t size_ = 0;
};

// What etcd or the step around the decision does worse than ours.
struct Flaws {
  bool adds_voters = false;   // in the place of learners
  bool acts_blindly = false;  // does not look at the volume again before it acts
};

class Explorer {
 public:
  Explorer(Decide decide, Bounds bounds, Flaws flaws = {})
      : decider_(std::move(decide)), bounds_(bounds), flaws_(flaws) {}

  // Until the bound is reached, nothing new is met, or an invariant is broken.
  void explore(World const& start);

  std::size_t worlds() const { return seen_.size(); }
  std::size_t decisions() const { return decider_.asked(); }
  int depth() const { return depth_; }   // that was gone through whole
  bool whole() const { return whole_; }  // there is nothing further
  std::vector<std::string> const& violations() const { return violations_; }

 private:
  void visit(World const& world);
  void push(World world);
  void turns(World const& world, int m);
  void fates(World const& world, int m);
  void fates_of_all(World const& world);
  void writes(World const& world);
  bool carry_out(World& world, int m, Move move, bool now);
  void remove(World& world, int m, int target, bool now);
  static void commit_change(World& world, bool far);
  void begin_log(World& world, int m, bool as_former);
  void check(World const& world);
  void lose_disk(World& world, int m);
  void replace_by_copy(World const& world, int m);
  static void judge_loss(World& world);
  void mounts(World const& world, int m);
  void chores(World const& world, int m);
  void turn_goes_round(World const& world, int m);
  void restart(World& world, int m, bool now);
  static void tell_others(World& world, int m, Move move);
  bool act_without_volume(World& world, int m, Move move);
  bool comes_to_a_good_end(World world, bool everybody);
  void ends_well(World const& world);
  void violation(World const& world, int m, std::string const& what);

  Decider decider_;
  Bounds const bounds_;
  Flaws const flaws_;
  KeySet seen_;
  KeySet well_;        // known to end well: everybody comes back
  KeySet well_as_is_;  // and with those alone that have power
  std::vector<Key> next_;
  int count_ = 0;
  int depth_ = 0;
  bool whole_ = false;
  bool healing_ = false;
  std::vector<std::string> violations_;
};

}  // namespace haagent::bootstrap::explored
