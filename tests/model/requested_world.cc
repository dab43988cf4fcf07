#include "tests/model/requested_world.h"

#include <algorithm>

#include "bootstrap/etcd/member/message.h"

namespace haagent::bootstrap::requested {
namespace {

using explored::known_as;
using explored::letter;
using explored::Packer;
using explored::Unpacker;

constexpr int kRounds = 60;
constexpr char const* kRequestId = "20260115T101500.000Z-i-a";

template <class Through, class Node>
void each_of_list(Node& node, int cluster, Through& through) {
  through(node.entry[cluster], 2u);
  through(node.later[cluster], 1u);
  through(node.published[cluster], 1u);
}

// What a boot finds on the volume and in EC2.
template <class Through, class Node>
void each_of_own(Node& node, Through& through) {
  through(node.power, 2u);
  through(node.disk, 3u);
  through(node.tag, 2u);
  through(node.marker, 2u);
  through(node.aside, 1u);
  through(node.done, 1u);
  through(node.named, 1u);
  through(node.board, 3u);
}

template <class Through, class Node>
void each_field(Node& node, Through& through) {
  each_of_own(node, through);
  through(node.far, 1u);
  through(node.log, 1u);
  for (int cluster : {kBefore, kAfter}) each_of_list(node, cluster, through);
}

template <class Through, class World>
void each_global(World& world, Through& through) {
  through(world.request, 2u);
  through(world.written, 1u);
  through(world.ruined, 1u);
  through(world.losses, 2u);
  through(world.delays, 1u);
  through(world.pending.kind, 5u);
  through(world.pending.target, 2u);
  through(world.pending.cluster, 1u);
  through(world.slow, 2u);
}

Key pack(World const& world) {
  Packer packer;
  for (auto const& node : world.nodes) each_field(node, packer);
  each_global(world, packer);
  return packer.key();
}

World unpack(Key key) {
  World world;
  Unpacker unpacker(key);
  for (auto& node : world.nodes) each_field(node, unpacker);
  each_global(world, unpacker);
  return world;
}

// The same world under other names. While a move is pending, the names stay.
World canonical(World world) {
  int far = 0;
  for (auto const& node : world.nodes) far += node.far;
  if (far * 2 > kNodes)
    for (auto& node : world.nodes) node.far = !node.far;
  if (world.pending.kind != MoveKind::none) return world;
  std::ranges::sort(world.nodes, {}, [](Node const& node) {
    Packer packer;
    each_field(node, packer);
    return static_cast<std::uint64_t>(packer.key());
  });
  return world;
}

// Member ids: whose, of which cluster, and whether it was added later. One that was removed is
// nobody's any more.
std::uint64_t id_of(int node, std::uint8_t cluster, bool later) {
  return 0x100u * (cluster + 1u) + (later ? 0x10u : 0u) + static_cast<unsigned>(node) + 1u;
}
std::uint64_t removed_id(int node, std::uint8_t cluster) {
  return 0x100u * (cluster + 1u) + 0x20u + static_cast<unsigned>(node) + 1u;
}
std::uint8_t node_of(std::uint64_t id) {
  return static_cast<std::uint8_t>((id & 0xfu) - 1);
}

bool has_log(Node const& node) {
  return node.disk != Disk::blank && node.disk != Disk::built;
}

bool holds(Node const& node, std::uint8_t cluster) {
  return node.disk == (cluster == kBefore ? Disk::before : Disk::after) &&
         node.entry[cluster] != Entry::none;
}

// The cluster on whose log in good standing it runs; nothing: on none.
std::optional<std::uint8_t> runs(Node const& node) {
  if (node.power != Power::etcd) return std::nullopt;
  for (std::uint8_t cluster : {kBefore, kAfter})
    if (holds(node, cluster)) return cluster;
  return std::nullopt;
}

int voters(World const& world, std::uint8_t cluster) {
  int count = 0;
  for (auto const& node : world.nodes) count += node.entry[cluster] == Entry::voter;
  return count;
}

int majority(int of) {
  return of / 2 + 1;
}

int running_voters(World const& world, std::uint8_t cluster, bool far) {
  int count = 0;
  for (auto const& node : world.nodes)
    count += runs(node) == cluster && node.entry[cluster] == Entry::voter && node.far == far;
  return count;
}

bool has_quorum(World const& world, std::uint8_t cluster, bool far) {
  return running_voters(world, cluster, far) >= majority(voters(world, cluster));
}

// Voters whose logs are whole, and of those, the ones without the acknowledged write.
struct Logs {
  int whole = 0;
  int without = 0;
};
Logs logs_of(World const& world, std::uint8_t cluster) {
  Logs logs;
  for (auto const& node : world.nodes) {
    bool const built = cluster == kAfter && node.disk == Disk::built;
    if (node.entry[cluster] != Entry::voter || (!holds(node, cluster) && !built)) continue;
    ++logs.whole;
    logs.without += world.written && !node.log;
  }
  return logs;
}

bool can_elect(World const& world, std::uint8_t cluster) {
  return logs_of(world, cluster).whole >= majority(voters(world, cluster));
}

std::vector<EtcdMember> list_of(World const& world, std::uint8_t cluster) {
  std::vector<EtcdMember> list;
  for (int i = 0; i < kNodes; ++i) {
    auto const& node = world.nodes[i];
    if (node.entry[cluster] == Entry::none) continue;
    bool const published = node.published[cluster];
    auto const url = known_as(i).peer_url;
    list.push_back({.id = id_of(i, cluster, node.later[cluster]),
                    .name = published || !node.later[cluster] ? known_as(i).name : "",
                    .peer_urls = {url},
                    .client_urls = published ? std::vector<std::string>{url + ":2379"}
                                             : std::vector<std::string>{},
                    .learner = node.entry[cluster] == Entry::learner});
  }
  return list;
}

// What follows by itself: who runs in a cluster that serves is known by name, and who was removed
// from it ends.
void settle(World& world) {
  for (auto& node : world.nodes) {
    if (node.power != Power::etcd) continue;
    bool const removed =
        (node.disk == Disk::before_removed && has_quorum(world, kBefore, node.far)) ||
        (node.disk == Disk::after_removed && has_quorum(world, kAfter, node.far));
    if (removed) node.power = Power::on;
    if (auto const cluster = runs(node); cluster && has_quorum(world, *cluster, node.far))
      node.published[*cluster] = true;
  }
}

std::string describe(World const& world) {
  auto text = fmt::format("request {} written {} ruined {} pending {} of {}",
                          static_cast<int>(world.request), world.written, world.ruined,
                          static_cast<int>(world.pending.kind), letter(world.slow));
  for (int i = 0; i < kNodes; ++i) {
    auto const& node = world.nodes[i];
    text += fmt::format(
        "\n    {}: power {}, disk {}, log {}, tag {}, marker {}, aside {}, done {}, named {}, far "
        "{}, board {}, before {}{}{}, after {}{}{}",
        letter(i), static_cast<int>(node.power), static_cast<int>(node.disk), node.log, node.tag,
        node.marker, node.aside, node.done, node.named, node.far, static_cast<int>(node.board),
        static_cast<int>(node.entry[0]), node.later[0] ? " later" : "",
        node.published[0] ? " published" : "", static_cast<int>(node.entry[1]),
        node.later[1] ? " later" : "", node.published[1] ? " published" : "");
  }
  return text;
}

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};

}  // namespace

