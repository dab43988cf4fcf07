// Scenarios on real etcd, by name.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "agent/base/volume_marker.h"
#include "tests/integration/etcd_versions.h"
#include "tests/integration/etcd_world.h"
#include "tests/support/mentions.h"
#include "tests/support/temporary_directory.h"

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;
using What = Master::Turn::What;
namespace fs = std::filesystem;

constexpr Duration kDeadline = 120s;
constexpr Duration kSoon = 40s;

using Masters = std::vector<std::unique_ptr<Master>>;

std::string sentences(Masters& masters) {
  std::string text;
  for (auto& master : masters)
    text += fmt::format("\n  {}: {} {}", master->member(), to_string(master->status().state),
                        master->status().message.text);
  return text;
}

void expect_done(Masters& masters, Duration deadline = kSoon) {
  auto all_done = [&] {
    return std::ranges::all_of(masters, [](auto& master) { return master->done(); });
  };
  EXPECT_TRUE(eventually(all_done, deadline)) << sentences(masters);
}

Masters boot_all(World& world) {
  Masters masters;
  for (auto const& member : world.members()) masters.push_back(world.boot(member));
  for (auto& master : masters) master->start_agent();
  return masters;
}

std::uint64_t cluster_id(Master& master) {
  auto members = master.client().members(Consistency::linearizable, {});
  EXPECT_TRUE(members) << members.error().message.text;
  return members ? members->header.cluster_id : 0;
}

// It neither joins nor changes the members while the volumes' tags list different ones.
bool tags_disagree(Master& master) {
  auto const message = master.status().message;
  auto const notes = fmt::format("{} {}", to_string(message.reason), message.subject);
  return message.reason == Reason::TagsDisagree || notes.contains("MembersChangeWaits tags ");
}

// Started voters, as a quorum has it.
std::set<std::string> voters(Master& master) {
  auto members = master.client().members(Consistency::linearizable, {});
  EXPECT_TRUE(members) << members.error().message.text;
  std::set<std::string> names;
  if (!members) return names;
  for (auto const& member : members->members)
    if (member.started() && !member.learner) names.insert(member.name);
  return names;
}

std::set<std::string> const kAllThree = {"etcd-a", "etcd-b", "etcd-c"};

void put(Master& master, std::string const& key, std::string const& value) {
  // A busy machine loses a leader now and then.
  auto done = master.client().put(key, value, {});
  EXPECT_TRUE(eventually([&] {
    if (!done) done = master.client().put(key, value, {});
    return done.has_value();
  })) << done.error().message.text;
}

std::string get(Master& master, std::string const& key,
                Consistency consistency = Consistency::linearizable) {
  auto found = master.client().get(key, consistency, {});
  EXPECT_TRUE(eventually([&] {
    if (!found) found = master.client().get(key, consistency, {});
    return found.has_value();
  })) << found.error().message.text;
  return found && *found ? (*found)->value : "";
}

std::string marker_id(Master& master) {
  auto marker = read_volume_marker(master.volume_dir());
  EXPECT_TRUE(marker && *marker);
  return marker && *marker ? (*marker)->etcd_cluster_id : "";
}

std::string data_version(Master& master) {
  auto marker = read_volume_marker(master.volume_dir());
  return marker && *marker ? (*marker)->etcd_data_version : "";
}

std::string tag_id(World& world, Master& master) {
  auto const tags = world.ec2().volume(master.volume_id()).tags;
  auto tag = tags.find("haagent.io/etcd-cluster-id");
  return tag == tags.end() ? "" : tag->second;
}

class EtcdCluster : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (!etcd_.missing.empty()) GTEST_SKIP() << etcd_.missing;
  }
  test::EtcdPrograms const& etcd() const { return etcd_; }

 private:
  test::EtcdPrograms const etcd_ = test::etcd_programs(GetParam());
};

// By default the newest alone, since the region's own tests run Debian's 3.4.
INSTANTIATE_TEST_SUITE_P(Etcd, EtcdCluster, testing::ValuesIn(test::etcd_minors({"3.7"})),
                         [](auto const& row) { return test::test_name_of(row.param); });

// What every version answers in its own way.
class EtcdGateway : public EtcdCluster {};

INSTANTIATE_TEST_SUITE_P(Etcd, EtcdGateway,
                         testing::ValuesIn(test::etcd_minors({"3.4", "3.5", "3.6", "3.7"})),
                         [](auto const& row) { return test::test_name_of(row.param); });

