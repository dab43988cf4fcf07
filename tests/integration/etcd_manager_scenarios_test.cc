// The scenarios by which etcd-manager is tested, under their own names, on haagent in the simulated
// region: EtcdManager_v3_5.HARecovery and so on. Each scenario runs on the versions that its row of
// kScenarios names, or with HAAGENT_ETCD_VERSIONS=all on every one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <sstream>

#include "tests/integration/cluster_region.h"
#include "tests/integration/cluster_writer.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr auto kMain = EtcdCluster::main;

enum class Start {
  one,    // one master of one member; the volumes of two more are not there yet
  two,    // masters of two members out of three
  three,  // three masters at once
};

class EtcdManager : public testing::Test {
 public:
  EtcdManager(std::string minor, Start start) : minor_(std::move(minor)), start_(start) {}
  // The last region of the suite ends with it.
  static void TearDownTestSuite() { region_.reset(); }

  void ClusterWithOneMember();
  void WeOnlyFormASingleCluster();
  void ClusterWithThreeMembers();
  void ResizeCluster();
  void ClusterExpansion();
  void ClusterDataPersists();
  void HAReadWrite();
  void HARecovery();
  void EmptyDiskReplacementRecovery();
  void EtcdInstalled();

 protected:
  // Scenarios of one version that begin in the same way share a region, one after the other.
  void SetUp() override {
    if (auto const why = no_cluster_because(); !why.empty()) GTEST_SKIP() << why;
    auto const etcd = test::etcd_programs(minor_);
    if (!etcd.missing.empty()) GTEST_SKIP() << etcd.missing;
    if (region_ && made_for_ == std::pair(minor_, start_)) {
      ASSERT_TRUE(region().gets_ready());
      return;
    }
    region_.reset();
    made_for_ = {minor_, start_};
    region_ = std::make_unique<ClusterRegion>(
        ClusterPlan{.launched = false, .tagged = start_ == Start::one ? "a" : "", .etcd = etcd});
    auto const begin = std::chrono::steady_clock::now();
    for (auto const& master : started()) region().launch(master);
    ASSERT_TRUE(are_ready(started())) << region().told();
    say("from empty disks to healthy voters", begin);
  }

  std::vector<std::string> started() const {
    if (start_ == Start::one) return {"masters-a"};
    if (start_ == Start::two) return {"masters-a", "masters-b"};
    return {"masters-a", "masters-b", "masters-c"};
  }
  static ClusterRegion& region() { return *region_; }