// A restore brings a new cluster; a recovery goes on with the id of the one from before.
std::uint64_t Explorer::cluster_id(std::uint8_t cluster) const {
  return cluster == kBefore || plan_.kind == RecoveryRequest::Kind::recover ? 0xc1 : 0xc2;
}

MemberAnswer Explorer::answer(World const& world, int i) const {
  MemberAnswer answer{.member = letter(i), .why = "silent"};
  auto const& node = world.nodes[i];
  auto const cluster = runs(node);
  if (!cluster) return answer;
  answer.reach = MemberAnswer::Reach::answers;
  answer.cluster_id = cluster_id(*cluster);
  answer.member_id = id_of(i, *cluster, node.later[*cluster]);
  answer.learner = node.entry[*cluster] == Entry::learner;
  answer.raft_index = 100;
  if (!has_quorum(world, *cluster, node.far)) return answer;
  answer.leader_id = answer.member_id;
  if (!answer.learner) answer.quorum_list = list_of(world, *cluster);
  return answer;
}

MemberInputs Explorer::inputs(World const& world, int m, unsigned heard) const {
  auto const& mine = world.nodes[m];
  auto id_text = [](std::uint8_t id) { return id == 0 ? std::string() : fmt::format("c{}", id); };
  MemberInputs in{.me = {.member = letter(m), .self = known_as(m), .version = "3.5.33"}};
  in.ec2.volumes.emplace();
  for (int i = 0; i < kNodes; ++i) {
    auto const& node = world.nodes[i];
    in.me.expected_members.push_back(letter(i));
    in.me.expected.push_back(known_as(i));
    in.ec2.volumes->push_back({.volume_id = (node.named ? "vol-" : "later-") + letter(i),
                               .member = letter(i),
                               .members = {"a", "b", "c"},
                               .etcd_cluster_id = id_text(node.tag),
                               .attached = node.power != Power::off});
    if (i != m)
      in.others.peers.push_back(
          (heard >> i & 1u) ? answer(world, i) : MemberAnswer{.member = letter(i), .why = "cut"});
  }
  in.volume.volume_id = in.ec2.volumes->at(static_cast<std::size_t>(m)).volume_id;
  in.volume.tag_cluster_id = id_text(mine.tag);
  in.volume.marker_cluster_id = id_text(mine.marker);
  in.store.backups = StoreFacts::Backups::present;
  if (mine.done) in.store.request_done = kRequestId;
  if (mine.aside) in.volume.data.set_aside = {"data.x"};
  if (has_log(mine)) in.volume.data.state = DataDir::State::member;
  in.volume.data.restored = mine.disk == Disk::built;
  switch (mine.disk) {
    case Disk::blank:
    case Disk::built:
      break;
    case Disk::before:
      in.volume.data.identity = {id_of(m, kBefore, mine.later[kBefore]), cluster_id(kBefore)};
      break;
    case Disk::after:
      in.volume.data.identity = {id_of(m, kAfter, mine.later[kAfter]), cluster_id(kAfter)};
      break;
    case Disk::before_removed:
      in.volume.data.identity = {removed_id(m, kBefore), cluster_id(kBefore)};
      break;
    case Disk::after_removed:
      in.volume.data.identity = {removed_id(m, kAfter), cluster_id(kAfter)};
      break;
  }
  if (mine.power == Power::etcd) {
    in.etcd.unit = UnitState::Phase::running;
    in.etcd.own = answer(world, m);
  }
  if (mine.board == Board::none) return in;
  RecoveryRequest request{.id = kRequestId,
                          .kind = plan_.kind,
                          .cluster_id = cluster_id(kAfter),
                          .volumes = {{"z", "vol-z"}},
                          .over_running = plan_.over_running,
                          .backup = "20260115T100000.000Z-etcd-b",
                          .members = {"a", "b", "c"}};
  // Whom it names beside is no matter to a master.
  if (mine.named) request.volumes.push_back({in.me.member, in.volume.volume_id});
  request.stale = mine.board == Board::stale;
  request.is_void = mine.board == Board::taken_back;
  request.closed = request.is_void || mine.board == Board::carried_out;
  in.store.request = request;
  return in;
}

