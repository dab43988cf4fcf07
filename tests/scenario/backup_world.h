// One master that backs up: its member, etcd's tools, and the state store as it reaches it, all in
// memory and under one power.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "agent/base/sha256.h"
#include "bootstrap/etcd/backup/backup_step.h"
#include "tests/scenario/file_effects.h"
#include "tests/support/fake_clock.h"
#include "tests/support/memory_store.h"
#include "tests/support/power.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/wrong_clock.h"

namespace haagent::scenario {

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
class BackupTools final : public Process {
 public:
  explicit BackupTools(test::Power& power) : power_(power) {}
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
class BackupStore final : public StateStore {
 public:
  BackupStore(test::MemoryStore& store, test::Power& power) : store_(store), power_(power) {}
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
  Result<UtcTime> now(std::stop_token stop) override { return store_.now(stop); }

 private:
  test::MemoryStore& store_;
  test::Power& power_;
};

// A master whose backups began a day ago, and what is in the state store since.
struct BackupWorld {
  BackupWorld() {
    config.cluster.name = "prod.example.com";
    config.etcd.binary = "/nowhere/etcd";
    config.etcd.backups.keep_for = 24h;
    config.etcd.backups.keep_at_least = 1;
  }
  bootstrap::BackupDeps parts() {
    return {config, Root(root.path()), http, own, tools, store, "0.1.0"};
  }
  // An agent's standing duty, from its start until it has nothing to do, or is killed.
  void live(std::stop_token killed) {
    bootstrap::BackupStep step(EtcdCluster::main, parts());
    Facts facts;
    for (int i = 0; i < 20 && !killed.stop_requested(); ++i, clock.advance(30s)) {
      auto found = step.look(facts, killed);
      if (found && std::holds_alternative<Needed>(*found))
        (void)std::get<Needed>(*found).act(killed);
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
  test::WrongClock own{clock};  // this machine's; right until a test sets it
  test::MemoryStore memory{clock};
  BackupStore store{memory, power};
  OneMember http;
  BackupTools tools{power};
};

}  // namespace haagent::scenario
