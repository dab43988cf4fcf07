#include "tests/model/explored_world.h"

#include <algorithm>

#include "bootstrap/etcd/member/message.h"

namespace haagent::bootstrap::explored {

std::string letter(int node) {
  return std::string(1, static_cast<char>('a' + node));
}
InitialMember known_as(int node) {
  return {"etcd-" + letter(node), "http://" + letter(node)};
}

namespace {

constexpr std::uint64_t kCluster = 0xc1;
constexpr std::uint64_t kLater = 0x10;  // added to a member's first id
constexpr std::uint64_t kOldLater = 0x20;

// Three fields of three values each, in 5 bits instead of 6.
std::uint8_t threes_of(Node const& node) {
  return static_cast<std::uint8_t>(static_cast<int>(node.power) + 3 * static_cast<int>(node.entry) +
                                   9 * static_cast<int>(node.tag));
}

void set_threes(Node& node, std::uint8_t threes) {
  node.power = static_cast<Power>(threes % 3);
  node.entry = static_cast<Entry>(threes / 3 % 3);
  node.tag = static_cast<Tag>(threes / 9);
}

template <class Through, class Node>
void each_field(Node& node, Through through) {
  through(node.role, 2u);
  through(node.disk, 3u);
  through(node.first, 1u);
  through(node.published, 1u);
  through(node.log, 2u);
  through(node.marker, 1u);
  through(node.aside, 1u);
  through(node.voted, 1u);
  through(node.far, 1u);
  through(node.retagged, 1u);
  through(node.unmounted, 1u);
}

// Five masters leave no room for these.
template <class Through, class Node>
void each_restart_field(Node& node, Through through) {
  through(node.outdated, 2u);
  through(node.wants, 1u);
  through(node.restarting, 1u);
  through(node.passes, 2u);
  through(node.chore, 3u);
}

void pack_node(Node const& node, bool restarts, Packer& packer) {
  packer(threes_of(node), 5u);
  auto pack_field = [&](auto value, unsigned bits) { packer(value, bits); };
  each_field(node, pack_field);
  if (restarts) each_restart_field(node, pack_field);
}

template <class Through, class World>
void each_global(World& world, Through through) {
  through(world.formed, 1u);
  through(world.writes, 2u);
  through(world.leader, 3u);
  through(world.settled, 1u);
  through(world.list_moved, 1u);
  through(world.lists_shown, 1u);
  through(world.ruined, 1u);
  through(world.losses, 2u);
  through(world.delays, 1u);
  through(world.lost_mounts, 2u);
  through(world.pending.kind, 5u);
  through(world.pending.target, 3u);
  through(world.slow, 3u);
  if (!has_restarts(world)) return;
  through(world.turn, 3u);
  through(world.chored, 1u);
}

std::uint64_t packed(Node const& node, bool restarts) {
  Packer packer;
  pack_node(node, restarts, packer);
  return static_cast<std::uint64_t>(packer.key());
}

std::uint64_t id_of(int node, bool first) {
  return static_cast<std::uint64_t>(node + 1) + (first ? 0 : kLater);
}

std::vector<std::string> list_on(World const& world, bool new_list) {
  std::vector<std::string> members;
  for (int i = 0; i < world.count; ++i)
    if (new_list ? world.nodes[i].role != Role::leaves : world.nodes[i].role != Role::joins)
      members.push_back(letter(i));
  return members;
}

std::vector<EtcdMember> etcd_list(World const& world) {
  std::vector<EtcdMember> members;
  for (int i = 0; i < world.count; ++i) {
    auto const& node = world.nodes[i];
    if (node.entry == Entry::none) continue;
    bool const named = node.published || node.first;
    members.push_back({.id = id_of(i, node.first),
                       .name = named ? known_as(i).name : "",
                       .peer_urls = {known_as(i).peer_url},
                       .client_urls = node.published
                                          ? std::vector<std::string>{known_as(i).peer_url + ":2379"}
                                          : std::vector<std::string>{},
                       .learner = node.entry == Entry::learner});
  }
  return members;
}

MemberAnswer answer_of(World const& world, int i) {
  MemberAnswer answer{.member = letter(i), .why = "silent"};
  if (!runs(world, i)) return answer;
  auto const& node = world.nodes[i];
  answer.reach = MemberAnswer::Reach::answers;
  answer.cluster_id = kCluster;
  answer.member_id = id_of(i, node.first);
  answer.learner = node.entry == Entry::learner;
  // So that a learner that lacks writes counts as in sync: the worst that 90 % allows.
  answer.raft_index = 100u + node.log;
  bool const quorum = has_quorum(world, node.far);
  if (quorum && world.leader < world.count)
    answer.leader_id = id_of(world.leader, world.nodes[world.leader].first);
  if (quorum && !answer.learner) answer.quorum_list = etcd_list(world);
  return answer;
}

bool in_sight(World const& world, int i, Sight sight) {
  auto const& node = world.nodes[i];
  if (node.role == Role::joins) return node.retagged && sight.new_lists;
  if (node.role == Role::leaves) return !(node.retagged && sight.new_lists);
  return true;
}

// What a member that serves may need, and the machine before it.
void add_needs(World const& world, int m, MemberInputs& in) {
  auto const& mine = world.nodes[m];
  in.serving.restart->configuration = mine.outdated == Outdated::configuration;
  bool const trust = mine.outdated == Outdated::trust;
  in.serving.restart->trust = trust && world.turn == m;
  if (mine.outdated == Outdated::version) in.serving.restart->version = in.me.version;
  // pki grants it where the document says so, and this master has something to restart for.
  in.serving.turn = {.asked = mine.wants,
                     .mine = world.turn == m && (mine.wants || trust),
                     .holder = world.turn < world.count ? letter(world.turn) : ""};
  in.serving.lead_passes = mine.passes;
  switch (mine.chore) {
    case Chore::none:
      break;
    case Chore::hosts:
      in.machine.hosts = HostsChange{.entries = {}, .sentence = "somebody has moved"};
      break;
    case Chore::shut_out:
      if (mine.power == Power::etcd && !mine.unmounted)
        in.machine.shut_out = ShutOut{.etcd = {}, .path = "/etc/key"};
      break;
    case Chore::version:
      in.serving.versions = {.server = in.me.version, .cluster = "3.5.0"};
      break;
    case Chore::leases:
      in.serving.stale_leases = std::vector<std::string>{"/registry/masterleases/10.0.0.9"};
      break;
    case Chore::leftovers:
      in.serving.leftovers = true;
      break;
  }
}

MemberInputs inputs_of(World const& world, int m, Sight sight) {
  MemberInputs in{.me = {.member = letter(m), .self = known_as(m), .version = "3.5.33"}};
  auto const& mine = world.nodes[m];
  add_needs(world, m, in);
  in.ec2.volumes.emplace();
  bool own_tag_shown = false;
  auto shows = [&](Node const& node) {
    return node.tag == Tag::shown || (node.tag == Tag::written && sight.new_tags);
  };
  for (int i = 0; i < world.count; ++i) {
    auto const& node = world.nodes[i];
    if (in_sight(world, i, sight)) {
      bool const new_list = node.retagged && sight.new_lists;
      in.ec2.volumes->push_back({.volume_id = "vol-" + letter(i),
                                 .member = letter(i),
                                 .members = list_on(world, new_list),
                                 .etcd_cluster_id = shows(node) ? "c1" : "",
                                 .attached = node.power != Power::off});
      if (i == m) {
        own_tag_shown = true;
        in.me.expected_members = in.ec2.volumes->back().members;
      }
    } else if (shows(node)) {
      in.ec2.volumes->push_back(
          {.volume_id = "vol-" + letter(i), .etcd_cluster_id = "c1", .tagged = false});
    }
    if (i == m) continue;
    in.others.peers.push_back((sight.heard >> i & 1u)
                                  ? answer_of(world, i)
                                  : MemberAnswer{.member = letter(i), .why = "cut"});
  }
  // What this boot was told by the tag, before it changed.
  if (!own_tag_shown) in.me.expected_members = list_on(world, mine.role == Role::joins);
  for (auto const& member : in.me.expected_members)
    in.me.expected.push_back(known_as(member[0] - 'a'));
  if (sight.new_lists)
    in.ec2.tags_agree_for = world.settled ? in.ec2.tags_settle : Duration(0);
  else  // EC2 has shown the old tags for long, and etcd's list is as old
    in.ec2.tags_agree_for = world.list_moved ? Duration(0) : in.ec2.tags_settle;

  if (mine.tag != Tag::none) in.volume.tag_cluster_id = "c1";
  if (mine.power == Power::etcd) {
    in.etcd.unit = UnitState::Phase::running;
    in.etcd.own = answer_of(world, m);
  }
  if (mine.unmounted) {
    in.volume.unseen = UnseenVolume{
        .message = {Reason::VolumeUnmounted, "vol-" + letter(m) + " is not mounted", "mount it"}};
    return in;
  }
  switch (mine.disk) {
    case Disk::blank:
      break;
    case Disk::copy:
      in.volume.copy_of = "vol-before";
      in.volume.data.identity = {id_of(m, mine.first), kCluster};
      break;
    case Disk::current:
      in.volume.data.identity = {id_of(m, mine.first), kCluster};
      break;
    case Disk::old_first:
    case Disk::anew:
      in.volume.data.identity = {id_of(m, true), kCluster};
      break;
    case Disk::old_later:
      in.volume.data.identity = {static_cast<std::uint64_t>(m + 1) + kOldLater, kCluster};
      break;
  }
  if (mine.disk != Disk::blank) in.volume.data.state = DataDir::State::member;
  if (mine.aside) in.volume.data.set_aside = {"data.x"};
  if (mine.marker) in.volume.marker_cluster_id = "c1";
  return in;
}

// Exactly what inputs_of reads, so that worlds that look the same from here share one decision.
Key sight_key(World const& world, int m, Sight sight) {
  Packer key;
  unsigned heard = 0;
  bool list_seen = has_quorum(world, world.nodes[m].far) && runs(world, m);
  for (int i = 0; i < world.count; ++i) {
    if (i == m || !(sight.heard >> i & 1u) || !runs(world, i)) continue;
    heard |= 1u << i;
    list_seen = list_seen || has_quorum(world, world.nodes[i].far);
  }
  key(m, 3);
  key(heard, 5);
  key(list_seen, 1);
  for (int i = 0; i < world.count; ++i) {
    auto const& node = world.nodes[i];
    bool const visible = in_sight(world, i, sight);
    key(visible, 1);
    key(visible && node.retagged && sight.new_lists, 1);
    key(node.tag == Tag::shown || (node.tag == Tag::written && sight.new_tags), 1);
    key(visible && node.power != Power::off, 1);
    bool const entry_seen = list_seen || (heard >> i & 1u) || i == m;
    key(entry_seen ? node.entry : Entry::none, 2);
    key(entry_seen && node.first, 1);
    key(list_seen && node.published, 1);
    key((heard >> i & 1u) || i == m ? node.log : 0, 2);
    key((heard >> i & 1u) && has_quorum(world, node.far), 1);
    key(node.role, 2);
  }
  auto const& mine = world.nodes[m];
  key(mine.disk, 3);
  key(mine.unmounted, 1);
  key(mine.aside, 1);
  key(mine.tag != Tag::none, 1);
  key(mine.marker, 1);
  key(mine.power, 2);
  key(has_quorum(world, mine.far), 1);
  key(list_seen ? world.leader : 7, 3);
  key(sight.new_lists ? world.settled : !world.list_moved, 1);
  key(sight.new_lists, 1);
  key(mine.outdated, 2);
  key(mine.wants, 1);
  key(mine.passes, 2);
  key(mine.chore, 3);
  key(world.turn == m, 1);
  return key.key();
}

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};

std::uint8_t node_of(std::uint64_t id) {
  return static_cast<std::uint8_t>((id & 0xfu) - 1);
}

Move to_move(Decision const& decision, int m) {
  auto const self = static_cast<std::uint8_t>(m);
  return std::visit(
      Overloaded{[](WriteHosts const&) { return Move{MoveKind::hosts}; },
                 [](LetEtcdIn const&) { return Move{MoveKind::chore}; },
                 [](WriteVersion const&) { return Move{MoveKind::chore}; },
                 [](EraseLeases const&) { return Move{MoveKind::chore}; },
                 [](DropLeftovers const&) { return Move{MoveKind::chore}; },
                 [](PassLead const& move) { return Move{MoveKind::pass, node_of(move.to)}; },
                 [](RestartEtcd const&) { return Move{MoveKind::restart}; },
                 [](StartLater const&) { return Move{MoveKind::refuses}; },
                 [](ChangeLater const&) { return Move{MoveKind::refuses}; },
                 [](Unreadable const&) { return Move{MoveKind::refuses}; },
                 [](StartAsIs const&) { return Move{MoveKind::start}; },
                 [](FormNew const& form) {
                   Move move{MoveKind::form};
                   for (auto const& each : form.initial)
                     move.others |= static_cast<std::uint8_t>(1u << (each.name.back() - 'a'));
                   return move;
                 },
                 [](StartJoined const&) { return Move{MoveKind::joined}; },
                 [](SetAside const&) { return Move{MoveKind::aside}; },
                 [](StopUnit const&) { return Move{MoveKind::stop}; },
                 [&](RemoveStale const& move) { return Move{MoveKind::remove, node_of(move.id)}; },
                 [&](AddLearner const&) { return Move{MoveKind::add, self}; },
                 [](Promote const& move) { return Move{MoveKind::promote, node_of(move.id)}; },
                 [](UpdatePeerUrl const&) { return Move{MoveKind::refuses}; },
                 [](TagVolume const&) { return Move{MoveKind::tag}; },
                 [](MarkVolume const&) { return Move{MoveKind::mark}; },
                 [](RemoveMember const& move) { return Move{MoveKind::remove, node_of(move.id)}; },
                 [](MoveLeader const& move) { return Move{MoveKind::lead, node_of(move.to)}; },
                 // Nobody orders anything in these worlds; tests of order_decision say the rest.
                 [](RestoreData const&) { return Move{MoveKind::refuses}; },
                 [](ForceAlone const&) { return Move{MoveKind::refuses}; },
                 [](AdoptCluster const&) { return Move{MoveKind::refuses}; },
                 [](Wait const&) { return Move{MoveKind::waits}; },
                 [](Refuse const&) { return Move{MoveKind::refuses}; },
                 [](Serving const& serving) {
                   return Move{.kind = MoveKind::serves, .asks = serving.asks_for_turn};
                 }},
      decision);
}

}  // namespace