// Exactly what inputs() reads, so that worlds that look the same from here share one decision.
Key Explorer::sight(World const& world, int m, unsigned heard) const {
  Packer key;
  auto const& mine = world.nodes[m];
  key(m, 2);
  each_of_own(mine, key);
  std::array<bool, 2> list_seen{};
  for (int i = 0; i < kNodes; ++i) {
    auto const& node = world.nodes[i];
    key(node.tag, 2);
    key(node.named, 1);
    key(node.power != Power::off, 1);
    auto const cluster = i == m || (heard >> i & 1u) ? runs(node) : std::nullopt;
    key(cluster.has_value(), 1);
    if (!cluster) continue;
    bool const quorum = has_quorum(world, *cluster, node.far);
    list_seen[*cluster] = list_seen[*cluster] || (quorum && node.entry[*cluster] == Entry::voter);
    key(*cluster, 1);
    key(quorum, 1);
    key(node.entry[*cluster], 2);
    key(node.later[*cluster], 1);
  }
  for (std::uint8_t cluster : {kBefore, kAfter}) {
    key(mine.later[cluster], 1);
    key(list_seen[cluster], 1);
    if (!list_seen[cluster]) continue;
    for (auto const& node : world.nodes) each_of_list(node, cluster, key);
  }
  return key.key();
}

