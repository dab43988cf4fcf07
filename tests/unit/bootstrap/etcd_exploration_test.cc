// Every interleaving of three masters' moves with crashes, power cuts, lost disks and lost answers,
// up to a bound on disks and ids. etcd is reduced to what its members promise each other:
//  - a quorum of the voters that run on their own logs serves, and only such a quorum changes the
//    list;
//  - a voter that has run once must never run again from a log that it lost.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <set>
#include <tuple>

#include "bootstrap/etcd/decision.h"

namespace haagent::bootstrap {
namespace {

constexpr int kMasters = 3;
constexpr std::uint64_t kCluster = 0xc1;

enum class Power : std::uint8_t { off, on, etcd };
enum class Evidence : std::uint8_t { none, tag, tag_and_marker };

struct Master {
  Power power = Power::off;
  int disk = -1;  // the id whose log it holds
  Evidence evidence = Evidence::none;
  bool set_aside = false;
  auto operator<=>(Master const&) const = default;
};

struct Entry {
  int id = 0;
  int owner = 0;
  bool learner = false;
  bool published = false;
  auto operator<=>(Entry const&) const = default;
};

struct World {
  Master masters[kMasters];
  std::vector<Entry> list;  // once formed
  bool formed = false;
  bool acknowledged = false;  // somebody may have taken a client's write
  int next_id = kMasters;
  int losses = 0;
  unsigned voters_that_ran = 0;  // by id, of those that form: no other id is started as a voter
  auto operator<=>(World const&) const = default;

  bool up(int m) const { return masters[m].power == Power::etcd; }
  Entry const* entry_of_disk(int m) const {
    for (auto const& entry : list)
      if (masters[m].disk == entry.id) return &entry;
    return nullptr;
  }
  std::size_t voters() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(list, [](Entry const& entry) { return !entry.learner; }));
  }
  bool quorum() const {
    std::size_t running = 0;
    for (int m = 0; m < kMasters; ++m)
      if (auto const* entry = entry_of_disk(m); entry && up(m) && !entry->learner) ++running;
    return formed && running >= voters() / 2 + 1;
  }
  unsigned answering() const {
    unsigned who = 0;
    for (int m = 0; m < kMasters; ++m)
      if (up(m) && entry_of_disk(m)) who |= 1u << m;
    return who;
  }
  bool evidence() const {
    return std::ranges::any_of(
        masters, [](Master const& master) { return master.evidence != Evidence::none; });
  }
  // Enough logs are left that the cluster can come back by itself.
  bool can_live() const {
    if (!formed) return true;
    std::size_t intact = 0;
    for (int m = 0; m < kMasters; ++m)
      if (auto const* entry = entry_of_disk(m); entry && !entry->learner) ++intact;
    return intact >= voters() / 2 + 1;
  }
};

std::string letter(int m) {
  return std::string(1, static_cast<char>('a' + m));
}
std::string url(int m) {
  return "http://" + letter(m);
}

std::vector<EtcdMember> list_of(World const& world) {
  std::vector<EtcdMember> members;
  for (auto const& entry : world.list) {
    bool const named = entry.published || entry.id < kMasters;
    members.push_back({.id = static_cast<std::uint64_t>(entry.id + 1),
                       .name = named ? "etcd-" + letter(entry.owner) : "",
                       .peer_urls = {url(entry.owner)},
                       .client_urls = entry.published
                                          ? std::vector<std::string>{url(entry.owner) + ":2379"}
                                          : std::vector<std::string>{},
                       .learner = entry.learner});
  }
  return members;
}

MemberAnswer answer_of(World const& world, int m) {
  MemberAnswer answer{.member = letter(m), .why = "silent"};
  auto const* entry = world.entry_of_disk(m);
  if (!world.up(m) || !entry) return answer;  // before it forms, etcd answers nobody
  answer.reach = MemberAnswer::Reach::answers;
  answer.cluster_id = kCluster;
  answer.member_id = static_cast<std::uint64_t>(entry->id + 1);
  answer.learner = entry->learner;
  answer.raft_index = 1;
  if (world.quorum() && !entry->learner) answer.quorum_list = list_of(world);
  return answer;
}

MemberInputs inputs_of(World const& world, int m, unsigned heard) {
  MemberInputs in{.member = letter(m), .version = "3.5.33"};
  in.volumes.emplace();
  for (int other = 0; other < kMasters; ++other) {
    auto const& master = world.masters[other];
    in.expected_members.push_back(letter(other));
    in.expected.push_back({"etcd-" + letter(other), url(other)});
    in.volumes->push_back({.volume_id = "vol-" + letter(other),
                           .member = letter(other),
                           .members = {"a", "b", "c"},
                           .etcd_cluster_id = master.evidence == Evidence::none ? "" : "c1",
                           .attached = master.power != Power::off});
    if (other == m) continue;
    in.peers.push_back(heard >> other & 1u ? answer_of(world, other)
                                           : MemberAnswer{.member = letter(other), .why = "cut"});
  }
  auto const& mine = world.masters[m];
  if (mine.disk >= 0) {
    in.data.state = DataDir::State::member;
    in.data.identity = {static_cast<std::uint64_t>(mine.disk + 1), kCluster};
  }
  if (mine.set_aside) in.data.set_aside = {"data.x"};
  if (mine.evidence != Evidence::none) in.tag_cluster_id = "c1";
  if (mine.evidence == Evidence::tag_and_marker) in.marker_cluster_id = "c1";
  if (world.up(m)) {
    in.unit = UnitState::Phase::running;
    in.own = answer_of(world, m);
  }
  return in;
}