std::uint64_t hash(Key key) {
  auto mix = [](std::uint64_t x) {
    x ^= x >> 30u;
    x *= 0xbf58476d1ce4e5b9u;
    x ^= x >> 27u;
    x *= 0x94d049bb133111ebu;
    return x ^ (x >> 31u);
  };
  return mix(static_cast<std::uint64_t>(key) + mix(static_cast<std::uint64_t>(key >> 64u)));
}

std::size_t Decider::Hash::operator()(Key key) const {
  return hash(key);
}

Key pack(World const& world) {
  Packer packer;
  for (int i = 0; i < world.count; ++i) pack_node(world.nodes[i], has_restarts(world), packer);
  each_global(world, [&](auto value, unsigned bits) { packer(value, bits); });
  return packer.key();
}

World unpack(Key key, int count) {
  World world;
  world.count = static_cast<std::uint8_t>(count);
  Unpacker unpacker(key);
  for (int i = 0; i < count; ++i) {
    std::uint8_t threes = 0;
    unpacker(threes, 5u);
    set_threes(world.nodes[i], threes);
    auto unpack_field = [&](auto& value, unsigned bits) { unpacker(value, bits); };
    each_field(world.nodes[i], unpack_field);
    if (has_restarts(world)) each_restart_field(world.nodes[i], unpack_field);
  }
  each_global(world, [&](auto& value, unsigned bits) { unpacker(value, bits); });
  return world;
}