Move Explorer::move(World const& world, int m, unsigned heard) {
  auto const key = sight(world, m, heard);
  if (auto known = known_.find(key); known != known_.end()) return known->second;
  auto const in = inputs(world, m, heard);
  // Whose voters a change of members is asked of.
  std::uint8_t quorum = kBefore;
  for (int i = kNodes - 1; i >= 0; --i) {
    auto const cluster = i == m || (heard >> i & 1u) ? runs(world.nodes[i]) : std::nullopt;
    if (i != m && cluster && answer(world, i).quorum_list) quorum = *cluster;
  }
  auto on = [&](MoveKind kind, std::uint64_t id) { return Move{kind, node_of(id), quorum}; };
  auto of = [](MoveKind kind, std::uint64_t id) {
    return Move{kind, static_cast<std::uint8_t>(id & 0xfu), 0};
  };
  auto const move = std::visit(
      Overloaded{[]<class Other>(Other const&)
                   requires OfTheMachine<Other> ||
                                OneOf<Other, WriteVersion, EraseLeases, DropLeftovers, PassLead,
                                      RestartEtcd, StartLater, ChangeLater, Unreadable>
                 { return Move{MoveKind::refuses}; },
                 [](StartAsIs const&) { return Move{MoveKind::start}; },
                 [](FormNew const&) { return Move{MoveKind::form}; },
                 [&](StartJoined const&) { return Move{MoveKind::joined, 0, quorum}; },
                 [](SetAside const&) { return Move{MoveKind::aside}; },
                 [](StopUnit const&) { return Move{MoveKind::stop}; },
                 [&](RemoveStale const& each) { return on(MoveKind::remove, each.id); },
                 [&](AddLearner const&) { return Move{MoveKind::add, 0, quorum}; },
                 [&](Promote const& each) { return on(MoveKind::promote, each.id); },
                 [](UpdatePeerUrl const&) { return Move{MoveKind::refuses}; },
                 [&](TagVolume const& each) { return of(MoveKind::tag, each.id); },
                 [&](MarkVolume const& each) { return of(MoveKind::mark, each.id); },
                 [&](RemoveMember const& each) { return on(MoveKind::remove, each.id); },
                 [](MoveLeader const&) { return Move{MoveKind::refuses}; },
                 [](RestoreData const&) { return Move{MoveKind::restore}; },
                 [](ForceAlone const&) { return Move{MoveKind::alone}; },
                 [&](AdoptCluster const& each) { return of(MoveKind::adopt, each.id); },
                 [](Wait const&) { return Move{MoveKind::waits}; },
                 [](Refuse const&) { return Move{MoveKind::refuses}; },
                 [](Serving const&) { return Move{MoveKind::serves}; }},
                 decide_(in));
  known_.emplace(key, move);
  return move;
}

