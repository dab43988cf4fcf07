// The decision of a rotation: its table, and every interleaving of what masters do with it.
#include "bootstrap/pki/rotation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <iostream>
#include <optional>
#include <set>
#include <utility>

namespace haagent::bootstrap::pki {
namespace {

using namespace std::chrono_literals;

using testing::HasSubstr;
using testing::IsEmpty;

Ca ca(std::string id) {
  return {.id = std::move(id), .pair = {}};
}

Bundle bundle(Stage stage, std::set<std::string> const& claims = {}) {
  Bundle made{.stage = stage, .signing = "old", .cas = {}, .loaded = {}};
  if (stage != Stage::dropping_old) made.cas.push_back(ca("old"));
  if (stage != Stage::stable) made.cas.push_back(ca("new"));
  if (stage == Stage::signing_with_new || stage == Stage::dropping_old) made.signing = "new";
  for (auto const& master : claims) made.loaded[master] = loaded_text(made);
  return made;
}

// A move in a word, for tables.
std::string word(RotationMove const& move) {
  auto const of = authority_of(move);
  if (std::holds_alternative<NothingNow>(move)) return "nothing";
  if (std::holds_alternative<Claim>(move)) return "claim " + of;
  if (std::holds_alternative<TakeBack>(move)) return "take back " + of;
  if (std::holds_alternative<Advance>(move)) return "advance " + of;
  if (std::holds_alternative<TakeTurn>(move)) return "take turn";
  if (std::holds_alternative<GiveTurnBack>(move)) return "give turn back";
  return "restart";
}

struct Row {
  char const* what;
  Bundle etcd;
  Bundle peer = bundle(Stage::stable);
  bool etcd_loaded = true;
  bool peer_loaded = true;
  bool restart = false;
  bool defragment = false;
  char const* unwell = "";
  char const* held = "";
  char const* turn = "";
  char const* move;
  std::set<std::string> masters = {"a", "b", "c"};
};

Message const kLacks(Reason::EtcdTrustOld, "lacks");

TEST(Rotation, Decides) {
  using enum Stage;
  for (auto const& row : {
           Row{.what = "nothing is under way", .etcd = bundle(stable), .move = "nothing"},
           Row{.what = "nor is what others once loaded of any weight",
               .etcd = bundle(stable, {"a", "b"}),
               .move = "nothing"},
           Row{.what = "I have loaded it", .etcd = bundle(trusting_new), .move = "claim etcd"},
           Row{.what = "I have not",
               .etcd = bundle(trusting_new),
               .etcd_loaded = false,
               .move = "nothing"},
           Row{.what = "I have said so, others have not",
               .etcd = bundle(trusting_new, {"a", "b"}),
               .move = "nothing"},
           Row{.what = "my disk was taken away meanwhile",
               .etcd = bundle(trusting_new, {"a", "b", "c"}),
               .etcd_loaded = false,
               .move = "take back etcd"},
           Row{.what = "all have",
               .etcd = bundle(trusting_new, {"a", "b", "c"}),
               .move = "advance etcd"},
           Row{.what = "all have, of the next stage",
               .etcd = bundle(signing_with_new, {"a", "b", "c"}),
               .move = "advance etcd"},
           Row{.what = "and of the last",
               .etcd = bundle(dropping_old, {"a", "b", "c"}),
               .move = "advance etcd"},
           Row{.what = "one whom the tags no longer list is not waited for",
               .etcd = bundle(trusting_new, {"a", "b"}),
               .move = "advance etcd",
               .masters = {"a", "b"}},
           Row{.what = "one who came is",
               .etcd = bundle(trusting_new, {"a", "b", "c"}),
               .move = "nothing",
               .masters = {"a", "b", "c", "d"}},
           Row{.what = "who the masters are is not known",
               .etcd = bundle(trusting_new, {"a", "b", "c"}),
               .move = "nothing",
               .masters = {}},
           Row{.what = "my etcd has to restart",
               .etcd = bundle(trusting_new),
               .etcd_loaded = false,
               .restart = true,
               .move = "take turn"},
           Row{.what = "so has the peers' authority",
               .etcd = bundle(stable),
               .peer = bundle(trusting_new),
               .peer_loaded = false,
               .restart = true,
               .move = "take turn"},
           Row{.what = "it may not, whatever its turn",
               .etcd = bundle(trusting_new),
               .etcd_loaded = false,
               .held = "etcd 3.6.6 is installed",
               .turn = "a",
               .move = "give turn back"},
           Row{.what = "nor is the turn taken for it",
               .etcd = bundle(trusting_new),
               .etcd_loaded = false,
               .held = "etcd 3.6.6 is installed",
               .move = "nothing"},
           Row{.what = "the other one of mine restarts",
               .etcd = bundle(trusting_new),
               .etcd_loaded = false,
               .restart = true,
               .held = "etcd 3.6.6 is installed",
               .turn = "a",
               .move = "restart"},
           Row{.what = "where no rotation is, too",
               .etcd = bundle(stable),
               .etcd_loaded = false,
               .restart = true,
               .move = "take turn"},
           Row{.what = "a voter is down",
               .etcd = bundle(trusting_new),
               .etcd_loaded = false,
               .restart = true,
               .unwell = "etcd-c of etcd main does not answer",
               .move = "nothing"},
           Row{.what = "it is another's turn",
               .etcd = bundle(trusting_new),
               .etcd_loaded = false,
               .restart = true,
               .turn = "b",
               .move = "nothing"},
           Row{.what = "it was the turn of one who is gone for good",
               .etcd = bundle(trusting_new),
               .etcd_loaded = false,
               .restart = true,
               .turn = "x",
               .move = "take turn"},
           Row{.what = "the same, and I need none",
               .etcd = bundle(trusting_new, {"a"}),
               .turn = "x",
               .move = "give turn back"},
           Row{.what = "it is my turn",
               .etcd = bundle(trusting_new),
               .etcd_loaded = false,
               .restart = true,
               .turn = "a",
               .move = "restart"},
           Row{.what = "I have restarted, and my apiserver has not",
               .etcd = bundle(trusting_new),
               .etcd_loaded = false,
               .turn = "a",
               .move = "nothing"},
           Row{.what = "I have restarted and have not said that I have it",
               .etcd = bundle(trusting_new),
               .turn = "a",
               .move = "claim etcd"},
           Row{.what = "I have, and a voter is not back",
               .etcd = bundle(trusting_new, {"a"}),
               .unwell = "etcd main does not serve here",
               .turn = "a",
               .move = "nothing"},
           Row{.what = "I have, and all are well",
               .etcd = bundle(trusting_new, {"a"}),
               .turn = "a",
               .move = "give turn back"},
           Row{.what = "a member of mine is to be defragmented, and nobody restarts",
               .etcd = bundle(stable),
               .defragment = true,
               .move = "take turn"},
           Row{.what = "and a member is away",
               .etcd = bundle(stable),
               .defragment = true,
               .unwell = "etcd-b of etcd main does not answer",
               .move = "nothing"},
           Row{.what = "and it is another one's turn",
               .etcd = bundle(stable),
               .defragment = true,
               .turn = "b",
               .move = "nothing"},
           Row{.what = "and it is mine, until it is done",
               .etcd = bundle(stable),
               .defragment = true,
               .turn = "a",
               .move = "nothing"},
           Row{.what = "a turn that was left over when the rotation ended",
               .etcd = bundle(stable),
               .etcd_loaded = false,
               .turn = "a",
               .move = "give turn back"},
       }) {
    RotationInputs in{.me = "a",
                      .masters = row.masters,
                      .authorities = {{"etcd", &row.etcd, row.etcd_loaded, kLacks},
                                      {"etcd-peer", &row.peer, row.peer_loaded, kLacks}},
                      .turn = row.turn,
                      .restart = row.restart,
                      .defragment = row.defragment,
                      .unwell = row.unwell,
                      .held = row.held};
    EXPECT_EQ(word(decide_rotation(in)), row.move) << row.what;
  }
}

TEST(Rotation, TheDocumentGoesThroughAllStages) {
  auto doc = bundle(Stage::stable, {"a", "x"});
  std::string stages;
  for (int i = 0; i < 4; ++i) {
    doc =
        i == 0 ? begun(doc, ca("new")) : after(doc, Advance{"etcd"}, {.me = "a", .masters = {"a"}});
    stages += fmt::format("{} {}; ", to_string(doc.stage), loaded_text(doc));
    if (i == 0) {
      EXPECT_THAT(doc.loaded, IsEmpty()) << "of an earlier rotation";
    }
    if (i == 2) doc.loaded["x"] = "old";
  }
  EXPECT_EQ(stages,
            "trusting new old+new/old; signing with new old+new/new; dropping old new/new; "
            "stable new/new; ");
  EXPECT_FALSE(doc.loaded.contains("x")) << "x is no master any more";
}

TEST(Rotation, IsAboutItsStagesAndWhomTheyWaitFor) {
  auto etcd = bundle(Stage::trusting_new, {"a", "b"});
  auto peer = bundle(Stage::dropping_old);
  RotationInputs in{.me = "a",
                    .masters = {"a", "b", "c"},
                    .authorities = {{"etcd", &etcd, true, {}}, {"etcd-peer", &peer, false, kLacks}},
                    .turn = "c"};
  auto said = rotation_message(in);
  ASSERT_TRUE(said);
  EXPECT_EQ(said->reason, Reason::RotationUnderWay);
  EXPECT_EQ(said->subject,
            "etcd: trusting new, waiting for c; etcd-peer: dropping old, waiting for a, b and c; "
            "turn of c");
  EXPECT_THAT(said->text, HasSubstr(kLacks.text));
  // What stands still until somebody comes has a reason of its own.
  in.authorities[1].lacks = Message(Reason::RotationHeldByEtcd, "etcd main may not restart");
  EXPECT_EQ(rotation_message(in)->reason, Reason::RotationHeldByEtcd);
  etcd = peer = bundle(Stage::stable);
  in.turn.clear();
  EXPECT_FALSE(rotation_message(in));
  in.restart = true;
  EXPECT_EQ(rotation_message(in)->reason, Reason::MembersTakeTurns);
  in.unwell = "etcd-c of etcd main does not answer";
  EXPECT_EQ(rotation_message(in)->reason, Reason::RestartWaitsForMembers);
}

// The runner takes the same need twice in a row for an act in vain.
TEST(Rotation, EachMoveThatFollowsAnotherIsAboutSomethingElse) {
  auto const etcd = bundle(Stage::trusting_new);
  RotationInputs const in{.me = "a",
                          .masters = {"a", "b", "c"},
                          .authorities = {{"etcd", &etcd, true, {}}},
                          .turn = "c"};
  std::set<std::pair<Reason, std::string>> told;
  for (RotationMove const& move :
       {RotationMove(Claim{"etcd"}), RotationMove(TakeBack{"etcd"}), RotationMove(Advance{"etcd"}),
        RotationMove(TakeTurn{}), RotationMove(GiveTurnBack{})}) {
    auto const said = message_of(move, in);
    EXPECT_TRUE(told.emplace(said.reason, said.subject).second) << said.text;
  }
}

TEST(Rotation, AnApiserverHasLoadedWhatStoodThereWhenItsProcessBegan) {
  UtcTime const written{1768472100s};
  auto const later = written + 60s;
  struct Seen {
    char const* what;
    std::optional<UtcTime> started;
    std::optional<Reason> lacks;
  };
  for (auto const& row : {
           Seen{"from before", written - 1h, Reason::ApiserverNotRestarted},
           Seen{"a moment before", written - 1s, Reason::ApiserverNotRestarted},
           Seen{"as the kernel rounds it", written - 10ms, {}},
           Seen{"since", written + 1s, {}},
           Seen{"just now", later - 1s, Reason::ApiserverStarting},
           Seen{"none", {}, Reason::ApiserverStarting},
       }) {
    auto const lacks = lacks_of({.manifest = written, .started = row.started}, later, "i-a");
    EXPECT_EQ(lacks ? std::optional(lacks->reason) : std::nullopt, row.lacks) << row.what;
    if (!lacks) continue;
    EXPECT_THAT(lacks->text, HasSubstr("i-a")) << row.what;
    EXPECT_EQ(!lacks->advice.empty(), row.lacks == Reason::ApiserverNotRestarted) << row.what;
  }
}

// Masters around two documents, in every order of their looks, acts and restarts. Each look reads,
// each act comes any time later, with what the look has read; agents are killed in between and
// remember nothing.
using Set = std::set<std::string>;

struct Doc {
  Stage stage = Stage::stable;
  Set claims;  // of this very stage
  auto operator<=>(Doc const&) const = default;
};
struct Disk {  // what is trusted, and who has signed the leaves
  std::string trust = "old";
  std::string signer = "old";
  auto operator<=>(Disk const&) const = default;
};
struct Pending {
  Doc read;
  bool write_disk = false;
  std::optional<Doc> change;
  std::string turn;  // as it was read
  std::optional<std::string> new_turn;
  auto operator<=>(Pending const&) const = default;
};
struct OneMaster {
  Disk disk;
  std::string running = "old";  // what its etcd trusts
  bool reconfigured = false;    // its etcd is to restart for another configuration
  bool up = true;
  bool granted = false;
  bool stopping = false;  // decided, and not yet done
  std::optional<Pending> pending;
  auto operator<=>(OneMaster const&) const = default;
};
struct RotationWorld {
  Doc doc;
  std::string turn;  // a document of its own
  std::vector<OneMaster> masters;
  int crashes_left = 0;  // of etcd
  auto operator<=>(RotationWorld const&) const = default;
};

std::string name_of(std::size_t i) {
  return std::string(1, static_cast<char>('a' + i));
}

Bundle full(Doc const& doc) {
  auto made = bundle(doc.stage, doc.claims);
  // The authority of the end is the new one.
  return made;
}

Disk disk_of(Doc const& doc) {
  switch (doc.stage) {
    case Stage::trusting_new:
      return {"old+new", "old"};
    case Stage::signing_with_new:
      return {"old+new", "new"};
    case Stage::dropping_old:
    case Stage::stable:
      return {"new", "new"};
  }
  return {};
}

struct Trials {  // what a test takes away, to see the exploration fail
  bool no_turn = false;
  bool no_claims = false;  // nobody is waited for
};

RotationInputs inputs_of(RotationWorld const& world, std::size_t me, Bundle const& doc) {
  auto const& master = world.masters[me];
  RotationInputs in{.me = name_of(me), .masters = {}, .authorities = {}, .turn = world.turn};
  for (std::size_t i = 0; i < world.masters.size(); ++i) {
    in.masters.insert(name_of(i));
    if (!world.masters[i].up) in.unwell = name_of(i) + " is down";
  }
  bool const loaded = master.running == master.disk.trust;
  // As the etcd row has said so while it served.
  in.restart = !loaded || (master.reconfigured && master.up);
  in.authorities.push_back({"etcd", &doc, loaded, kLacks});
  return in;
}

void look(RotationWorld& world, std::size_t me, Trials const& trials) {
  auto& master = world.masters[me];
  master.granted = false;
  master.pending.reset();
  Pending pending{.read = world.doc, .change = {}, .turn = world.turn, .new_turn = {}};
  if (master.disk != disk_of(world.doc)) {
    pending.write_disk = true;
    master.pending = pending;
    return;
  }
  auto const doc = full(world.doc);
  auto const in = inputs_of(world, me, doc);
  auto move = decide_rotation(in);
  if (trials.no_claims && authority_of(move).empty() && world.doc.stage != Stage::stable)
    move = Advance{"etcd"};
  if (std::holds_alternative<RestartMembers>(move) || (trials.no_turn && in.restart))
    master.granted = true;
  if (auto const turn = turn_after(move, in)) {
    pending.new_turn = *turn;
    master.pending = pending;
    return;
  }
  if (authority_of(move).empty()) return;
  auto const changed = after(doc, move, in);
  Doc next{.stage = changed.stage, .claims = {}};
  for (auto const& [who, text] : changed.loaded)
    if (text == loaded_text(changed)) next.claims.insert(who);
  // Both ends of the last stage read the same; a claim of one is none of the other's.
  if (changed.stage == Stage::stable) next.claims.clear();
  pending.change = next;
  master.pending = pending;
}

void act(RotationWorld& world, std::size_t me) {
  auto& master = world.masters[me];
  auto const pending = *std::exchange(master.pending, std::nullopt);
  if (pending.write_disk) {
    master.disk = disk_of(pending.read);
  } else if (pending.new_turn) {
    if (world.turn == pending.turn) world.turn = *pending.new_turn;
  } else if (world.doc == pending.read) {
    world.doc = *pending.change;
  }
}

// All that may happen next.
std::vector<RotationWorld> next_of(RotationWorld const& world, Trials const& trials) {
  std::vector<RotationWorld> all;
  auto add = [&](auto change) {
    auto next = world;
    change(next);
    if (next != world) all.push_back(std::move(next));
  };
  for (std::size_t i = 0; i < world.masters.size(); ++i) {
    auto const& master = world.masters[i];
    add([&](RotationWorld& w) { look(w, i, trials); });
    if (master.pending) add([&](RotationWorld& w) { act(w, i); });
    bool const all_up = std::ranges::all_of(world.masters, &OneMaster::up);
    bool const restarts = master.running != master.disk.trust || master.reconfigured;
    if (master.granted && !master.stopping && all_up && restarts)
      add([&](RotationWorld& w) { w.masters[i].stopping = true; });
    if (master.stopping)
      add([&](RotationWorld& w) { w.masters[i].stopping = w.masters[i].up = false; });
    if (!master.up)
      add([&](RotationWorld& w) {
        w.masters[i].up = true;
        w.masters[i].reconfigured = false;
        w.masters[i].running = w.masters[i].disk.trust;
      });
    // The agent is killed.
    add([&](RotationWorld& w) {
      w.masters[i].pending.reset();
      w.masters[i].granted = w.masters[i].stopping = false;
    });
    if (world.crashes_left > 0 && master.up)
      add([&](RotationWorld& w) {
        w.masters[i].up = false;
        --w.crashes_left;
      });
  }
  return all;
}

std::string trouble_in(RotationWorld const& world, bool crashes) {
  int down = 0;
  for (auto const& each : world.masters) down += each.up ? 0 : 1;
  if (!crashes && down > 1) return "two members restart at once";
  for (auto const& one : world.masters)
    for (auto const& other : world.masters) {
      if (!other.disk.trust.contains(one.disk.signer)) return "an agent shuts another out";
      if (one.up && other.up && !other.running.contains(one.disk.signer))
        return "an etcd shuts another out";
    }
  return "";
}

bool over(RotationWorld const& world) {
  return world.doc.stage == Stage::stable && world.turn.empty() &&
         std::ranges::all_of(world.masters, [](OneMaster const& each) {
           return each.up && !each.reconfigured && each.running == each.disk.trust &&
                  each.disk == Disk{"new", "new"};
         });
}

// Everybody goes on, one after the other.
bool ends(RotationWorld world) {
  world.crashes_left = 0;
  for (int round = 0; round < 60 && !over(world); ++round)
    for (std::size_t i = 0; i < world.masters.size(); ++i) {
      auto& master = world.masters[i];
      if (!master.up) {
        master.up = true;
        master.reconfigured = false;
        master.running = master.disk.trust;
      }
      look(world, i, {});
      if (master.pending) act(world, i);
      master.stopping = false;
      if (master.granted && std::ranges::all_of(world.masters, &OneMaster::up)) {
        master.running = master.disk.trust;
        master.reconfigured = false;
      }
    }
  return over(world);
}

struct Explored {
  std::size_t worlds = 0;
  std::string trouble;
  bool ended = false;
};

// What begins: a rotation, the same change of every master's configuration, or both.
enum class Begins { rotation, change, both };

Explored explore(std::size_t masters, int crashes, Trials const& trials, std::size_t at_most,
                 Begins begins = Begins::rotation) {
  RotationWorld start{
      .doc = {.stage = begins == Begins::change ? Stage::stable : Stage::trusting_new},
      .masters = std::vector<OneMaster>(masters),
      .crashes_left = crashes};
  for (auto& master : start.masters) {
    master.reconfigured = begins != Begins::rotation;
    if (begins == Begins::change) {
      master.disk = {"new", "new"};
      master.running = "new";
    }
  }
  std::set<RotationWorld> seen = {start};
  std::deque<RotationWorld> open = {start};
  Explored result;
  while (!open.empty() && seen.size() < at_most) {
    auto const world = std::move(open.front());
    open.pop_front();
    if (result.trouble = trouble_in(world, crashes > 0); !result.trouble.empty()) return result;
    if (over(world)) result.ended = true;
    if (!ends(world)) {
      result.trouble = "it stands still";
      return result;
    }
    for (auto& next : next_of(world, trials))
      if (seen.insert(next).second) open.push_back(std::move(next));
  }
  result.worlds = seen.size();
  std::cout << fmt::format("{} masters: {} worlds{}\n", masters, result.worlds,
                           open.empty() ? ", all there are" : "");
  return result;
}

TEST(RotationExploration, TwoMastersInEveryOrder) {
  auto const found = explore(2, /*crashes=*/0, {}, 2'000'000);
  EXPECT_EQ(found.trouble, "");
  EXPECT_TRUE(found.ended);
}

TEST(RotationExploration, TwoMastersAndAnEtcdThatCrashes) {
  auto const found = explore(2, /*crashes=*/1, {}, 2'000'000);
  EXPECT_EQ(found.trouble, "");
  EXPECT_TRUE(found.ended);
}

TEST(RotationExploration, ThreeMasters) {
  EXPECT_EQ(explore(3, /*crashes=*/0, {}, 60'000).trouble, "");
}

TEST(RotationExploration, TwoMastersWithTheSameChangeOfTheirConfiguration) {
  for (auto begins : {Begins::change, Begins::both}) {
    auto const found = explore(2, /*crashes=*/0, {}, 2'000'000, begins);
    EXPECT_EQ(found.trouble, "");
    EXPECT_TRUE(found.ended);
  }
}

TEST(RotationExploration, ThreeMastersWithTheSameChangeOfTheirConfiguration) {
  auto const found = explore(3, /*crashes=*/0, {}, 60'000, Begins::change);
  EXPECT_EQ(found.trouble, "");
  EXPECT_TRUE(found.ended);
}

TEST(RotationExploration, FindsWhatItIsFor) {
  EXPECT_EQ(explore(2, 0, {.no_turn = true}, 2'000'000, Begins::change).trouble,
            "two members restart at once");
  EXPECT_EQ(explore(2, 0, {.no_turn = true}, 2'000'000).trouble, "two members restart at once");
  EXPECT_THAT(explore(2, 0, {.no_claims = true}, 2'000'000).trouble,
              HasSubstr("shuts another out"));
}

}  // namespace
}  // namespace haagent::bootstrap::pki