// What follows by itself.
void settle(World& world) {
  if (!world.formed) {
    int running = 0;
    for (int m = 0; m < kMasters; ++m) running += world.up(m) && world.masters[m].disk == m;
    if (running >= 2) {
      world.formed = true;
      for (int m = 0; m < kMasters; ++m) world.list.push_back({.id = m, .owner = m});
    }
  }
  // Who is told that it was removed ends.
  for (int m = 0; m < kMasters; ++m)
    if (world.quorum() && world.up(m) && !world.entry_of_disk(m))
      world.masters[m].power = Power::on;
}

// The masters are alike: of the worlds that differ in their names only, the least.
World canonical(World const& world) {
  int names[kMasters] = {0, 1, 2};
  std::optional<World> least;
  do {
    auto const id = [&](int old) { return old >= 0 && old < kMasters ? names[old] : old; };
    auto renamed = world;
    renamed.voters_that_ran = 0;
    for (int m = 0; m < kMasters; ++m) {
      renamed.masters[names[m]] = world.masters[m];
      renamed.masters[names[m]].disk = id(world.masters[m].disk);
      if (world.voters_that_ran >> m & 1u) renamed.voters_that_ran |= 1u << names[m];
    }
    for (auto& entry : renamed.list) {
      entry.id = id(entry.id);
      entry.owner = names[entry.owner];
    }
    std::ranges::sort(renamed.list);
    if (!least || renamed < *least) least = std::move(renamed);
  } while (std::next_permutation(names, names + kMasters));
  return *std::move(least);
}

struct Bounds {
  int losses;  // of disks
  int ids;     // the three that form, and those that are added
};

class Exploration {
 public:
  explicit Exploration(Bounds bounds) : bounds_(bounds) {}

  // Carries out what the master decides; false where the world stays as it is.
  bool turn(World& world, int m, unsigned heard) {
    auto const in = inputs_of(world, m, heard);
    auto const decision = decide(in);
    auto const before = world;
    auto& mine = world.masters[m];
    auto const start = [&](int id, bool votes) {
      if (votes && mine.disk != id && world.acknowledged && (world.voters_that_ran >> id & 1u))
        violation(before, m, "a voter runs again from a log that it lost");
      mine.disk = id;
      mine.power = Power::etcd;
      if (votes) world.voters_that_ran |= 1u << id;
    };
    auto const entry = [&](std::uint64_t id) {
      return std::ranges::find(world.list, static_cast<int>(id) - 1, &Entry::id);
    };
    if (std::holds_alternative<StartAsIs>(decision)) {
      mine.power = Power::etcd;
    } else if (std::holds_alternative<FormNew>(decision)) {
      if (world.acknowledged) violation(before, m, "a new cluster in a world that has one");
      start(m, /*votes=*/true);
    } else if (auto const* joined = std::get_if<StartJoined>(&decision)) {
      auto const own = std::ranges::find_if(
          world.list, [&](Entry const& each) { return each.owner == m && each.learner; });
      if (own == world.list.end() || joined->initial.size() != world.list.size())
        violation(before, m, "started into a list that it is not in");
      else
        start(own->id, /*votes=*/false);
    } else if (std::holds_alternative<SetAside>(decision)) {
      mine.disk = -1;
      mine.set_aside = true;
    } else if (std::holds_alternative<StopUnit>(decision)) {
      mine.power = Power::on;
    } else if (auto const* remove = std::get_if<RemoveStale>(&decision)) {
      auto const found = entry(remove->id);
      if (found->owner != m) violation(before, m, "removes somebody else");
      world.list.erase(found);
    } else if (std::holds_alternative<AddLearner>(decision)) {
      if (healing_ || world.next_id < bounds_.ids)
        world.list.push_back({.id = world.next_id++, .owner = m, .learner = true});
    } else if (auto const* promote = std::get_if<Promote>(&decision)) {
      entry(promote->id)->learner = false;
    } else if (std::holds_alternative<TagVolume>(decision)) {
      mine.evidence = Evidence::tag;
    } else if (std::holds_alternative<MarkVolume>(decision)) {
      mine.evidence = Evidence::tag_and_marker;
    } else if (std::holds_alternative<Serving>(decision)) {
      if (mine.evidence != Evidence::tag_and_marker) violation(before, m, "done without evidence");
      world.acknowledged = true;
    }
    settle(world);
    return world != before;
  }