void Explorer::violation(World const& world, int m, std::string const& what) {
  violations_.push_back(
      fmt::format("after {} events, {}: {}\n  {}", depth_, letter(m), what, describe(world)));
}

void Explorer::explore(World const& start) {
  push(start);
  std::vector<Key> level;
  while (violations_.empty() && depth_ < plan_.depth) {
    level.swap(next_);
    next_.clear();
    if (level.empty()) {
      whole_ = true;
      return;
    }
    for (auto key : level) {
      visit(unpack(key));
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

void Explorer::check(World const& world) {
  bool const before = has_quorum(world, kBefore, false) || has_quorum(world, kBefore, true);
  bool const after = voters(world, kAfter) > 0 &&
                     (has_quorum(world, kAfter, false) || has_quorum(world, kAfter, true));
  if (before && after) violation(world, 0, "two clusters serve under one name");
  if (after && world.request == Request::taken_back)
    violation(world, 0, "a request that is void has brought its cluster");
  if (!world.written || world.ruined) return;
  auto const logs = logs_of(world, kBefore);
  auto const quorum = majority(voters(world, kBefore));
  if (logs.whole < quorum || logs.without >= quorum)
    violation(world, 0, "an acknowledged write is lost, though the request is void");
}

void Explorer::visit(World const& world) {
  if (can_go_on(world) && !comes_to_a_good_end(world))
    violation(world, 0, "it does not come to one cluster of all");
  for (int m = 0; m < kNodes; ++m) {
    bool const busy = world.pending.kind != MoveKind::none && world.slow == m;
    if (world.nodes[m].power != Power::off && !busy) turns(world, m);
    fates(world, m);
  }
  fates_of_all(world);
}

void Explorer::turns(World const& world, int m) {
  auto const& mine = world.nodes[m];
  if (mine.disk == Disk::blank && mine.board == Board::none && world.request != Request::none)
    return;
  unsigned answering = 0;
  for (int i = 0; i < kNodes; ++i)
    if (i != m && runs(world.nodes[i]) && world.nodes[i].far == world.nodes[m].far)
      answering |= 1u << i;
  std::vector<Move> seen;
  // Every set of answers: each other one is late, lost or cut off.
  for (unsigned heard = answering;; heard = (heard - 1) & answering) {
    auto const next = move(world, m, heard);
    if (std::ranges::find(seen, next) == seen.end()) seen.push_back(next);
    if (heard == 0) break;
  }
  for (auto const& each : seen) {
    auto next = world;
    if (carry_out(next, m, each)) push(next);
    if (each.kind == MoveKind::restore && world.nodes[m].disk == Disk::blank &&
        next.nodes[m].disk == Disk::after) {
      next.nodes[m].disk = Disk::built;  // ended before the last of it
      push(next);
    }
    if (world.delays < plan_.delays && world.pending.kind == MoveKind::none &&
        each.kind < MoveKind::serves) {
      auto later = world;
      later.pending = each;
      later.slow = static_cast<std::uint8_t>(m);
      ++later.delays;
      push(later);
    }
  }
}

void Explorer::lose_disk(World& world, int m) const {
  auto& node = world.nodes[m];
  auto const power = node.power;
  auto const far = node.far;
  Node blank;
  blank.power = power;
  blank.far = far;
  blank.entry = node.entry;
  blank.later = node.later;
  blank.published = node.published;
  node = blank;
  ++world.losses;
  // Until a new volume is there, all agents have asked the store many a time, and what was under
  // way is over.
  for (auto& each : world.nodes)
    if (each.board == Board::open && world.request != Request::open) each.board = Board::stale;
  world.pending = {};
  if (!world.written) return;
  auto const logs = logs_of(world, kBefore);
  auto const quorum = majority(voters(world, kBefore));
  if (logs.whole < quorum || logs.without >= quorum) world.ruined = true;
}

// This agent's row asks the store.
bool Explorer::reads(World& world, int m) const {
  auto& node = world.nodes[m];
  auto const before = node.board;
  auto const cluster = runs(node);
  bool const beside = cluster == kBefore && node.entry[kBefore] == Entry::voter &&
                      has_quorum(world, kBefore, node.far) && !plan_.over_running;
  switch (world.request) {
    case Request::none:
      node.board = Board::none;
      break;
    case Request::open:
      node.board = beside ? Board::stale : Board::open;
      break;
    case Request::taken_back:
      node.board = Board::taken_back;
      break;
    case Request::carried_out:
      node.board = Board::carried_out;
      break;
  }
  return node.board != before;
}

// It has stood for so long beside a quorum that this member is in. By then the rows of all who are
// in it have seen that.
bool Explorer::makes_void(World& world, int m) const {
  auto const& mine = world.nodes[m];
  bool const heard = mine.board == Board::open || mine.board == Board::stale;
  if (world.request != Request::open || plan_.over_running || mine.done || !heard ||
      runs(mine) != kBefore || mine.entry[kBefore] != Entry::voter ||
      !has_quorum(world, kBefore, mine.far))
    return false;
  world.request = Request::taken_back;
  for (auto& node : world.nodes)
    if (node.board == Board::open && runs(node) == kBefore && node.far == mine.far)
      node.board = Board::stale;
  world.nodes[m].board = Board::taken_back;
  return true;
}

bool Explorer::closes(World& world, int m) const {
  auto& mine = world.nodes[m];
  bool const heard = mine.board == Board::open || mine.board == Board::stale;
  if (world.request != Request::open || !mine.done || !heard || runs(mine) != kAfter ||
      !has_quorum(world, kAfter, mine.far))
    return false;
  if (plan_.kind == RecoveryRequest::Kind::restore &&
      running_voters(world, kAfter, mine.far) < kNodes)
    return false;
  world.request = Request::carried_out;
  mine.board = Board::carried_out;
  return true;
}

void Explorer::fates(World const& world, int m) {
  auto const& mine = world.nodes[m];
  if (mine.power == Power::off) {
    auto lit = world;
    lit.nodes[m].power = Power::on;
    push(lit);
    if (world.losses < plan_.losses &&
        (mine.disk != Disk::blank || mine.tag != 0 || mine.aside || mine.named)) {
      auto lost = world;
      lose_disk(lost, m);
      push(lost);
    }
    return;
  }
  auto dark = world;  // a power cut: what was acknowledged is on the disk
  dark.nodes[m].power = Power::off;
  dark.nodes[m].board = Board::none;
  if (world.slow == m) dark.pending = {};
  push(dark);
  if (mine.power == Power::etcd) {
    auto crashed = world;
    crashed.nodes[m].power = Power::on;
    push(crashed);
  }
  for (auto step : {&Explorer::reads, &Explorer::makes_void, &Explorer::closes}) {
    auto next = world;
    if ((this->*step)(next, m)) push(next);
  }
  if (runs(mine) == kBefore && world.written && !mine.log && has_quorum(world, kBefore, mine.far)) {
    auto caught_up = world;
    caught_up.nodes[m].log = true;
    push(caught_up);
  }
}

void Explorer::fates_of_all(World const& world) {
  if (world.pending.kind != MoveKind::none) {
    auto next = world;
    next.pending = {};
    carry_out(next, world.slow, world.pending);
    push(next);
  }
  bool const cut = std::ranges::any_of(world.nodes, &Node::far);
  if (cut) {
    auto healed = world;
    for (auto& node : healed.nodes) node.far = false;
    push(healed);
  } else {
    for (int alone = 0; alone < kNodes; ++alone) {
      auto parted = world;
      parted.nodes[alone].far = true;
      push(parted);
    }
  }
  // A client's write, once the request is void: before, nobody promises anything.
  if (world.written || world.request != Request::taken_back) return;
  for (bool far : {false, true}) {
    if (!has_quorum(world, kBefore, far)) continue;
    for (unsigned who = 1; who < 1u << kNodes; ++who) {
      auto next = world;
      next.written = true;
      int count = 0;
      bool takes_part = true;
      for (int i = 0; i < kNodes; ++i) {
        auto& node = next.nodes[i];
        node.log = (who >> i & 1u) != 0;
        if (!node.log) continue;
        ++count;
        takes_part = takes_part && runs(node) == kBefore && node.far == far &&
                     node.entry[kBefore] == Entry::voter;
      }
      if (takes_part && count == majority(voters(world, kBefore))) push(next);
    }
  }
}

void Explorer::restore(World& world, int m) {
  auto& mine = world.nodes[m];
  if (has_log(mine)) violation(world, m, "restores over data that were not set aside");
  if (!mine.named) violation(world, m, "restores onto a volume that the request does not name");
  if (mine.disk != Disk::built && mine.done)
    violation(world, m, "carries the request out twice on one volume");
  bool const expected = mine.entry[kAfter] == Entry::voter && !mine.later[kAfter];
  if (expected && mine.published[kAfter] && mine.disk != Disk::built)
    violation(world, m, "a voter runs again under its id from a log that it lost");
  if (mine.disk != Disk::built) mine.marker = 0;
  mine.done = true;
  mine.log = false;
  mine.disk = expected ? Disk::after : Disk::after_removed;
}

// False where the world stays as it is.
bool Explorer::carry_out(World& world, int m, Move move) {
  auto const before = pack(world);
  auto& mine = world.nodes[m];
  auto const cluster = move.cluster;
  bool const quorum = has_quorum(world, cluster, mine.far);
  switch (move.kind) {
    case MoveKind::start:
      if (has_log(mine)) mine.power = Power::etcd;
      break;
    case MoveKind::form:
      violation(world, m, "forms a new cluster beside a request");
      break;
    case MoveKind::joined:
      if (mine.disk != Disk::blank || mine.entry[cluster] == Entry::none) break;
      if (mine.entry[cluster] == Entry::voter)
        violation(world, m, "a voter runs again under its id from a log that it lost");
      mine.disk = cluster == kBefore ? Disk::before : Disk::after;
      mine.power = Power::etcd;
      mine.log = false;
      break;
    case MoveKind::aside:
      mine.disk = Disk::blank;
      mine.log = false;
      mine.aside = true;
      break;
    case MoveKind::stop:
      mine.power = Power::on;
      break;
    case MoveKind::remove: {
      auto& node = world.nodes[move.target];
      if (!quorum || node.entry[cluster] == Entry::none) break;
      if (node.entry[cluster] == Entry::voter) {
        int const rest = voters(world, cluster) - 1;
        bool const up = runs(node) == cluster && node.far == mine.far;
        int const rest_up = running_voters(world, cluster, mine.far) - (up ? 1 : 0);
        if (rest == 0 || rest_up < majority(rest)) break;  // etcd says no
      }
      if (holds(node, cluster))
        node.disk = cluster == kBefore ? Disk::before_removed : Disk::after_removed;
      if (cluster == kAfter && node.disk == Disk::built) node.disk = Disk::after_removed;
      node.entry[cluster] = Entry::none;
      node.later[cluster] = node.published[cluster] = false;
      break;
    }
    case MoveKind::add: {
      bool const learner = std::ranges::any_of(
          world.nodes, [&](Node const& node) { return node.entry[cluster] == Entry::learner; });
      if (!quorum || learner || mine.entry[cluster] != Entry::none) break;
      mine.entry[cluster] = Entry::learner;
      mine.later[cluster] = true;
      mine.published[cluster] = false;
      break;
    }
    case MoveKind::promote: {
      auto& target = world.nodes[move.target];
      if (!quorum || target.entry[cluster] != Entry::learner || runs(target) != cluster ||
          target.far != mine.far)
        break;
      target.entry[cluster] = Entry::voter;
      if (cluster == kBefore) target.log = world.written;
      break;
    }
    case MoveKind::tag:
      mine.tag = move.target;
      break;
    case MoveKind::mark:
      mine.marker = move.target;
      break;
    case MoveKind::restore:
      restore(world, m);
      break;
    case MoveKind::alone:
      if (mine.done) violation(world, m, "carries the request out twice on one volume");
      if (mine.disk != Disk::before) break;
      mine.disk = Disk::after;
      mine.entry[kAfter] = Entry::voter;
      mine.later[kAfter] = false;
      mine.published[kAfter] = mine.done = true;
      mine.power = Power::on;
      break;
    case MoveKind::adopt:
      if (has_log(mine)) violation(world, m, "gives a volume with data to another cluster");
      mine.tag = mine.marker = move.target;
      mine.done = true;
      if (mine.disk == Disk::built) mine.disk = Disk::blank;
      break;
    case MoveKind::serves:
      if (mine.marker == 0) violation(world, m, "is done, and its volume does not say so");
      break;
    case MoveKind::none:
    case MoveKind::waits:
    case MoveKind::refuses:
      break;
  }
  settle(world);
  return pack(world) != before;
}

// Enough is left: of one of the two clusters, or of what the request brings. Else only a new
// request helps.
bool Explorer::can_go_on(World const& world) const {
  if (world.ruined) return false;
  if (can_elect(world, kBefore)) return true;
  if (voters(world, kAfter) > 0 && can_elect(world, kAfter)) return true;
  if (world.request != Request::open) return false;
  int able = logs_of(world, kAfter).whole;
  for (auto const& node : world.nodes) {
    if (!node.named || node.done) continue;
    if (plan_.kind == RecoveryRequest::Kind::recover) {
      if (node.disk == Disk::before) return true;
    } else if (node.entry[kAfter] == Entry::voter && !node.published[kAfter]) {
      ++able;
    }
  }
  return plan_.kind == RecoveryRequest::Kind::restore && able >= majority(voters(world, kAfter));
}

// No more faults: all have power and hear each other and the store.
bool Explorer::comes_to_a_good_end(World world) {
  world.pending = {};
  for (auto& node : world.nodes) {
    node.far = false;
    if (node.power == Power::off) node.power = Power::on;
  }
  settle(world);
  std::vector<Key> way;
  auto heard = [&](int m) { return ((1u << kNodes) - 1) & ~(1u << m); };
  bool good = false;
  for (int round = 0; round < kRounds && !good && violations_.empty(); ++round) {
    auto const key = pack(canonical(world));
    if (well_.contains(key)) {
      good = true;
      break;
    }
    way.push_back(key);
    for (int m = 0; m < kNodes; ++m) {
      reads(world, m);
      makes_void(world, m);
      closes(world, m);
      carry_out(world, m, move(world, m, heard(m)));
      if (runs(world.nodes[m]) == kBefore && has_quorum(world, kBefore, false))
        world.nodes[m].log = world.written;
    }
    settle(world);
    check(world);
    good = true;
    for (int m = 0; m < kNodes; ++m) {
      auto const cluster = runs(world.nodes[m]);
      good = good && cluster && cluster == runs(world.nodes[0]) &&
             world.nodes[m].entry[*cluster] == Entry::voter &&
             move(world, m, heard(m)).kind == MoveKind::serves;
    }
  }
  if (good) {
    for (auto key : way) well_.insert(key);
    return true;
  }
  for (int m = 0; m < kNodes && violations_.empty(); ++m) {
    auto const in = inputs(world, m, heard(m));
    violation(world, m, "stays at: " + sentence_of(decide_(in), in));
  }
  return false;
}

}  // namespace haagent::bootstrap::requested