TEST_P(EtcdCluster, OneMemberForms) {
  in_a_world(kDeadline, [this] {
    World world(etcd(), {"a"});
    auto masters = boot_all(world);
    expect_done(masters);
    EXPECT_EQ(voters(*masters[0]), std::set<std::string>{"etcd-a"});
    auto const id = etcd_id_text(cluster_id(*masters[0]));
    EXPECT_EQ(marker_id(*masters[0]), id);
    EXPECT_EQ(tag_id(world, *masters[0]), id);
    auto const version = masters[0]->client().versions({});
    ASSERT_TRUE(version);
    for (auto const& warning : version_warnings(*parse_etcd_version(version->server)))
      EXPECT_TRUE(masters[0]->status().message.text.contains(warning))
          << masters[0]->status().message.text;
  });
}

TEST_P(EtcdCluster, ThreeMembersForm) {
  in_a_world(kDeadline, [this] {
    World world(etcd());
    auto masters = boot_all(world);
    expect_done(masters);
    for (auto& master : masters) {
      EXPECT_EQ(voters(*master), kAllThree);
      EXPECT_EQ(cluster_id(*master), cluster_id(*masters[0]));
      EXPECT_EQ(marker_id(*master), etcd_id_text(cluster_id(*masters[0])));
      EXPECT_EQ(tag_id(world, *master), etcd_id_text(cluster_id(*masters[0])));
    }
    put(*masters[0], "k", "v");
    EXPECT_EQ(get(*masters[2], "k"), "v");
  });
}

TEST_P(EtcdCluster, TwoOfThreeFormAndTheThirdFollows) {
  in_a_world(kDeadline, [this] {
    World world(etcd());
    Masters masters;
    for (auto const* member : {"a", "b"}) masters.push_back(world.boot(member));
    for (auto& master : masters) master->start_agent();
    expect_done(masters);
    put(*masters[0], "k", "v");
    masters.push_back(world.boot("c"));
    masters.back()->start_agent();
    expect_done(masters);
    EXPECT_EQ(voters(*masters[0]), kAllThree);
    EXPECT_EQ(get(*masters[2], "k", Consistency::local), "v");
    EXPECT_EQ(marker_id(*masters[2]), marker_id(*masters[0]));
  });
}

TEST_P(EtcdCluster, OneOfThreeWaits) {
  in_a_world(kDeadline, [this] {
    World world(etcd());
    auto a = world.boot("a");
    auto turn = a->one_turn();
    while (turn.what == What::acted) turn = a->one_turn();
    EXPECT_EQ(turn.what, What::waiting);
    EXPECT_EQ(turn.message.reason, Reason::ClusterIncomplete) << turn.sentence;
    EXPECT_FALSE(fs::exists(a->volume_dir() / "data"));
  });
}

// A blank member that waits must not decide on what EC2 said long ago. It looks for silent peers
// there too, but ever less often: the third change is seen for the evidence's sake alone.
TEST_P(EtcdCluster, ABlankMemberAsksAnewWhatTheOthersVolumesCarry) {
  in_a_world(kDeadline, [this] {
    World world(etcd());
    Masters masters;
    for (auto const& member : world.members()) masters.push_back(world.boot(member));
    auto& a = *masters[0];
    auto turn = Master::Turn{};
    auto const volume = world.volume_of("c");
    for (std::string id : {"cafe", "beef", "f00d"}) {
      auto const tagged = world.ec2().create_tags(volume, {{"haagent.io/etcd-cluster-id", id}}, {});
      ASSERT_TRUE(tagged) << tagged.error().message.text;
      auto says_so = [&] {
        turn = a.one_turn();
        return test::mentions(turn.sentence, volume) && test::mentions(turn.sentence, id);
      };
      EXPECT_TRUE(eventually(says_so, 15s)) << "not " << id << ": " << turn.sentence;
    }
    EXPECT_EQ(turn.what, What::waiting);
    EXPECT_FALSE(a.etcd_pid());
  });
}

TEST_P(EtcdCluster, ASecondNodeNeverFormsASecondCluster) {
  in_a_world(kDeadline, [this] {
    World world(etcd(), {"a"});
    auto masters = boot_all(world);
    expect_done(masters);
    auto const first = masters[0]->volume_id();
    world.create_volume("a");
    auto second = world.boot("a");
    auto turn = second->one_turn();
    while (turn.what == What::acted) turn = second->one_turn();
    EXPECT_EQ(turn.what, What::waiting);
    EXPECT_EQ(turn.message.reason, Reason::ClusterSilent) << turn.sentence;
    EXPECT_TRUE(turn.sentence.contains(first)) << turn.sentence;
    EXPECT_FALSE(second->etcd_pid());
    EXPECT_EQ(voters(*masters[0]), std::set<std::string>{"etcd-a"});
  });
}

