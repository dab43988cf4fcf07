// Backups of real members by etcd's own tools.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "bootstrap/etcd/backup/backup_step.h"
#include "bootstrap/etcd/backup/drill.h"
#include "bootstrap/etcd/maintenance/defrag.h"
#include "tests/integration/etcd_world.h"
#include "tests/support/found.h"
#include "tests/support/memory_store.h"

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
using Masters = std::vector<std::unique_ptr<Master>>;

constexpr Duration kDeadline = 120s;
constexpr Duration kSoon = 40s;

// What one master's agent backs up with. Everything runs on its machine.
struct Office {
  Office(Master& where, test::MemoryStore& bucket) : master(where), store(bucket) {
    config.cluster.name = "test.example";
  }
  BackupDeps parts() { return {config, Root(), http, clock, process, store, "0.1.0"}; }
  template <class Do>
  auto on_machine(Do&& what) {
    std::optional<decltype(what())> answer;
    master.machine().run([&] { answer.emplace(what()); });
    return *std::move(answer);
  }
  Result<BackupManifest> take() {
    return on_machine([&] {
      return Backups(EtcdCluster::main, parts())
          .take("https://127.0.0.1:2379", BackupReason::manual, {});
    });
  }
  bool scratch_is_empty() {
    return on_machine([] {
      return !fs::exists("/var/lib/haagent/scratch") || fs::is_empty("/var/lib/haagent/scratch");
    });
  }
  Master& master;
  test::MemoryStore& store;
  NodeConfig config;
  CurlHttp http;
  SystemClock clock;
  SystemProcess process;
};

Masters boot_with(World& world, std::string const& key, std::string const& value) {
  Masters masters;
  for (auto const& member : world.members()) masters.push_back(world.boot(member));
  for (auto& master : masters) master->start_agent();
  EXPECT_TRUE(eventually(
      [&] { return std::ranges::all_of(masters, [](auto& master) { return master->done(); }); },
      kSoon));
  EXPECT_TRUE(masters[0]->client().put(key, value, {}));
  return masters;
}

TEST(EtcdBackup, IsTakenVerifiedAndServesItsKeysInADrill) {
  in_a_world(kDeadline, [] {
    World world(test::etcd_programs("3.4"), {"a"});
    auto masters = boot_with(world, "precious", "yes");
    SystemClock clock;
    test::MemoryStore store(clock);
    Office office(*masters[0], store);
    auto manifest = office.take();
    ASSERT_TRUE(manifest) << manifest.error().message.text;
    EXPECT_EQ(manifest->member, "etcd-a");
    auto status = masters[0]->client().status({});
    ASSERT_TRUE(status);
    EXPECT_EQ(manifest->revision, status->header.revision);
    EXPECT_EQ(manifest->cluster_id, etcd_id_text(status->header.cluster_id));
    EXPECT_EQ(store.objects().at(backup_data_key(EtcdCluster::main, manifest->name)).size(),
              manifest->size);
    EXPECT_TRUE(office.scratch_is_empty());

    auto report = office.on_machine(
        [&] { return restore_drill(EtcdCluster::main, office.parts(), *manifest, {}); });
    ASSERT_TRUE(report) << report.error().message.text;
    EXPECT_EQ(report->failure, "");
    EXPECT_EQ(report->stages.size(), 3u);
    EXPECT_GE(report->revision, manifest->revision);
    EXPECT_TRUE(office.scratch_is_empty());

    // The same bytes, damaged where they lie: the drill says no.
    auto const key = backup_data_key(EtcdCluster::main, manifest->name);
    auto bytes = store.objects().at(key);
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    store.put(key, bytes);
    report = office.on_machine(
        [&] { return restore_drill(EtcdCluster::main, office.parts(), *manifest, {}); });
    ASSERT_TRUE(report) << report.error().message.text;
    EXPECT_NE(report->failure, "");
    EXPECT_TRUE(report->stages.empty());
  });
}

TEST(EtcdBackup, AnUploadThatComesBackOtherwiseIsNoBackup) {
  in_a_world(kDeadline, [] {
    World world(test::etcd_programs("3.4"), {"a"});
    auto masters = boot_with(world, "precious", "yes");
    SystemClock clock;
    test::MemoryStore store(clock);
    Office office(*masters[0], store);
    store.on_call = [&](test::MemoryStore::Call call, std::string const& key) {
      if (call != test::MemoryStore::Call::download) return;
      auto bytes = store.objects().at(key);
      bytes.resize(bytes.size() - 512);
      store.put(key, bytes);
    };
    auto manifest = office.take();
    ASSERT_FALSE(manifest);
    EXPECT_EQ(manifest.error().message.reason, Reason::BackupDamaged)
        << manifest.error().message.text;
    for (auto const& [key, bytes] : store.objects()) EXPECT_FALSE(key.ends_with(".json")) << key;
    EXPECT_TRUE(office.scratch_is_empty());
  });
}