  void explore() {
    World start;
    push(start);
    while (!left_.empty() && violations_.empty()) {
      auto const world = left_.front();
      left_.pop_front();
      live(world);
      for (int m = 0; m < kMasters; ++m) {
        auto const& mine = world.masters[m];
        if (mine.power != Power::off) {
          for (unsigned heard = 0; heard < 8; ++heard) {
            // Who would not answer need not be cut off.
            if ((heard & ~world.answering()) != 0 || (heard >> m & 1u)) continue;
            auto next = world;
            if (turn(next, m, heard)) push(next);
          }
          auto dark = world;
          dark.masters[m].power = Power::off;
          push(dark);
        } else {
          auto lit = world;
          lit.masters[m].power = Power::on;
          push(lit);
          if (world.losses < bounds_.losses && mine != Master{}) {
            auto lost = world;
            lost.masters[m] = {};
            ++lost.losses;
            // Whatever could speak for the cluster is gone, which takes a majority of the disks.
            if (lost.acknowledged && !lost.evidence()) {
              if (lost.losses < 2) violation(world, m, "one disk takes all evidence with it");
              lost.acknowledged = false;
            }
            push(lost);
          }
        }
        if (mine.power == Power::etcd) {
          auto crashed = world;
          crashed.masters[m].power = Power::on;
          push(crashed);
          auto published = world;
          publish(published, m);
          push(published);
        }
      }
    }
  }

  std::size_t worlds() const { return seen_.size(); }
  std::size_t healed() const { return healed_.size(); }
  std::vector<std::string> const& violations() const { return violations_; }

 private:
  void push(World world) {
    settle(world);
    if (!met_.insert(world).second) return;
    world = canonical(world);
    if (seen_.insert(world).second) left_.push_back(std::move(world));
  }

  static void publish(World& world, int m) {
    if (!world.quorum() || !world.up(m)) return;
    for (auto& entry : world.list)
      if (entry.id == world.masters[m].disk) entry.published = true;
  }

  // Faults end, everybody hears everybody: every master must come to serve, where logs allow it.
  void live(World world) {
    if (!world.can_live()) return;
    for (auto& master : world.masters)
      if (master.power == Power::off) master.power = Power::on;
    settle(world);
    auto const began = world;
    std::vector<World> way;
    healing_ = true;
    for (int round = 0; round < 30; ++round) {
      // From here it is known to come back.
      if (healed_.contains(canonical(world))) break;
      way.push_back(canonical(world));
      int serving = 0;
      for (int m = 0; m < kMasters; ++m) {
        turn(world, m, 7u & ~(1u << m));
        publish(world, m);
        serving += std::holds_alternative<Serving>(decide(inputs_of(world, m, 7u & ~(1u << m))));
      }
      if (serving == kMasters && world.voters() == kMasters) break;
    }
    healing_ = false;
    if (way.size() < 30) {
      healed_.insert(way.begin(), way.end());
      return;
    }
    for (int m = 0; m < kMasters; ++m) {
      auto const in = inputs_of(world, m, 7u & ~(1u << m));
      violation(began, m, "does not come back: " + sentence_of(decide(in), in));
    }
  }

  void violation(World const& world, int m, std::string const& what) {
    auto text = fmt::format("{}: {}; formed {} acknowledged {} list", letter(m), what, world.formed,
                            world.acknowledged);
    for (auto const& entry : world.list)
      text += fmt::format(" {}{}{}{}", letter(entry.owner), entry.id, entry.learner ? "l" : "",
                          entry.published ? "" : "?");
    for (int i = 0; i < kMasters; ++i) {
      auto const& master = world.masters[i];
      text += fmt::format("; {} power {} disk {} evidence {} aside {}", letter(i),
                          static_cast<int>(master.power), master.disk,
                          static_cast<int>(master.evidence), master.set_aside);
    }
    violations_.push_back(std::move(text));
  }

  Bounds const bounds_;
  bool healing_ = false;
  std::set<World> met_;   // under any names
  std::set<World> seen_;  // canonical
  std::set<World> healed_;
  std::deque<World> left_;
  std::vector<std::string> violations_;
};

TEST(EtcdExploration, NeverTwoClustersNeverALostLogAlwaysLive) {
  // HAAGENT_EXPLORE=deep takes many minutes.
  auto const* wish = std::getenv("HAAGENT_EXPLORE");
  bool const deep = wish && std::string_view(wish) == "deep";
  Exploration exploration(deep ? Bounds{.losses = 2, .ids = 5} : Bounds{.losses = 1, .ids = 4});
  exploration.explore();
  RecordProperty("worlds", std::to_string(exploration.worlds()));
  std::cout << exploration.worlds() << " worlds, " << exploration.healed() << " healed\n";
  EXPECT_GT(exploration.worlds(), 1000u);
  for (auto const& violation : exploration.violations()) ADD_FAILURE() << violation;
}

}  // namespace
}  // namespace haagent::bootstrap