TEST_P(EtcdCluster, DataPersistsOverStopAndStart) {
  in_a_world(kDeadline, [this] {
    World world(etcd());
    auto masters = boot_all(world);
    expect_done(masters);
    put(*masters[0], "k", "v");
    auto const id = cluster_id(*masters[0]);
    for (auto& master : masters) {
      master->restart_agent_process();
      master->stop_etcd();
    }
    for (auto& master : masters) master->start_agent();
    expect_done(masters);
    EXPECT_EQ(get(*masters[1], "k"), "v");
    EXPECT_EQ(cluster_id(*masters[2]), id);
  });
}

TEST_P(EtcdCluster, AllStoppedAndTwoStartedIsReadable) {
  in_a_world(kDeadline, [this] {
    World world(etcd());
    auto masters = boot_all(world);
    expect_done(masters);
    put(*masters[0], "k", "v");
    for (auto& master : masters) {
      master->restart_agent_process();
      master->kill_etcd();
    }
    for (int i : {0, 1}) masters[i]->start_agent();
    masters.pop_back();
    expect_done(masters);
    EXPECT_EQ(get(*masters[0], "k"), "v");
    put(*masters[1], "k", "w");
    EXPECT_EQ(get(*masters[0], "k"), "w");
  });
}

TEST_P(EtcdCluster, AllReplacedAtOnceWithNewAddresses) {
  in_a_world(kDeadline, [this] {
    World world(etcd());
    auto masters = boot_all(world);
    expect_done(masters);
    put(*masters[0], "k", "v");
    auto const id = cluster_id(*masters[0]);
    auto const before = masters[0]->client().members(Consistency::linearizable, {});
    auto const old_address = masters[0]->machine().address();
    masters.clear();

    masters = boot_all(world);
    expect_done(masters);
    EXPECT_NE(masters[0]->machine().address(), old_address);
    EXPECT_EQ(cluster_id(*masters[0]), id);
    EXPECT_EQ(get(*masters[1], "k"), "v");
    auto const after = masters[0]->client().members(Consistency::linearizable, {});
    ASSERT_TRUE(before && after);
    EXPECT_EQ(after->members, before->members);  // not one membership change
  });
}

TEST_P(EtcdCluster, ALostVolumeIsReplacedByABlankOne) {
  in_a_world(kDeadline, [this] {
    World world(etcd());
    auto masters = boot_all(world);
    expect_done(masters);
    put(*masters[0], "k", "v");
    auto const id = cluster_id(*masters[0]);
    auto const lost = masters[2]->volume_id();
    masters.pop_back();
    world.lose_volume(lost);
    world.create_volume("c");

    auto const begin = std::chrono::steady_clock::now();
    masters.push_back(world.boot("c"));
    masters.back()->start_agent();
    expect_done(masters);
    auto const took = std::chrono::steady_clock::now() - begin;
    RecordProperty("milliseconds", std::to_string(took / 1ms));
    EXPECT_LT(took, 20s);
    EXPECT_EQ(voters(*masters[0]), kAllThree);
    EXPECT_EQ(cluster_id(*masters[2]), id);
    EXPECT_EQ(get(*masters[2], "k", Consistency::local), "v");
    EXPECT_EQ(tag_id(world, *masters[2]), etcd_id_text(id));
  });
}

TEST_P(EtcdCluster, TheMinoritySideOfAPartitionFormsNothing) {
  in_a_world(kDeadline, [this] {
    World world(etcd());
    Masters masters;
    for (auto const& member : world.members()) masters.push_back(world.boot(member));
    auto& c = *masters[2];
    for (int i : {0, 1}) {
      c.machine().cut_off(masters[i]->machine().address());
      masters[i]->machine().cut_off(c.machine().address());
    }
    for (auto& master : masters) master->start_agent();
    EXPECT_TRUE(eventually([&] { return masters[0]->done() && masters[1]->done(); }, kSoon))
        << sentences(masters);
    put(*masters[0], "k", "v");
    EXPECT_TRUE(eventually([&] { return c.status().state == RowStatus::State::waiting; }, kSoon));
    EXPECT_FALSE(c.client().get("k", Consistency::linearizable, {}));
    EXPECT_EQ(marker_id(c), "");

    for (int i : {0, 1}) {
      c.machine().heal(masters[i]->machine().address());
      masters[i]->machine().heal(c.machine().address());
    }
    expect_done(masters);
    EXPECT_EQ(voters(c), kAllThree);
    EXPECT_EQ(cluster_id(c), cluster_id(*masters[0]));
    EXPECT_EQ(get(c, "k"), "v");
  });
}