TEST(EtcdBackup, OneFollowerBacksUpAndAFailureStaysUntilOneSucceeds) {
  in_a_world(kDeadline, [] {
    World world(test::etcd_programs("3.4"));
    auto masters = boot_with(world, "precious", "yes");
    SystemClock clock;
    test::MemoryStore store(clock);
    auto status = masters[0]->client().status({});
    ASSERT_TRUE(status);
    auto const leader = status->leader;

    int needed = 0;
    Office* first = nullptr;
    BackupStep* first_step = nullptr;
    Result<Finding> first_found = Done{};
    std::vector<std::unique_ptr<Office>> offices;
    std::vector<std::unique_ptr<BackupStep>> steps;
    Facts facts;
    for (auto& master : masters) {
      auto& office = *offices.emplace_back(std::make_unique<Office>(*master, store));
      auto& step =
          *steps.emplace_back(std::make_unique<BackupStep>(EtcdCluster::main, office.parts()));
      // The boot waits for no backup.
      auto boot = office.on_machine([&] { return step.look(facts, {}); });
      ASSERT_TRUE(boot);
      EXPECT_TRUE(std::holds_alternative<Done>(*boot));
      auto finding = office.on_machine([&] { return step.look(facts, {}); });
      ASSERT_TRUE(finding) << finding.error().message.text;
      if (!std::holds_alternative<Needed>(*finding)) continue;
      ++needed;
      first = &office;
      first_step = &step;
      first_found = std::move(finding);
      EXPECT_NE(master->client().status({})->header.member_id, leader);
    }
    ASSERT_EQ(needed, 1);

    store.fail_next(test::MemoryStore::Call::upload, Kind::denied);
    auto acted = first->on_machine([&] { return test::act_on(first_found); });
    ASSERT_FALSE(acted);
    EXPECT_EQ(acted.error().kind, Kind::transient) << "it is tried again, whatever it was";
    auto finding = first->on_machine([&] { return first_step->look(facts, {}); });
    ASSERT_FALSE(finding);
    EXPECT_EQ(finding.error().message.reason, Reason::BackupFailing)
        << finding.error().message.text;

    // Another master stands in; then nobody has anything to do, the first one included.
    auto taken = offices[0]->take();
    ASSERT_TRUE(taken) << taken.error().message.text;
    BackupStep later(EtcdCluster::main, first->parts());
    for (int i = 0; i < 2; ++i) {
      finding = first->on_machine([&] { return later.look(facts, {}); });
      ASSERT_TRUE(finding) << finding.error().message.text;
      EXPECT_TRUE(std::holds_alternative<Done>(*finding)) << sentence_of(*finding);
    }
    EXPECT_TRUE(sentence_of(*finding).contains(taken->name)) << sentence_of(*finding);
    EXPECT_EQ(facts.main.backups.get()->state, EtcdBackups::State::present);
  });
}

TEST(EtcdDefrag, ShrinksEachMemberTheLeaderLastAndKeepsTheKeys) {
  in_a_world(kDeadline, [] {
    World world(test::etcd_programs("3.4"));
    auto masters = boot_with(world, "precious", "yes");
    auto client = masters[0]->client();
    for (int i = 0; i < 60; ++i)
      ASSERT_TRUE(client.put("large", std::string(100'000, static_cast<char>('a' + i % 26)), {}));
    auto status = client.status({});
    ASSERT_TRUE(status);
    auto const leader = status->leader;
    auto const tls = etcd_client_tls(Root());
    masters[0]->machine().run([&] {
      auto ran = SystemProcess().run(
          {.argv = {"etcdctl", "--endpoints=https://127.0.0.1:2379", "--cacert=" + tls.ca_file,
                    "--cert=" + tls.cert_file, "--key=" + tls.key_file, "compact", "--physical",
                    std::to_string(status->header.revision)}},
          {});
      ASSERT_TRUE(ran && ran->exit_code == 0) << ran->err;
    });

    CurlHttp http;
    SystemClock clock;
    auto members = client.members(Consistency::linearizable, {});
    ASSERT_TRUE(members);
    std::vector<DefragTarget> answers;
    std::string leader_name;
    std::vector<DefragDone> done;
    // Names are known on the machines.
    masters[0]->machine().run([&] {
      for (auto const& member : members->members) {
        auto answer = EtcdClient(http, member.client_urls, tls).status({});
        ASSERT_TRUE(answer) << answer.error().message.text;
        answers.push_back({member, *answer});
        if (member.id == leader) leader_name = member.name;
      }
      auto order = defrag_order(members->members, answers);
      ASSERT_TRUE(order);
      auto worked = defragment(http, clock, tls, *order,
                               [&](DefragDone const& one) { done.push_back(one); }, {});
      ASSERT_TRUE(worked) << worked.error().message.text;
    });
    ASSERT_EQ(done.size(), 3u);
    EXPECT_EQ(done.back().name, leader_name);
    for (auto const& one : done) {
      EXPECT_GT(one.before, 6'000'000u) << one.name;
      EXPECT_LT(one.after, 1'000'000u) << one.name;
    }
    auto found = client.get("precious", Consistency::linearizable, {});
    ASSERT_TRUE(found && *found);
    EXPECT_EQ((*found)->value, "yes");

    // With one that is down, nobody else stops.
    answers.pop_back();
    auto refused = defrag_order(members->members, answers);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, Kind::refused);
    EXPECT_EQ(refused.error().message.reason, Reason::MembersNotWell)
        << refused.error().message.text;
  });
}

}  // namespace
}  // namespace haagent::bootstrap