  // Each serves as a voter of both clusters, whatever else is down.
  static testing::AssertionResult are_ready(std::vector<std::string> const& masters,
                                            Duration deadline = 60s) {
    return region().comes_true(
        [&] {
          return std::ranges::all_of(masters, [](auto const& each) {
            return !region().instance_of(each).empty() &&
                   region().step_state(each, "etcd-main") == "done" &&
                   region().step_state(each, "etcd-events") == "done";
          });
        },
        deadline);
  }
  // Its instance ends, and no other takes its place.
  static void end(std::vector<std::string> const& masters) {
    std::vector<std::string> ids;
    for (auto const& each : masters) ids.push_back(region().instance_of(each));
    region().power_cut(ids);
    for (auto const& each : masters) region().launch(each, 0);
    ASSERT_TRUE(region().comes_true([&] {
      return std::ranges::all_of(
          masters, [](auto const& each) { return region().instance_of(each).empty(); });
    }));
  }
  static std::string read_by_quorum(std::string const& where, std::string const& key) {
    auto const got = region().etcdctl(where, kMain, {"get", key, "--print-value-only"});
    return got.code == 0 ? got.out.substr(0, got.out.find('\n')) : "";
  }
  static std::vector<std::string> voters(std::string const& where) {
    std::vector<std::string> names;
    for (auto const& each : region().members(where, kMain))
      if (each.started && !each.learner) names.push_back(each.name);
    return names;
  }
  void say(std::string const& what, std::chrono::steady_clock::time_point begin) const {
    std::printf("    etcd %s, %s: %.1f s\n", minor_.c_str(), what.c_str(),
                std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    std::fflush(stdout);
  }

  std::string const minor_;
  Start const start_;

 private:
  static inline std::unique_ptr<ClusterRegion> region_;
  static inline std::pair<std::string, Start> made_for_;
};

void EtcdManager::ClusterWithOneMember() {
  EXPECT_THAT(voters("masters-a"), ElementsAre("etcd-a"));
  EXPECT_TRUE(region().is_whole("masters-a", kMain, 1));
  EXPECT_TRUE(region().put("masters-a", kMain, "k", "v"));
}

// The tags expect one member; a second master has no volume, and makes no cluster of its own.
void EtcdManager::WeOnlyFormASingleCluster() {
  auto const before = region().cluster_id("masters-a", kMain);
  ASSERT_NE(before, "");
  auto const first = region().instance_of("masters-a");
  region().command("run-instance", Tree::map({{"like", "masters-a"}}));
  std::string second;
  ASSERT_TRUE(region().comes_true([&] {
    auto const state = region().command("state");
    for (auto const& each : state.find("instances")->items())
      if (each.text_at("state") == "running" && each.text_at("id") != first)
        second = each.text_at("id");
    return !second.empty() && region().step_state(second, "volume-main") == "waiting";
  }));
  EXPECT_THAT(region().sentence(second, "volume-main"), HasSubstr(first));
  EXPECT_EQ(region().run(second, {"pgrep", "-x", "etcd"}).code, 1) << "it runs an etcd";
  EXPECT_EQ(region().cluster_id(first, kMain), before);
  EXPECT_THAT(voters(first), ElementsAre("etcd-a"));
  region().power_cut({second});
  EXPECT_TRUE(region().comes_true([&] { return region().instance_of("masters-a") == first; }));
}

// From one member to three while clients write: the operator makes the volumes and says in all tags
// who is a member, and starts the masters.
void EtcdManager::ResizeCluster() {
  std::map<EtcdCluster, std::string> before;
  for (auto cluster : kEtcdClusters) {
    before[cluster] = region().cluster_id("masters-a", cluster);
    ASSERT_NE(before[cluster], "");
  }
  region().launch("workers");
  ASSERT_TRUE(region().comes_true([] {
    auto const worker = region().instance_of("workers");
    return !worker.empty() && region().run(worker, {"true"}).code == 0;
  }));
  Writer writer(region());
  auto const begin = std::chrono::steady_clock::now();
  for (auto cluster : kEtcdClusters) {
    auto const name = std::string(to_string(cluster));
    for (char each : {'b', 'c'})
      region().create_volume(fmt::format("{}-{}", name, each), fmt::format("eu-west-1{}", each),
                             cluster, fmt::format("{}/a,b,c", each));
    auto const tagged = region().aws(
        {"ec2", "create-tags", "--resources", region().volume_id(name + "-a"), "--tags",
         fmt::format("[{{\"Key\":\"k8s.io/etcd/{}\",\"Value\":\"a/a,b,c\"}}]", name)});
    ASSERT_EQ(tagged.code, 0) << tagged.out;
  }
  std::vector<std::string> const masters = {"masters-a", "masters-b", "masters-c"};
  for (auto const* each : {"masters-b", "masters-c"}) region().launch(each);
  ASSERT_TRUE(are_ready(masters, 120s)) << region().told();
  say("from one voter to three", begin);

  auto const acknowledged = writer.all();
  EXPECT_GE(acknowledged.size(), 10u);
  for (auto const& master : masters) {
    EXPECT_THAT(voters(master), ElementsAre("etcd-a", "etcd-b", "etcd-c")) << master;
    for (auto cluster : kEtcdClusters) {
      EXPECT_TRUE(region().is_whole(master, cluster, 3)) << master;
      EXPECT_EQ(region().cluster_id(master, cluster), before[cluster]) << master;
    }
    EXPECT_TRUE(region().comes_true([&] {
      return writer.missing_on(master, acknowledged).empty();
    })) << master
        << " lacks " << testing::PrintToString(writer.missing_on(master, acknowledged));
  }
  // And without the first one the others go on.
  end({"masters-a"});
  EXPECT_TRUE(region().comes_true([&] { return region().put("masters-b", kMain, "on", "b"); }));
}

void EtcdManager::ClusterWithThreeMembers() {
  for (auto const& master : started()) {
    EXPECT_THAT(voters(master), ElementsAre("etcd-a", "etcd-b", "etcd-c")) << master;
    EXPECT_TRUE(region().is_whole(master, kMain, 3)) << master;
  }
}

// Two of three masters are enough to form; the third finds its place kept.
void EtcdManager::ClusterExpansion() {
  // Only who has been there tells where it serves.
  auto const asked = [] {
    return region().etcdctl("masters-a", kMain, {"endpoint", "health", "--cluster"}).out;
  };
  EXPECT_THAT(asked(), AllOf(HasSubstr("etcd-b"), Not(HasSubstr("etcd-c"))));
  auto const formed = region().cluster_id("masters-a", kMain);
  EXPECT_TRUE(region().put("masters-a", kMain, "before-the-third", "kept"));
  region().launch("masters-c");
  ASSERT_TRUE(are_ready({"masters-a", "masters-b", "masters-c"}));
  EXPECT_TRUE(region().is_whole("masters-c", kMain, 3));
  EXPECT_THAT(asked(), HasSubstr("etcd-c"));
  EXPECT_EQ(region().cluster_id("masters-c", kMain), formed);
  EXPECT_TRUE(region().comes_true(
      [&] { return region().get("masters-c", kMain, "before-the-third") == "kept"; }));
}

void EtcdManager::ClusterDataPersists() {
  ASSERT_TRUE(region().put("masters-b", kMain, "persists", "kept"));
  auto const before = region().cluster_id("masters-b", kMain);
  auto const begin = std::chrono::steady_clock::now();
  std::map<std::string, std::string> boots;
  for (auto const& master : started()) boots[master] = region().status(master).text_at("started");
  region().command("reboot",
                   Tree::map({{"instances", Tree::list({"masters-a", "masters-b", "masters-c"})}}));
  ASSERT_TRUE(region().comes_true(
      [&] {
        return std::ranges::all_of(started(), [&](auto const& each) {
          auto const now = region().status(each).text_at("started");
          return !now.empty() && now != boots[each] && region().is_ready(each);
        });
      },
      60s));
  say("all three rebooted at once to ready", begin);
  EXPECT_EQ(read_by_quorum("masters-a", "persists"), "kept");
  EXPECT_EQ(region().cluster_id("masters-c", kMain), before);
}

void EtcdManager::HAReadWrite() {
  ASSERT_TRUE(region().put("masters-a", kMain, "ha", "written-on-a"));
  end({"masters-a"});
  ASSERT_TRUE(
      region().comes_true([&] { return read_by_quorum("masters-c", "ha") == "written-on-a"; }));
  EXPECT_TRUE(region().has("masters-c", kMain, "ha", "written-on-a"));
  EXPECT_TRUE(region().put("masters-c", kMain, "ha", "written-on-c"));
  EXPECT_EQ(read_by_quorum("masters-b", "ha"), "written-on-c");
  region().launch("masters-a");
  ASSERT_TRUE(region().gets_ready());
  EXPECT_EQ(read_by_quorum("masters-a", "ha"), "written-on-c");
}

void EtcdManager::HARecovery() {
  ASSERT_TRUE(region().put("masters-a", kMain, "recovered", "kept"));
  end(started());
  auto const begin = std::chrono::steady_clock::now();
  for (auto const* each : {"masters-a", "masters-c"}) region().launch(each);
  ASSERT_TRUE(are_ready({"masters-a", "masters-c"}));
  say("two of three on new machines to healthy voters", begin);
  EXPECT_EQ(read_by_quorum("masters-c", "recovered"), "kept");
  EXPECT_TRUE(region().put("masters-c", kMain, "recovered", "and-written"));
  region().launch("masters-b");
  ASSERT_TRUE(region().gets_ready());
  EXPECT_EQ(read_by_quorum("masters-b", "recovered"), "and-written");
}

// The same name on a blank disk. etcd-manager's own test allows four minutes.
void EtcdManager::EmptyDiskReplacementRecovery() {
  ASSERT_TRUE(region().put("masters-a", kMain, "older-than-the-disk", "kept"));
  auto const before = region().cluster_id("masters-a", kMain);
  auto const id = region().volume_id("main-c");
  end({"masters-c"});
  ASSERT_TRUE(
      region().comes_true([&] { return region().volume(id).text_at("state") == "available"; }));
  ASSERT_EQ(region().aws({"ec2", "delete-volume", "--volume-id", id}).code, 0);
  region().create_volume("main-c", "eu-west-1c", kMain, "c/a,b,c");
  auto const begin = std::chrono::steady_clock::now();
  region().launch("masters-c");
  ASSERT_TRUE(region().comes_true(
      [&] {
        return !region().instance_of("masters-c").empty() && region().is_ready("masters-c") &&
               region().is_whole("masters-a", kMain, 3);
      },
      60s));
  say("from an empty disk to a healthy voter", begin);
  EXPECT_EQ(region().cluster_id("masters-c", kMain), before);
  EXPECT_TRUE(region().has("masters-c", kMain, "older-than-the-disk", "kept"));
}

void EtcdManager::EtcdInstalled() {
  auto const master = started().front();
  auto const version = fmt::format("ersion: {}.", minor_);  // "etcd Version:", "etcdctl version:"
  EXPECT_THAT(region().run(master, {"/usr/bin/etcd", "--version"}).out, HasSubstr(version));
  EXPECT_THAT(region().run(master, {"/usr/bin/etcdctl", "version"}).out, HasSubstr(version));
  if (minor_ != "3.4") {
    EXPECT_THAT(region().run(master, {"/usr/bin/etcdutl", "version"}).out, HasSubstr(version));
  }
  // And it is what serves.
  std::string const pki = "/etc/kubernetes/pki/etcd/";
  auto const says =
      region()
          .run(master,
               {"curl", "-s", "--cacert", pki + "ca.crt", "--cert", pki + "healthcheck-client.crt",
                "--key", pki + "healthcheck-client.key", "https://127.0.0.1:2379/version"})
          .out;
  EXPECT_THAT(says, HasSubstr(fmt::format("\"etcdserver\":\"{}.", minor_)));
}

struct Scenario {
  char const* name;
  void (EtcdManager::*run)();
  Start start;
  std::vector<std::string> by_default;  // versions
};

// Those that begin alike stand together.
std::vector<Scenario> const kScenarios = {
    {"ClusterWithOneMember", &EtcdManager::ClusterWithOneMember, Start::one, {"3.4", "3.6"}},
    {"WeOnlyFormASingleCluster", &EtcdManager::WeOnlyFormASingleCluster, Start::one, {"3.4"}},
    // Its region has three members from then on.
    {"ResizeCluster", &EtcdManager::ResizeCluster, Start::one, {"3.6"}},
    {"ClusterExpansion", &EtcdManager::ClusterExpansion, Start::two, {"3.6"}},
    {"ClusterWithThreeMembers",
     &EtcdManager::ClusterWithThreeMembers,
     Start::three,
     {"3.5", "3.7"}},
    {"EtcdInstalled", &EtcdManager::EtcdInstalled, Start::three, {"3.5", "3.7"}},
    {"ClusterDataPersists", &EtcdManager::ClusterDataPersists, Start::three, {"3.5"}},
    {"HAReadWrite", &EtcdManager::HAReadWrite, Start::three, {"3.7"}},
    {"HARecovery", &EtcdManager::HARecovery, Start::three, {"3.5"}},
    {"EmptyDiskReplacementRecovery",
     &EtcdManager::EmptyDiskReplacementRecovery,
     Start::three,
     {"3.5", "3.7"}},
};

struct Registered final : EtcdManager {
  Registered(Scenario const& scenario, std::string const& minor)
      : EtcdManager(minor, scenario.start), run_(scenario.run) {}
  void TestBody() override { (this->*run_)(); }
  void (EtcdManager::* const run_)();
};

// Version by version, so that regions are shared.
bool const kRegistered = [] {
  for (auto minor : test::kEtcdMinors) {
    for (auto const& scenario : kScenarios) {
      std::string const version(minor);
      auto const chosen = test::etcd_minors(scenario.by_default);
      if (std::ranges::find(chosen, version) == chosen.end()) continue;
      testing::RegisterTest(fmt::format("EtcdManager_{}", test::test_name_of(version)).c_str(),
                            scenario.name, nullptr, nullptr, __FILE__, __LINE__,
                            [=]() -> EtcdManager* { return new Registered(scenario, version); });
    }
  }
  return true;
}();

}  // namespace
}  // namespace haagent::sim