TEST_P(EtcdCluster, ABlankVolumeWaitsWhileItsSiblingsCarryACluster) {
  in_a_world(kDeadline, [this] {
    World world(etcd());
    auto masters = boot_all(world);
    expect_done(masters);
    auto const kept = masters[1]->volume_id();
    masters.clear();
    world.create_volume("a");
    world.create_volume("c");
    auto a = world.boot("a");
    auto c = world.boot("c");
    auto turn = a->one_turn();
    while (turn.what == What::acted) turn = a->one_turn();
    EXPECT_EQ(turn.what, What::waiting);
    EXPECT_EQ(turn.message.reason, Reason::ClusterSilent) << turn.sentence;
    EXPECT_TRUE(turn.sentence.contains(kept)) << turn.sentence;
    EXPECT_FALSE(a->etcd_pid());
    EXPECT_FALSE(fs::exists(a->volume_dir() / "data"));
  });
}

TEST_P(EtcdCluster, ARemovedMemberSetsItsDataAsideAndComesBack) {
  in_a_world(kDeadline, [this] {
    World world(etcd());
    auto masters = boot_all(world);
    expect_done(masters);
    put(*masters[0], "k", "v");
    auto& c = *masters[2];
    auto const old = c.client().status({})->header.member_id;
    // etcd says no for 5 s after its members have met.
    EXPECT_TRUE(
        eventually([&] { return masters[0]->client().remove(old, {}).has_value(); }, kSoon));
    auto returned = [&] {
      auto members = masters[0]->client().members(Consistency::linearizable, {});
      return members && std::ranges::any_of(members->members, [&](EtcdMember const& member) {
               return member.name == "etcd-c" && member.id != old && member.started() &&
                      !member.learner;
             });
    };
    EXPECT_TRUE(eventually(returned, kSoon)) << sentences(masters);
    expect_done(masters);
    EXPECT_EQ(get(c, "k", Consistency::local), "v");
    int set_aside = 0;
    for (auto const& entry : fs::directory_iterator(c.volume_dir()))
      if (entry.path().filename().string().starts_with("data.")) {
        ++set_aside;
        EXPECT_TRUE(fs::exists(entry.path() / "member" / "wal"));
      }
    EXPECT_EQ(set_aside, 1);
  });
}

EtcdPace const kQuickly{.tags_every = 1s, .tags_settle = 2s, .learner_patience = 600s};

TEST_P(EtcdCluster, GrowsFromOneToThreeAsTheTagsSay) {
  in_a_world(kDeadline, [this] {
    World world(etcd(), {"a"});
    world.pace = kQuickly;
    auto masters = boot_all(world);
    expect_done(masters);
    put(*masters[0], "k", "v");
    auto const id = cluster_id(*masters[0]);

    // Half way: b's volume is there, and a's says still that a is alone.
    world.set_members({"a", "b", "c"});
    world.create_volume("b");
    world.create_volume("c");
    masters.push_back(world.boot("b"));
    masters.back()->start_agent();
    EXPECT_TRUE(eventually([&] { return tags_disagree(*masters[0]); }, kSoon))
        << sentences(masters);
    EXPECT_TRUE(eventually([&] { return tags_disagree(*masters[1]); }, kSoon))
        << sentences(masters);
    EXPECT_EQ(voters(*masters[0]), std::set<std::string>{"etcd-a"});

    world.retag("a", "a,b,c");
    masters.push_back(world.boot("c"));
    masters.back()->start_agent();
    auto all_vote = [&] {
      return std::ranges::all_of(masters, [](auto& master) { return master->done(); }) &&
             voters(*masters[0]) == kAllThree;
    };
    EXPECT_TRUE(eventually(all_vote, 60s)) << sentences(masters);
    for (auto& master : masters) {
      EXPECT_EQ(cluster_id(*master), id);
      EXPECT_EQ(get(*master, "k", Consistency::local), "v") << master->member();
      EXPECT_EQ(marker_id(*master), etcd_id_text(id));
      EXPECT_EQ(tag_id(world, *master), etcd_id_text(id));
      for (auto const* name : {"etcd-a.", "etcd-b.", "etcd-c."})
        EXPECT_TRUE(master->hosts_file().contains(name)) << master->hosts_file();
    }
    // Whichever of them goes now, the others serve.
    masters[0]->power_off();
    EXPECT_TRUE(
        eventually([&] { return masters[1]->client().put("k", "w", {}).has_value(); }, kSoon));
    EXPECT_EQ(get(*masters[2], "k"), "w");
  });
}

