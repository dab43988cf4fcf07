// A backup that is cut off at each of its side effects by a kill -9 of the agent: the next agent
// comes to a verified backup, nothing that was good is lost, and nothing is left lying about.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "agent/base/json.h"
#include "agent/base/sha256.h"
#include "bootstrap/etcd/backup_step.h"
#include "tests/scenario/file_effects.h"
#include "tests/support/fake_clock.h"
#include "tests/support/memory_store.h"
#include "tests/support/power.h"
#include "tests/support/temporary_directory.h"

namespace haagent::scenario {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using bootstrap::BackupList;
using bootstrap::Backups;

// One member that leads and votes.
class OneMember final : public Http {
 public:
  Result<HttpResponse> send(HttpRequest const& request, std::stop_token) override {
    constexpr auto kHeader = R"("header":{"cluster_id":"7","member_id":"1","revision":"5"})";
    auto rest = request.url.ends_with("/member/list")
                    ? R"("members":[{"ID":"1","name":"etcd-a","clientURLs":["http://a:2379"]}])"
                    : R"("version":"3.5.33","leader":"1","dbSize":"4096")";
    return HttpResponse{
        .status = 200, .headers = {}, .body = fmt::format("{{{},{}}}", kHeader, rest)};
  }
};

// etcdctl on files, under the power of the machine.
class Tools final : public Process {
 public:
  explicit Tools(test::Power& power) : power_(power) {}
  Result<ProcessOutcome> run(ProcessSpec const& spec, std::stop_token) override {
    auto const& argv = spec.argv;
    auto does = [&](std::string_view word) { return std::ranges::find(argv, word) != argv.end(); };
    auto after = [&](std::string_view word) {
      return std::ranges::find(argv, word) + 1 - argv.begin();
    };
    if (does("save"))
      return effect("snapshot save", [&] {
        auto const database = std::string(4096, 'd') + fmt::format("{:512}", ++saved_);
        test::write_bytes(argv[static_cast<std::size_t>(after("save"))],
                          database + sha256(database));
        return ProcessOutcome{};
      });
    if (does("status"))
      return ProcessOutcome{.out = R"({"hash":1,"revision":5,"totalKey":3,"totalSize":4096})"};
    if (does("restore"))
      return effect("snapshot restore", [&] {
        for (std::string const& word : argv)
          if (word.starts_with("--data-dir="))
            test::write_bytes(fs::path(word.substr(11)) / "member/snap/db", "database");
        return ProcessOutcome{};
      });
    return fail(Kind::internal, "no such program: {}", argv.front());
  }

 private:
  template <class Do>
  Result<ProcessOutcome> effect(std::string const& what, Do carry_out) {
    return power_.carry_out(what, [&]() -> Result<ProcessOutcome> { return carry_out(); });
  }
  test::Power& power_;
  int saved_ = 0;
};

// The state store as the machine reaches it, until its power is cut.
class Store final : public StateStore {
 public:
  Store(test::MemoryStore& store, test::Power& power) : store_(store), power_(power) {}
  std::string where() const override { return store_.where(); }
  Result<std::optional<StoredObject>> get(std::string const& key, std::stop_token stop) override {
    return store_.get(key, stop);
  }
  Result<bool> create(std::string const& key, std::string const& bytes,
                      std::stop_token stop) override {
    return power_.carry_out("create " + key, [&] { return store_.create(key, bytes, stop); });
  }
  Result<bool> replace(std::string const& key, std::string const& bytes, std::string const& version,
                       std::stop_token stop) override {
    return store_.replace(key, bytes, version, stop);
  }
  Result<void> upload(std::string const& key, fs::path const& file, std::stop_token stop) override {
    return power_.carry_out("upload " + key, [&] { return store_.upload(key, file, stop); });
  }
  Result<void> download(std::string const& key, fs::path const& file,
                        std::stop_token stop) override {
    return power_.carry_out("download " + key, [&] { return store_.download(key, file, stop); });
  }
  Result<std::vector<StoredEntry>> list(std::string const& prefix, std::stop_token stop) override {
    return store_.list(prefix, stop);
  }
  Result<void> remove(std::string const& key, std::stop_token stop) override {
    return power_.carry_out("remove " + key, [&] { return store_.remove(key, stop); });
  }