World canonical(World const& world) {
  auto same = world;
  int far = 0;
  for (int i = 0; i < world.count; ++i) far += world.nodes[i].far;
  if (far * 2 > world.count)
    for (int i = 0; i < world.count; ++i) same.nodes[i].far = !same.nodes[i].far;
  std::array<std::uint8_t, 8> order{};
  for (std::uint8_t i = 0; i < 8; ++i) order[i] = i;
  std::array<std::uint64_t, kMost> keys{};
  for (int i = 0; i < world.count; ++i) {
    keys[i] = packed(same.nodes[i], has_restarts(world)) * 16;
    if (i == world.turn) keys[i] |= 8;
    if (i == world.leader) keys[i] |= 4;
    if (world.pending.kind != MoveKind::none)
      keys[i] |= (i == world.slow ? 2u : 0u) | (i == world.pending.target ? 1u : 0u);
  }
  std::sort(order.begin(), order.begin() + world.count,
            [&](auto one, auto other) { return keys[one] < keys[other]; });
  std::array<std::uint8_t, 8> names{};
  for (std::uint8_t i = 0; i < 8; ++i) names[order[i]] = i;
  auto const nodes = same.nodes;
  for (int i = 0; i < world.count; ++i) same.nodes[i] = nodes[order[i]];
  same.leader = names[world.leader];
  same.turn = names[world.turn];
  if (world.pending.kind != MoveKind::none) {
    same.slow = names[world.slow];
    same.pending.target = names[world.pending.target];
  } else {
    same.slow = 0;
    same.pending = {};
  }
  return same;
}