TEST_P(EtcdCluster, ShrinksFromThreeToOneAsTheTagsSay) {
  in_a_world(kDeadline, [this] {
    World world(etcd());
    world.pace = kQuickly;
    auto masters = boot_all(world);
    expect_done(masters);
    auto& a = *masters[0];
    put(a, "k", "v");
    // One that is to go leads.
    auto const b = masters[1]->client().status({})->header.member_id;
    auto b_leads = [&] {
      for (auto& master : masters) {
        auto const status = master->client().status({});
        if (!status) continue;
        if (status->leader == b) return true;
        if (status->leader == status->header.member_id) (void)master->client().move_leader(b, {});
      }
      return false;
    };
    EXPECT_TRUE(eventually(b_leads, kSoon));

    world.set_members({"a"});
    world.retag("a", "a");
    EXPECT_TRUE(eventually([&] { return tags_disagree(a); }, kSoon)) << sentences(masters);
    EXPECT_EQ(voters(a), kAllThree);
    world.retag("b", "");
    world.retag("c", "");
    auto alone = [&] {
      auto const list = a.client().members(Consistency::linearizable, {});
      return list && list->members.size() == 1 && a.done();
    };
    EXPECT_TRUE(eventually(alone, 60s)) << sentences(masters);
    EXPECT_EQ(voters(a), std::set<std::string>{"etcd-a"});
    EXPECT_EQ(get(a, "k"), "v");
    put(a, "k", "w");
    for (int i : {1, 2}) {
      auto& left = *masters[i];
      EXPECT_TRUE(eventually(
          [&] {
            return !left.etcd_pid() && left.status().message.reason == Reason::MemberNotListed;
          },
          kSoon))
          << sentences(masters);
      EXPECT_TRUE(fs::exists(left.volume_dir() / "data" / "member" / "wal"));
      EXPECT_EQ(left.status().state, RowStatus::State::waiting) << left.status().message.text;
    }
    // Without them, and with a new agent, it goes on alone.
    masters.resize(1);
    a.restart_agent_process();
    a.stop_etcd();
    a.start_agent();
    expect_done(masters);
    EXPECT_EQ(get(a, "k"), "w");
  });
}

// After each move the agent is a new one that remembers nothing; with every second one, etcd dies
// with it. Meanwhile somebody writes, and what was acknowledged is there at the end.
TEST_P(EtcdCluster, AReplacementGoesOnWhereItWasKilled) {
  in_a_world(kDeadline, [this] {
    World world(etcd());
    auto masters = boot_all(world);
    expect_done(masters);
    auto const lost = masters[2]->volume_id();
    masters.pop_back();
    world.lose_volume(lost);
    world.create_volume("c");
    auto c = world.boot("c");

    std::vector<std::string> moves;
    int written = 0;
    auto turn = Master::Turn{};
    auto const reached = eventually(
        [&] {
          turn = c->one_turn();
          if (turn.what == What::acted) {
            moves.push_back(turn.sentence);
            c->restart_agent_process();
            if (moves.size() % 2 == 0) c->kill_etcd();
          }
          auto const key = fmt::format("k{}", written);
          if (masters[0]->client().put(key, key, {})) ++written;
          return turn.what == What::done;
        },
        60s);
    ASSERT_TRUE(reached) << turn.sentence;
    EXPECT_GE(moves.size(), 5u) << testing::PrintToString(moves);
    EXPECT_EQ(voters(*masters[0]), kAllThree);
    EXPECT_GT(written, 0);
    for (int i = 0; i < written; ++i) {
      auto const key = fmt::format("k{}", i);
      EXPECT_EQ(get(*c, key), key);
    }
  });
}

