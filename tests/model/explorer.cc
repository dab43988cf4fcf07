#include "tests/model/explorer.h"

#include <algorithm>

namespace haagent::bootstrap::explored {
namespace {

constexpr Key kThere = static_cast<Key>(1) << 127u;
constexpr int kRounds = 60;

bool touches_etcd_or_disk(Move move) {
  return move.kind != MoveKind::none && move.kind < MoveKind::serves;
}

bool changes_at_all(Role role) {
  return role != Role::stays;
}

bool has_change(World const& world) {
  for (int i = 0; i < world.count; ++i)
    if (changes_at_all(world.nodes[i].role)) return true;
  return false;
}

bool exists(Node const& node) {
  return node.role != Role::joins || node.retagged;
}

// Or it goes on with it, since etcd runs.
bool has_its_volume(Node const& node) {
  return node.power == Power::etcd || (node.power == Power::on && !node.unmounted);
}

// A voter of the list whose log is whole.
bool intact(Node const& node) {
  return node.entry == Entry::voter && node.disk == Disk::current;
}

struct Logs {
  int intact = 0;
  int without_all_writes = 0;
};
Logs logs_of(World const& world) {
  Logs logs;
  for (int i = 0; i < world.count; ++i) {
    if (!intact(world.nodes[i])) continue;
    ++logs.intact;
    logs.without_all_writes += world.nodes[i].log < world.writes;
  }
  return logs;
}

// It runs for what it is to run for, or its agent starts it.
bool is_to_restart(Node const& node) {
  return node.wants || node.outdated == Outdated::trust;
}

// By what pki of this master sees: every voter answers and follows a leader.
bool every_voter_is_well(World const& world, int m) {
  for (int i = 0; i < world.count; ++i) {
    auto const& node = world.nodes[i];
    if (node.entry == Entry::none) continue;
    if (node.entry == Entry::learner || !runs(world, i) || node.far != world.nodes[m].far)
      return false;
  }
  return runs(world, m) && has_quorum(world, world.nodes[m].far);
}

bool may_take_turn(World const& world, int m) {
  return world.turn == 7 && is_to_restart(world.nodes[m]) && world.nodes[m].power != Power::off &&
         every_voter_is_well(world, m);
}

bool gives_turn_back(World const& world, int m) {
  return world.turn == m && !is_to_restart(world.nodes[m]) && every_voter_is_well(world, m);
}

bool has_anything_outdated(World const& world) {
  return std::ranges::any_of(world.nodes,
                             [](Node const& node) { return node.outdated != Outdated::none; });
}

// etcd starts: with what it is to run with.
void begin(Node& node) {
  node.power = Power::etcd;
  node.outdated = Outdated::none;
  node.restarting = false;
}

// What is on its way to a volume counts too.
bool evidence_left(World const& world) {
  if (world.pending.kind == MoveKind::tag || world.pending.kind == MoveKind::mark) return true;
  return std::ranges::any_of(world.nodes, [](Node const& node) {
    return node.tag != Tag::none || node.marker || node.aside || node.disk != Disk::blank;
  });
}

}  // namespace

std::size_t KeySet::slot_of(Key key) const {
  auto at = hash(key) & (slots_.size() - 1);
  while (slots_[at] != 0 && slots_[at] != key) at = (at + 1) & (slots_.size() - 1);
  return at;
}

bool KeySet::insert(Key key) {
  key |= kThere;
  auto const at = slot_of(key);
  if (slots_[at] == key) return false;
  slots_[at] = key;
  if (++size_ * 2 < slots_.size()) return true;
  auto old = std::move(slots_);
  slots_.assign(old.size() * 2, 0);
  for (auto each : old)
    if (each != 0) slots_[slot_of(each)] = each;
  return true;
}

bool KeySet::contains(Key key) const {
  key |= kThere;
  return slots_[slot_of(key)] == key;
}

void Explorer::violation(World const& world, int m, std::string const& what) {
  violations_.push_back(fmt::format("after {} events, {}: {}\n  {}", depth_,
                                    std::string(1, static_cast<char>('a' + m)), what,
                                    describe(world)));
}

void Explorer::explore(World const& start) {
  count_ = start.count;
  push(start);
  std::vector<Key> level;
  while (violations_.empty() && depth_ < bounds_.depth) {
    level.swap(next_);
    next_.clear();
    if (level.empty()) {
      whole_ = true;
      return;
    }
    for (auto key : level) {
      visit(unpack(key, count_));
      if (!violations_.empty()) return;
    }
    ++depth_;
  }
}

void Explorer::push(World world) {
  settle(world);
  world = canonical(world);
  auto const key = pack(world);
  if (!seen_.insert(key)) return;
  check(world);
  next_.push_back(key);
}

// Of the logs that are left, no majority must be without a write that was acknowledged. And those
// who have begun anew must not be enough to form what the cluster once formed from.
void Explorer::check(World const& world) {
  if (!world.formed || world.ruined) return;
  int anew = 0;
  int formers = 0;
  for (int i = 0; i < world.count; ++i) {
    formers += world.nodes[i].role != Role::joins;
    anew += world.nodes[i].disk == Disk::anew;
  }
  if (anew >= majority(formers)) violation(world, 0, "two clusters: a majority has formed anew");
  auto const logs = logs_of(world);
  if (logs.without_all_writes >= majority(voters(world)))
    violation(world, 0, "an acknowledged write is lost: a quorum can form without it");
}

void Explorer::visit(World const& world) {
  ends_well(world);
  for (int m = 0; m < world.count; ++m) {
    if (!exists(world.nodes[m])) continue;
    bool const busy = world.pending.kind != MoveKind::none && world.slow == m;
    if (world.nodes[m].power != Power::off && !busy) turns(world, m);
    fates(world, m);
  }
  fates_of_all(world);
  writes(world);
}

void Explorer::turns(World const& world, int m) {
  unsigned answering = 0;
  bool unsure_tags = false;
  bool unsure_lists = false;
  for (int i = 0; i < world.count; ++i) {
    auto const& node = world.nodes[i];
    if (i != m && runs(world, i) && node.far == world.nodes[m].far) answering |= 1u << i;
    unsure_tags = unsure_tags || node.tag == Tag::written;
    unsure_lists = unsure_lists || (node.retagged && !world.lists_shown);
  }
  std::array<Move, 64> seen{};
  std::size_t count = 0;
  for (bool new_lists : {true, false}) {
    if (!new_lists && !unsure_lists) continue;
    for (bool new_tags : {true, false}) {
      if (!new_tags && !unsure_tags) continue;
      // Every set of answers: each other one is late, lost or cut off.
      for (unsigned heard = answering;; heard = (heard - 1) & answering) {
        auto const move = decider_.move(world, m, {heard, new_tags, new_lists});
        bool const known = std::any_of(seen.begin(), seen.begin() + count, [&](Move const& each) {
          return each.kind == move.kind && each.target == move.target && each.asks == move.asks;
        });
        if (!known && count < seen.size()) seen[count++] = move;
        if (heard == 0) break;
      }
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    auto next = world;
    if (carry_out(next, m, seen[i], /*now=*/true)) push(next);
    if (world.delays < bounds_.delays && world.pending.kind == MoveKind::none &&
        touches_etcd_or_disk(seen[i])) {
      auto later = world;
      later.pending = seen[i];
      later.slow = static_cast<std::uint8_t>(m);
      ++later.delays;
      push(later);
    }
  }
}

// One log less: is it more than etcd can bear?
void Explorer::judge_loss(World& world) {
  ++world.losses;
  // Until a new volume is there, EC2 has long shown all tags.
  for (auto& each : world.nodes)
    if (each.tag == Tag::written) each.tag = Tag::shown;
  if (!world.formed) return;
  auto const logs = logs_of(world);
  int const quorum = majority(voters(world));
  if (logs.intact < quorum || logs.without_all_writes >= quorum) world.ruined = true;
}

// The volume is restored from a snapshot of itself, with its tags and its haagent.json: it has
// forgotten writes, or votes, which no input shows.
void Explorer::replace_by_copy(World const& world, int m) {
  auto const& mine = world.nodes[m];
  if (!bounds_.copies || world.losses >= bounds_.losses || mine.disk != Disk::current) return;
  for (std::uint8_t log = 0; log <= mine.log; ++log) {
    auto copied = world;
    copied.nodes[m].disk = Disk::copy;
    copied.nodes[m].log = log;
    judge_loss(copied);
    push(copied);
  }
}

// The mount disappears, and somebody brings it back.
void Explorer::mounts(World const& world, int m) {
  auto const& mine = world.nodes[m];
  if (mine.power == Power::off || (!mine.unmounted && world.lost_mounts >= bounds_.lost_mounts))
    return;
  auto next = world;
  next.nodes[m].unmounted = !mine.unmounted;
  next.lost_mounts += mine.unmounted ? 0 : 1;
  push(next);
}

// At the mount point there is an empty folder of the root disk. True where the move ends there.
bool Explorer::act_without_volume(World& world, int m, Move move) {
  if (!touches_etcd_or_disk(move)) return false;
  if (!flaws_.acts_blindly) return move.kind != MoveKind::stop;
  switch (move.kind) {
    case MoveKind::start:
    case MoveKind::form:
    case MoveKind::joined:
      violation(world, m, "etcd starts on the root disk, without its volume");
      return true;
    case MoveKind::aside:
    case MoveKind::mark:
      return true;
    default:
      return false;
  }
}

void Explorer::chores(World const& world, int m) {
  if (!bounds_.chores || world.chored || !has_restarts(world)) return;
  for (auto chore :
       {Chore::hosts, Chore::shut_out, Chore::version, Chore::leases, Chore::leftovers}) {
    auto next = world;
    next.chored = true;
    next.nodes[m].chore = chore;
    push(next);
  }
}

// The document in the state store, by pki's rules (rotation.h).
void Explorer::turn_goes_round(World const& world, int m) {
  if (may_take_turn(world, m)) {
    auto taken = world;
    taken.turn = static_cast<std::uint8_t>(m);
    push(taken);
  }
  if (gives_turn_back(world, m)) {
    auto given = world;
    given.turn = 7;
    push(given);
  }
}

void Explorer::lose_disk(World& world, int m) {
  auto& node = world.nodes[m];
  node.disk = Disk::blank;
  node.log = 0;
  node.tag = Tag::none;
  node.marker = node.aside = false;
  // What it voted for and held before the first acknowledged write, nobody counts on.
  if (world.writes == 0) node.voted = false;
  judge_loss(world);
  if (!world.formed) return;
  if (!world.ruined || evidence_left(world) || has_change(world)) return;
  // Nothing in the world remembers the cluster: from here on it is another world.
  for (int i = 0; i < world.count; ++i) {
    auto& each = world.nodes[i];
    each.entry = Entry::voter;
    each.first = true;
    each.published = each.voted = false;
  }
  world.formed = world.ruined = false;
  world.writes = 0;
}

void Explorer::fates(World const& world, int m) {
  auto const& mine = world.nodes[m];
  if (mine.power == Power::off) {
    auto lit = world;
    lit.nodes[m].power = Power::on;
    push(lit);
    bool const anything = mine.disk != Disk::blank || mine.tag != Tag::none || mine.marker ||
                          mine.aside || mine.voted;
    if (world.losses < bounds_.losses && anything) {
      auto lost = world;
      lose_disk(lost, m);
      // Nothing in such a world remembers its cluster: it is another story.
      if (!lost.ruined || evidence_left(lost)) push(lost);
    }
    replace_by_copy(world, m);
    return;
  }
  auto dark = world;  // a power cut: what was acknowledged is on the disk
  dark.nodes[m].power = Power::off;
  dark.nodes[m].unmounted = false;  // the next boot mounts it
  dark.nodes[m].wants = dark.nodes[m].restarting = false;
  dark.nodes[m].passes = 0;
  if (world.pending.kind != MoveKind::none && world.slow == m) dark.pending = {};
  push(dark);
  mounts(world, m);
  chores(world, m);
  turn_goes_round(world, m);
  if (mine.power == Power::etcd) {
    auto crashed = world;
    crashed.nodes[m].power = Power::on;
    push(crashed);
  }
  if (!runs(world, m) || !has_quorum(world, mine.far)) return;
  if (!mine.published) {
    auto published = world;
    published.nodes[m].published = true;
    push(published);
  }
  if (mine.log < world.writes) {
    auto caught_up = world;
    caught_up.nodes[m].log = world.writes;
    push(caught_up);
  }
  if ((has_change(world) || has_anything_outdated(world)) && mine.entry == Entry::voter &&
      mine.log == world.writes && world.leader != m) {
    auto elected = world;
    elected.leader = static_cast<std::uint8_t>(m);
    push(elected);
  }
}

void Explorer::fates_of_all(World const& world) {
  if (world.pending.kind != MoveKind::none) {
    auto next = world;
    next.pending = {};
    carry_out(next, world.slow, world.pending, /*now=*/false);
    push(next);
  }
  bool cut = false;
  for (auto const& node : world.nodes) cut = cut || node.far;
  if (cut) {
    auto healed = world;
    for (auto& node : healed.nodes) node.far = false;
    push(healed);
  } else if (bounds_.partitions) {
    for (unsigned far = 1; far < (1u << world.count) - 1; ++far) {
      if (__builtin_popcount(far) * 2 > world.count) continue;
      auto parted = world;
      for (int i = 0; i < world.count; ++i) parted.nodes[i].far = (far >> i & 1u) != 0;
      push(parted);
    }
  }
  auto shown = world;
  bool lagging = false;
  for (auto& node : shown.nodes) {
    lagging = lagging || node.tag == Tag::written;
    if (node.tag == Tag::written) node.tag = Tag::shown;
  }
  if (lagging) push(shown);
  if (!has_change(world)) return;
  bool all_retagged = true;
  for (int i = 0; i < world.count; ++i) {
    if (world.nodes[i].retagged) continue;
    all_retagged = false;
    auto retagged = world;
    retagged.nodes[i].retagged = true;
    push(retagged);
  }
  if (all_retagged && !world.settled) {
    auto settled = world;
    settled.settled = settled.lists_shown = true;
    push(settled);
  }
}

// A client's write, acknowledged once a majority of the voters hold it, whichever that is. Clients
// come once a member has said that it is done.
void Explorer::writes(World const& world) {
  if (world.writes >= bounds_.writes) return;
  for (bool far : {false, true}) {
    if (!has_quorum(world, far)) continue;
    unsigned voting = 0;
    bool done = false;
    for (int i = 0; i < world.count; ++i) {
      auto const& node = world.nodes[i];
      if (!runs(world, i) || node.far != far || node.entry != Entry::voter) continue;
      voting |= 1u << i;
      done = done || node.marker;
    }
    if (!done) continue;
    for (unsigned who = voting; who != 0; who = (who - 1) & voting) {
      if (__builtin_popcount(who) < majority(voters(world))) continue;
      auto next = world;
      ++next.writes;
      for (int i = 0; i < world.count; ++i)
        if (who >> i & 1u) next.nodes[i].log = next.writes;
      push(next);
    }
  }
}

// A change of the list is an entry of the log too: who accepts it has all that was written before.
// Of the majorities that can, one that has most of it already, so that as few logs as possible
// grow.
void Explorer::commit_change(World& world, bool far) {
  world.settled = false;
  world.list_moved = true;
  int needed = majority(voters(world));
  auto takes_part = [&](int i) {
    return runs(world, i) && world.nodes[i].far == far && world.nodes[i].entry == Entry::voter;
  };
  for (int i = 0; i < world.count; ++i)
    needed -= takes_part(i) && world.nodes[i].log == world.writes;
  for (int i = 0; i < world.count && needed > 0; ++i) {
    if (!takes_part(i) || world.nodes[i].log == world.writes) continue;
    world.nodes[i].log = world.writes;
    --needed;
  }
}

// A first start with an empty log, as one of those who form or as one who was added.
void Explorer::begin_log(World& world, int m, bool as_former) {
  auto& mine = world.nodes[m];
  bool const id_in_list = mine.entry != Entry::none && (mine.first || !as_former);
  if (id_in_list && mine.entry == Entry::voter && mine.voted && world.writes > 0 && !world.ruined)
    violation(world, m, "a voter runs again under its id from a log that it lost");
  mine.disk = id_in_list ? Disk::current : Disk::anew;
  mine.log = 0;
  begin(mine);
  if (id_in_list && mine.entry == Entry::voter) mine.voted = true;
}

void Explorer::remove(World& world, int m, int target, bool now) {
  auto& node = world.nodes[target];
  bool const far = world.nodes[m].far;
  if (node.entry == Entry::none || !has_quorum(world, far)) return;
  if (node.entry == Entry::voter) {
    int const rest = voters(world) - 1;
    bool const up = runs(world, target) && node.far == far;
    int const rest_up = running_voters(world, far) - (up ? 1 : 0);
    if (now && (rest == 0 || rest_up < majority(rest)))
      violation(world, m, "removes a member at the cost of the quorum");
    if (now && target == m && node.disk == Disk::current)
      violation(world, m, "removes itself, though its log is whole");
    if (target != m && wanted(world, target))
      violation(world, m, "removes a member that a volume's tag lists");
    if (rest == 0 || (up && rest_up < majority(rest))) return;  // etcd says no
  }
  commit_change(world, far);
  if (node.disk == Disk::current || node.disk == Disk::copy)
    node.disk = node.first ? Disk::old_first : Disk::old_later;
  node.entry = Entry::none;
  node.first = node.published = node.voted = false;
  node.log = 0;
  if (world.pending.target == target) world.pending = {};
}

// What the agent's other rows, and those of other masters, go by: whether this member waits for the
// turn. And the lead, once it is another's, has been passed on.
void Explorer::tell_others(World& world, int m, Move move) {
  auto& mine = world.nodes[m];
  if (runs(world, m) && has_quorum(world, mine.far) && world.leader != m) mine.passes = 0;
  switch (move.kind) {
    case MoveKind::hosts:
    case MoveKind::chore:
    case MoveKind::pass:
    case MoveKind::restart:
      return;
    default:
      mine.wants = move.kind == MoveKind::serves && move.asks;
  }
}

void Explorer::restart(World& world, int m, bool now) {
  auto& mine = world.nodes[m];
  bool const alone = voters(world) == 1;
  if (!alone && world.turn != m) violation(world, m, "restarts without the turn");
  bool down = false;
  for (int i = 0; i < world.count; ++i) {
    auto const& other = world.nodes[i];
    if (i == m || other.entry == Entry::none) continue;
    down = down || !runs(world, i) || other.far != mine.far;
    if (other.restarting) violation(world, m, "two members are down for a restart at once");
  }
  if (now && down) violation(world, m, "restarts while another member is down");
  if (now && !alone && running_voters(world, mine.far) - 1 < majority(voters(world)))
    violation(world, m, "restarts at the cost of the quorum");
  if (now && !alone && world.leader == m && mine.passes < 2)
    violation(world, m, "restarts as the leader, and others could lead");
  if (mine.power == Power::etcd) mine.restarting = true;
  mine.power = Power::on;
}

// False where the world stays as it is.
bool Explorer::carry_out(World& world, int m, Move move, bool now) {
  auto const before = pack(world);
  auto& mine = world.nodes[m];
  bool const quorum = has_quorum(world, mine.far);
  if (now) tell_others(world, m, move);
  if (mine.unmounted && act_without_volume(world, m, move)) return pack(world) != before;
  switch (move.kind) {
    case MoveKind::start:
      if (mine.disk == Disk::copy)
        violation(world, m, "an older copy of a member's log starts under its id");
      if (mine.disk != Disk::blank) begin(mine);
      break;
    case MoveKind::form: {
      unsigned all = 0;
      bool shown = false;
      for (int i = 0; i < world.count; ++i) {
        if (world.nodes[i].role != Role::joins) all |= 1u << i;
        shown = shown || world.nodes[i].tag == Tag::shown;
      }
      if (now && shown)
        violation(world, m, "two clusters: it forms one though a volume's tag speaks of one");
      else if (now && move.others != all && !world.ruined)
        violation(world, m, "two clusters: it forms one with a list of its own");
      if (mine.disk == Disk::blank) begin_log(world, m, /*as_former=*/true);
      break;
    }
    case MoveKind::joined:
      if (mine.entry != Entry::none && mine.disk == Disk::blank)
        begin_log(world, m, /*as_former=*/false);
      break;
    case MoveKind::aside:
      if (mine.disk == Disk::current && mine.entry != Entry::none)
        violation(world, m, "sets a log aside that belongs to a member in the list");
      mine.disk = Disk::blank;
      mine.log = 0;
      mine.aside = true;
      break;
    case MoveKind::stop:
      mine.power = Power::on;
      break;
    case MoveKind::remove:
      remove(world, m, move.target, now);
      break;
    case MoveKind::add: {
      bool const learner = std::ranges::any_of(
          world.nodes, [](Node const& node) { return node.entry == Entry::learner; });
      if (!quorum || learner || mine.entry != Entry::none) break;
      commit_change(world, mine.far);
      mine.entry = flaws_.adds_voters ? Entry::voter : Entry::learner;
      if (flaws_.adds_voters && now && !has_quorum(world, mine.far))
        violation(world, m, "adds a member at the cost of the quorum");
      break;
    }
    case MoveKind::promote: {
      auto& target = world.nodes[move.target];
      if (!quorum || target.entry != Entry::learner || !runs(world, move.target) ||
          target.far != mine.far)
        break;
      commit_change(world, mine.far);
      target.entry = Entry::voter;
      target.voted = true;
      break;
    }
    case MoveKind::hosts:
    case MoveKind::chore:
      mine.chore = Chore::none;
      break;
    case MoveKind::restart:
      restart(world, m, now);
      break;
    case MoveKind::pass:
      if (mine.passes < 2) ++mine.passes;
      [[fallthrough]];
    case MoveKind::lead:
      if (world.leader == m && runs(world, move.target) &&
          world.nodes[move.target].log == world.writes && world.nodes[move.target].far == mine.far)
        world.leader = move.target;
      break;
    case MoveKind::tag:
      if (mine.tag == Tag::none) mine.tag = Tag::written;
      break;
    case MoveKind::mark:
      mine.marker = true;
      break;
    case MoveKind::serves:
      if (!mine.marker) violation(world, m, "is done, and its volume does not say so");
      break;
    case MoveKind::none:
    case MoveKind::waits:
    case MoveKind::refuses:
      break;
  }
  settle(world);
  return pack(world) != before;
}

void Explorer::ends_well(World const& world) {
  if (world.ruined) return;
  auto const logs = logs_of(world);
  bool const can = !world.formed || logs.intact >= majority(voters(world));
  if (can && !comes_to_a_good_end(world, /*everybody=*/true))
    violation(world, 0, "it does not come to what the tags want, though enough logs are left");
  int powered = 0;
  for (int i = 0; i < world.count; ++i)
    powered += intact(world.nodes[i]) && has_its_volume(world.nodes[i]);
  if (world.formed && powered >= majority(voters(world)) &&
      !comes_to_a_good_end(world, /*everybody=*/false))
    violation(world, 0, "no progress, though a quorum has power and its logs");
}

// No more faults; those who have power, or everybody, hear everybody, and the operator ends what
// he began.
bool Explorer::comes_to_a_good_end(World world, bool everybody) {
  world.pending = {};
  for (int i = 0; i < world.count; ++i) {
    auto& node = world.nodes[i];
    node.far = false;
    // Somebody mounts what is gone; until then, who does not run without it is not there.
    if (!everybody && !has_its_volume(node)) node.power = Power::off;
    if (everybody || node.power != Power::etcd) node.unmounted = false;
    if (node.tag == Tag::written) node.tag = Tag::shown;
    if (everybody && changes_at_all(node.role)) node.retagged = true;
    if (everybody && has_change(world)) node.retagged = true;
    if (everybody && node.power == Power::off) node.power = Power::on;
  }
  settle(world);
  auto& known = everybody ? well_ : well_as_is_;
  std::vector<Key> way;
  auto const heard = (1u << world.count) - 1;
  bool good = false;
  for (int round = 0; round < kRounds && !good && violations_.empty(); ++round) {
    if (everybody && has_change(world)) world.settled = world.lists_shown = true;
    auto const key = pack(canonical(world));
    if (known.contains(key)) {
      good = true;
      break;
    }
    way.push_back(key);
    for (int m = 0; m < world.count; ++m) {
      if (world.nodes[m].power == Power::off || !exists(world.nodes[m])) continue;
      if (may_take_turn(world, m)) world.turn = static_cast<std::uint8_t>(m);
      if (gives_turn_back(world, m)) world.turn = 7;
      carry_out(world, m, decider_.move(world, m, {heard & ~(1u << m)}), /*now=*/true);
      auto& node = world.nodes[m];
      if (node.tag == Tag::written) node.tag = Tag::shown;
      if (!runs(world, m) || !has_quorum(world, node.far)) continue;
      node.published = true;
      node.log = world.writes;
    }
    settle(world);
    good = true;
    for (int m = 0; m < world.count && good; ++m) {
      auto const& node = world.nodes[m];
      if (everybody) {
        bool const serves = decider_.move(world, m, {heard & ~(1u << m)}).kind == MoveKind::serves;
        good = wanted_in_the_end(node)
                   ? serves && node.entry == Entry::voter && node.outdated == Outdated::none &&
                         node.chore == Chore::none && !node.wants
                   : node.entry == Entry::none;
      } else if (intact(node) && node.power != Power::off) {
        good = runs(world, m) && has_quorum(world, node.far);
      }
    }
  }
  if (good) {
    for (auto key : way) known.insert(key);
    return true;
  }
  for (int m = 0; m < world.count && violations_.empty(); ++m)
    if (world.nodes[m].power != Power::off)
      violation(world, m, "stays at: " + decider_.sentence(world, m, {heard & ~(1u << m)}));
  return false;
}

}  // namespace haagent::bootstrap::explored