int voters(World const& world) {
  int count = 0;
  for (auto const& node : world.nodes) count += node.entry == Entry::voter;
  return count;
}

int majority(int of) {
  return of / 2 + 1;
}

bool runs(World const& world, int i) {
  auto const& node = world.nodes[i];
  return world.formed && node.power == Power::etcd && node.disk == Disk::current &&
         node.entry != Entry::none;
}

int running_voters(World const& world, bool far) {
  int count = 0;
  for (int i = 0; i < world.count; ++i)
    count += runs(world, i) && world.nodes[i].entry == Entry::voter && world.nodes[i].far == far;
  return count;
}

bool has_quorum(World const& world, bool far) {
  return world.formed && running_voters(world, far) >= majority(voters(world));
}

bool wanted(World const& world, int i) {
  auto const& node = world.nodes[i];
  // Somebody's tag lists it.
  bool any_old = false;
  bool any_new = false;
  for (int j = 0; j < world.count; ++j) {
    auto const& each = world.nodes[j];
    if (each.role == Role::stays) (each.retagged ? any_new : any_old) = true;
    if (each.role == Role::joins && each.retagged) any_new = true;
    if (each.role == Role::leaves && !each.retagged) any_old = true;
  }
  switch (node.role) {
    case Role::stays:
      return true;
    case Role::joins:
      return any_new;
    case Role::leaves:
      return any_old;
  }
  return true;
}