TEST_P(EtcdCluster, AKeyIsCreatedOnceAndReplacedByWhoHasReadItLast) {
  in_a_world(kDeadline, [this] {
    World world(etcd());
    auto masters = boot_all(world);
    expect_done(masters);
    auto a = masters[0]->client();
    auto b = masters[1]->client();
    EXPECT_EQ(a.create("key", "first", {}).value(), true);
    EXPECT_EQ(b.create("key", "second", {}).value(), false);
    auto const seen = b.get("key", Consistency::linearizable, {}).value().value();
    EXPECT_EQ(seen.value, "first");
    EXPECT_EQ(a.replace("key", "third", seen.mod_revision, {}).value(), true);
    EXPECT_EQ(b.replace("key", "fourth", seen.mod_revision, {}).value(), false);
    EXPECT_EQ(get(*masters[1], "key"), "third");
    EXPECT_EQ(a.replace("none", "x", seen.mod_revision, {}).value(), false);
  });
}

TEST_P(EtcdCluster, ARebootAsksNobodyAndWritesNothing) {
  in_a_world(kDeadline, [this] {
    World world(etcd());
    auto masters = boot_all(world);
    expect_done(masters);
    auto& a = *masters[0];
    // etcd raises its data to its own version in steps, each of which comes to the volume later.
    EXPECT_TRUE(eventually([&] { return data_version(a) == GetParam(); }, kSoon))
        << data_version(a);
    a.restart_agent_process();
    a.stop_etcd();
    auto const calls = world.ec2().calls().size();
    fs::file_time_type hosts_time, config_time;
    auto times = [&] {
      a.machine().run([&] {
        hosts_time = fs::last_write_time("/etc/hosts");
        config_time = fs::last_write_time("/etc/haagent/etcd/main.yaml");
      });
      return std::pair(hosts_time, config_time);
    };
    auto const before = times();
    std::vector<Reason> moves;
    auto turn = Master::Turn{};
    EXPECT_TRUE(eventually(
        [&] {
          turn = a.one_turn();
          if (turn.what == What::acted) {
            moves.push_back(turn.message.reason);
            // From here on a machine that is slow enough asks whether its peers have moved.
            EXPECT_EQ(world.ec2().calls().size(), calls);
          }
          return turn.what == What::done;
        },
        kSoon))
        << turn.sentence;
    EXPECT_EQ(moves, std::vector<Reason>{Reason::EtcdStopped});
    EXPECT_EQ(times(), before);
  });
}

// The same change comes to all masters at the same moment, as a new image or a new file brings it.
TEST_P(EtcdCluster, AChangedConfigurationIsBroughtInByOneRestartAfterTheOther) {
  in_a_world(kDeadline, [this] {
    World world(etcd());
    world.pki_every = 500ms;
    auto masters = boot_all(world);
    expect_done(masters);
    std::vector<std::optional<pid_t>> before;
    for (auto& each : masters) {
      before.push_back(each->etcd_pid());
      each->stop_agent();
      each->set_config([](NodeConfig& config) {
        config.etcd.main.extra_config = Tree::map({{"snapshot-count", 5000}});
      });
      each->restart_agent_process();
    }
    for (auto& each : masters) each->start_agent();
    std::size_t most_down = 0;
    EXPECT_TRUE(eventually(
        [&] {
          std::size_t down = 0;
          std::size_t anew = 0;
          for (std::size_t i = 0; i < masters.size(); ++i) {
            auto const pid = masters[i]->etcd_pid();
            if (!pid) ++down;
            if (pid && pid != before[i] && masters[i]->done()) ++anew;
          }
          most_down = std::max(most_down, down);
          return anew == masters.size();
        },
        2 * kSoon));
    EXPECT_LE(most_down, 1u) << "two were down at the same moment";
    expect_done(masters);
    for (auto& each : masters) {
      std::string config;
      each->machine().run([&] { config = test::bytes_of("/etc/haagent/etcd/main.yaml"); });
      EXPECT_TRUE(config.contains("snapshot-count: 5000")) << config;
    }
    EXPECT_EQ(voters(*masters[0]), kAllThree);
  });
}