 private:
  test::MemoryStore& store_;
  test::Power& power_;
};

class BackingUp : public testing::Test {
 protected:
  // A master whose backups began a day ago, and what is in the state store since.
  struct World {
    World() {
      config.cluster.name = "prod.example.com";
      config.etcd.binary = "/nowhere/etcd";
      config.etcd.backups.keep_for = 24h;
      config.etcd.backups.keep_at_least = 1;
    }
    bootstrap::BackupParts parts() {
      return {config, Root(root.path()), http, clock, tools, store, "0.1.0"};
    }
    // An agent's standing duty, from its start until it has nothing to do, or is killed.
    void live(std::stop_token killed) {
      bootstrap::BackupStep step(EtcdCluster::main, parts());
      Facts facts;
      for (int i = 0; i < 20 && !killed.stop_requested(); ++i, clock.advance(30s)) {
        auto found = step.look(facts, killed);
        if (found && std::holds_alternative<Needed>(*found))
          (void)step.act(facts, killed);
        else if (found && i > 1)
          return;
      }
    }
    // The same, killed at that point; what it was doing then.
    std::string live_until(int point) {
      std::stop_source kill;
      power.cut_at(point, [&] { kill.request_stop(); });
      live(kill.get_token());
      auto const points = power.points();
      auto const off = power.off();
      power.cut_at(0, [] {});
      return off ? points.back() : "";
    }
    BackupList list() { return Backups(EtcdCluster::main, parts()).list({}).value(); }
    std::vector<std::string> good() {
      std::vector<std::string> names;
      for (auto const& each : list().backups)
        if (each.problem.empty()) {
          names.push_back(each.entry.name);
          EXPECT_TRUE(
              Backups(EtcdCluster::main, parts()).fetch(*each.manifest, root / "fetched.db", {}));
        }
      return names;
    }
    // What of the store no listing of good backups accounts for.
    std::size_t strays() { return memory.objects().size() - 2 * good().size(); }
    std::vector<fs::path> scratch() {
      std::vector<fs::path> found;
      auto const folder = root / "var/lib/haagent/scratch";
      if (fs::exists(folder))
        for (auto const& each : fs::recursive_directory_iterator(folder))
          found.push_back(each.path());
      return found;
    }

    test::TemporaryDirectory root;
    test::Power power;
    FilesUnderPower files{root.path(), power};
    NodeConfig config;
    test::FakeClock clock;
    test::MemoryStore memory{clock};
    Store store{memory, power};
    OneMember http;
    Tools tools{power};
  };
};

TEST_F(BackingUp, ConvergesHoweverTheAgentIsKilled) {
  int k = 1;
  for (;; ++k) {
    World world;
    // Old ones, of which the next sweep takes some away.
    world.live({});
    world.clock.advance(25h);
    world.live({});
    auto const before = world.good();
    ASSERT_EQ(before.size(), 1u) << "a sweep leaves the newest";
    world.clock.advance(25h);

    auto const cut = world.live_until(k);
    if (cut.empty()) break;
    SCOPED_TRACE(fmt::format("killed at point {}, {}", k, cut));
    EXPECT_FALSE(world.good().empty()) << "there is a good one at every moment";
    world.clock.advance(20min);
    world.live({});
    auto const after = world.good();
    ASSERT_FALSE(after.empty());
    EXPECT_NE(after.back(), before.back()) << "the next agent has taken a new one";
    EXPECT_EQ(world.scratch(), std::vector<fs::path>());

    // A day later, whatever it had begun is gone.
    world.clock.advance(25h);
    world.live({});
    world.clock.advance(25h);
    world.live({});
    EXPECT_EQ(world.good().size(), 1u);
    EXPECT_EQ(world.strays(), 0u);
    if (HasFailure()) return;
  }
  EXPECT_GT(k, 10) << "where nothing is interrupted, nothing is shown";
}

// An agent that was killed in a backup before a change of members may never take one again.
TEST_F(BackingUp, TheNextBackupForAnotherReasonSweepsTheScratchFolder) {
  for (int k = 1;; ++k) {
    World world;
    std::stop_source kill;
    world.power.cut_at(k, [&] { kill.request_stop(); });
    auto const taken = Backups(EtcdCluster::main, world.parts())
                           .take("http://127.0.0.1:2379", bootstrap::BackupReason::before_change,
                                 kill.get_token());
    auto const off = world.power.off();
    world.power.cut_at(0, [] {});
    if (!off) {
      EXPECT_TRUE(taken);
      EXPECT_GT(k, 5);
      break;
    }
    world.clock.advance(20min);
    world.live({});
    EXPECT_EQ(world.scratch(), std::vector<fs::path>()) << k;
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace haagent::scenario