bool has_restarts(World const& world) {
  return world.count <= 3;
}

bool wanted_in_the_end(Node const& node) {
  return node.role != Role::leaves;
}

void settle(World& world) {
  if (!world.formed) {
    for (bool far : {false, true}) {
      int running = 0;
      for (int i = 0; i < world.count; ++i) {
        auto const& node = world.nodes[i];
        running += node.power == Power::etcd && node.disk == Disk::current && node.far == far &&
                   node.entry == Entry::voter;
      }
      if (running >= majority(voters(world))) world.formed = true;
    }
  }
  if (!world.formed) return;
  for (int i = 0; i < world.count; ++i) {
    auto& node = world.nodes[i];
    if (node.power == Power::etcd && node.disk != Disk::current && has_quorum(world, node.far))
      node.power = Power::on;
  }
  bool const leads = world.leader < world.count && runs(world, world.leader) &&
                     world.nodes[world.leader].entry == Entry::voter &&
                     has_quorum(world, world.nodes[world.leader].far);
  if (leads) return;
  world.leader = 7;
  for (int i = world.count - 1; i >= 0; --i)
    if (runs(world, i) && world.nodes[i].entry == Entry::voter &&
        has_quorum(world, world.nodes[i].far) && world.nodes[i].log >= world.writes)
      world.leader = static_cast<std::uint8_t>(i);
}

Move Decider::move(World const& world, int m, Sight sight) {
  auto const key = sight_key(world, m, sight);
  auto known = known_.find(key);
  if (known != known_.end()) return known->second;
  auto const move = to_move(decide_(inputs_of(world, m, sight)), m);
  known_.emplace(key, move);
  return move;
}

std::string Decider::sentence(World const& world, int m, Sight sight) {
  auto const in = inputs_of(world, m, sight);
  return sentence_of(decide_(in), in);
}

std::string describe(World const& world) {
  auto text =
      fmt::format("formed {} writes {} leader {} turn {} settled {} ruined {}", world.formed,
                  world.writes, world.leader == 7 ? "-" : letter(world.leader),
                  world.turn == 7 ? "-" : letter(world.turn), world.settled, world.ruined);
  for (int i = 0; i < world.count; ++i) {
    auto const& node = world.nodes[i];
    text += fmt::format(
        "\n    {}{}: power {}, disk {}, log {}, {}{}{}, tag {}, marker {}, aside {}"
        "{}{}{}{}{}{}{}{}",
        letter(i),
        node.role == Role::joins    ? " (joins)"
        : node.role == Role::leaves ? " (leaves)"
                                    : "",
        static_cast<int>(node.power), static_cast<int>(node.disk), node.log,
        node.entry == Entry::none    ? "not listed"
        : node.entry == Entry::voter ? "voter"
                                     : "learner",
        node.first ? " (first id)" : "", node.published ? "" : ", not published",
        static_cast<int>(node.tag), node.marker, node.aside, node.voted ? ", has voted" : "",
        node.far ? ", far side" : "", node.retagged ? ", retagged" : "",
        node.unmounted ? ", not mounted" : "", node.outdated == Outdated::none ? "" : ", outdated",
        node.wants ? ", wants the turn" : "", node.restarting ? ", restarting" : "",
        node.chore == Chore::none ? std::string()
                                  : fmt::format(", chore {}", static_cast<int>(node.chore)));
  }
  return text;
}

}  // namespace haagent::bootstrap::explored