TEST_P(EtcdCluster, AChangedConfigurationWaitsWhileAnotherMemberIsDown) {
  in_a_world(kDeadline, [this] {
    World world(etcd());
    world.pki_every = 500ms;
    auto masters = boot_all(world);
    expect_done(masters);
    auto& a = *masters[0];
    auto& c = *masters[2];
    c.restart_agent_process();
    c.stop_etcd();
    auto const before = a.etcd_pid();
    a.stop_agent();
    a.set_config([](NodeConfig& config) {
      config.etcd.main.extra_config = Tree::map({{"snapshot-count", 5000}});
    });
    a.restart_agent_process();
    auto turn = Master::Turn{};
    // Beside the member that is down, whose reason comes first.
    auto const waits = [&] {
      turn = a.one_turn();
      return fmt::format("{} {}", to_string(turn.message.reason), turn.message.subject)
          .contains(to_string(Reason::EtcdRestartWaits));
    };
    EXPECT_TRUE(eventually(waits, kSoon)) << turn.sentence;
    EXPECT_EQ(a.etcd_pid(), before) << "two of three members were down";
    c.start_agent();
    a.start_agent();
    EXPECT_TRUE(
        eventually([&] { return a.etcd_pid() && a.etcd_pid() != before && a.done(); }, kSoon));
    expect_done(masters);
  });
}

// No client write is ever taken by a cluster of which no volume carries evidence.
TEST_P(EtcdCluster, IsNotDoneBeforeTheVolumeCarriesItsId) {
  in_a_world(kDeadline, [this] {
    World world(etcd(), {"a"});
    auto a = world.boot("a");
    world.ec2().fail_next("CreateTags", "UnauthorizedOperation", "not allowed");
    auto turn = Master::Turn{};
    EXPECT_TRUE(eventually(
        [&] {
          turn = a->one_turn();
          return turn.what == What::failed || turn.what == What::done;
        },
        kSoon));
    EXPECT_EQ(turn.what, What::failed);
    EXPECT_TRUE(turn.message.subject.contains("ec2:CreateTags")) << turn.sentence;
    EXPECT_EQ(marker_id(*a), "");
    EXPECT_EQ(tag_id(world, *a), "");
    EXPECT_EQ(a->one_turn().what, What::acted);  // the tag
    EXPECT_EQ(marker_id(*a), "");
    EXPECT_EQ(a->one_turn().what, What::acted);  // the marker
    EXPECT_EQ(a->one_turn().what, What::done);
    EXPECT_EQ(marker_id(*a), tag_id(world, *a));
    EXPECT_NE(marker_id(*a), "");
  });
}

TEST_P(EtcdCluster, AnEtcdThatDoesNotStartIsSaidAndTriedAgain) {
  in_a_world(kDeadline, [this] {
    World world(etcd(), {"a"});
    auto a = world.boot("a");
    a->machine().run([&] {
      // The version of the real one, and then an end that says why.
      test::write_bytes("/etc/broken-etcd",
                        fmt::format("#!/bin/sh\n[ \"$1\" = --version ] && exec {} --version\n"
                                    "echo 'listen tcp: address in use' >&2\nexit 1\n",
                                    etcd().etcd()));
      fs::permissions("/etc/broken-etcd", fs::perms::owner_all);
    });
    a->set_config([](NodeConfig& config) { config.etcd.binary = "/etc/broken-etcd"; });
    a->restart_agent_process();
    std::set<std::string> moves;
    Message waited;
    EXPECT_TRUE(eventually(
        [&] {
          auto turn = a->one_turn();
          if (turn.what == What::acted) moves.insert(turn.sentence);
          if (turn.what == What::waiting) waited = turn.message;
          return moves.size() == 4;  // hosts, and three tries
        },
        kSoon))
        << testing::PrintToString(moves);
    EXPECT_EQ(waited.reason, Reason::EtcdStartFailed) << waited.sentence();
    a->set_config([this](NodeConfig& config) { config.etcd.binary = etcd().etcd(); });
    Masters masters;
    masters.push_back(std::move(a));
    masters[0]->start_agent();
    expect_done(masters);
  });
}

TEST_P(EtcdGateway, SpeaksTheClientsLanguage) {
  in_a_world(kDeadline, [this] {
    World world(etcd());
    auto masters = boot_all(world);
    expect_done(masters);
    auto client = masters[0]->client();
    EXPECT_EQ(client.versions({})->server, masters[0]->client().status({})->version);
    EXPECT_TRUE(client.health({})->healthy);
    EXPECT_TRUE(client.alarms({})->empty());

    EXPECT_TRUE(client.put("a", "1", {}));
    EXPECT_TRUE(client.put("b", std::string("\0\xff", 2), {}));
    auto range = client.range("a", "c", Consistency::linearizable, {});
    ASSERT_TRUE(range);
    ASSERT_EQ(range->size(), 2u);
    EXPECT_EQ(range->at(1).value, std::string("\0\xff", 2));
    EXPECT_EQ(client.erase("a", {}), 1u);
    EXPECT_EQ(get(*masters[1], "a"), "");

    auto const members = client.members(Consistency::linearizable, {});
    ASSERT_TRUE(members);
    auto const leader = client.status({})->leader;
    for (auto& master : masters) {
      auto status = master->client().status({});
      ASSERT_TRUE(status);
      if (status->header.member_id == leader) continue;
      for (auto& other : masters)
        if (other->client().status({})->header.member_id == leader) {
          EXPECT_TRUE(other->client().move_leader(status->header.member_id, {}));
        }
      EXPECT_TRUE(eventually(
          [&] { return master->client().status({})->leader == status->header.member_id; }, kSoon));
      break;
    }

    // A leader that is new may be lost once more, and whoever asked is told to ask again.
    auto not_found = [](Result<void> const& done) {
      return !done && etcd_errc(done.error()) == EtcdErrc::member_not_found;
    };
    EXPECT_TRUE(eventually(
        [&] { return not_found(client.update_peer_url(1, "http://x:2380", {})); }, kSoon));
    EXPECT_TRUE(eventually([&] { return not_found(client.promote(1, {})); }, kSoon));
    auto const voter = members->members[0].id;
    EXPECT_TRUE(eventually([&] { return client.promote(voter, {}).has_value(); }, kSoon));
    EXPECT_TRUE(eventually([&] { return client.remove(1, {}).has_value(); }, kSoon));
    auto twice = [&] {
      auto added = client.add_learner(members->members[0].peer_urls[0], {});
      return !added && etcd_errc(added.error()) == EtcdErrc::peer_url_exists;
    };
    EXPECT_TRUE(eventually(twice, kSoon));  // "unhealthy" for the first 5 s
  });
}

// What an older etcd wrote into the log, a newer one panics at: 3.6 at the requests that 3.4 makes
// of each look at /health, and 3.7 at those by which members up to 3.5 publish themselves. Until
// there is a snapshot behind them.
TEST(EtcdVersions, ALogThatTheNextOneCannotReadIsNotGivenToIt) {
  std::map<std::string, test::EtcdPrograms> etcds;
  for (auto minor : test::kEtcdMinors) {
    auto etcd = test::etcd_programs(minor);
    if (!etcd.missing.empty()) GTEST_SKIP() << etcd.missing;
    etcds.emplace(minor, etcd);
  }
  in_a_world(kDeadline, [&] {
    World world(etcds.at("3.4"), {"a"});
    Masters masters;
    auto boots = [&](std::string const& minor, bool snapshots_soon) {
      masters.clear();
      world.use(etcds.at(minor));
      masters.push_back(world.boot("a"));
      if (snapshots_soon)
        masters[0]->set_config([](NodeConfig& config) {
          config.etcd.main.extra_config = Tree::map({{"snapshot-count", 5}});
        });
    };
    auto serves = [&](std::string const& minor, bool snapshots_soon = false) {
      boots(minor, snapshots_soon);
      masters[0]->start_agent();
      expect_done(masters);
      EXPECT_TRUE(eventually([&] { return data_version(*masters[0]) == minor; }, kSoon)) << minor;
      for (int i = 0; snapshots_soon && i < 10; ++i) put(*masters[0], "fill", std::to_string(i));
    };
    auto is_refused = [&](std::string const& minor) {
      boots(minor, false);
      auto turn = masters[0]->one_turn();
      while (turn.what == What::acted) turn = masters[0]->one_turn();
      EXPECT_EQ(turn.what, What::failed);
      EXPECT_EQ(turn.message.reason, Reason::EtcdVersionUnfit) << turn.sentence;
      EXPECT_FALSE(masters[0]->etcd_pid());
    };
    serves("3.4");
    put(*masters[0], "k", "v");
    EXPECT_TRUE(masters[0]->client().health({})->healthy);
    serves("3.5");
    is_refused("3.6");
    serves("3.5", /*snapshots_soon=*/true);
    serves("3.5");  // it publishes itself anew
    serves("3.6");
    is_refused("3.7");
    serves("3.6", /*snapshots_soon=*/true);
    serves("3.7");
    EXPECT_EQ(get(*masters[0], "k"), "v");
  });
}

}  // namespace
}  // namespace haagent::bootstrap
