// What a member's log says of what a recovery from it would drop, held against etcd itself.
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>
#include <regex>

#include "agent/base/units_children.h"
#include "bootstrap/etcd/disk/data_dir.h"
#include "tests/integration/etcd_versions.h"
#include "tests/integration/etcd_world.h"
#include "tests/support/eventually.h"

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr Duration kDeadline = 60s;
fs::path const kPlace = "/run/log-test";

// Three members on the loopback address, without an agent.
class Three {
 public:
  explicit Three(test::EtcdPrograms const& etcd)
      : etcd_(etcd), units_(kPlace / "state", kPlace / "logs", clock_) {
    fs::create_directories(kPlace / "state");
    fs::create_directories(kPlace / "logs");
  }
  static fs::path volume(int i) { return kPlace / fmt::format("volume-{}", i); }
  static fs::path output(int i) { return kPlace / "logs" / (unit(i) + ".log"); }
  void start(int i, std::vector<std::string> more = {}) {
    fs::create_directories(volume(i));
    auto url = [](int port) { return fmt::format("http://127.0.0.1:{}", port); };
    UnitSpec spec{.name = unit(i),
                  .argv = {etcd_.etcd(), "--name", fmt::format("m{}", i), "--data-dir",
                           (volume(i) / "data").string(), "--listen-client-urls",
                           url(2379 + 10 * i), "--advertise-client-urls", url(2379 + 10 * i),
                           "--listen-peer-urls", url(2380 + 10 * i),
                           "--initial-advertise-peer-urls", url(2380 + 10 * i), "--initial-cluster",
                           fmt::format("m0={},m1={},m2={}", url(2380), url(2390), url(2400)),
                           // So that a leader goes on to be one for a while after it is alone.
                           "--heartbeat-interval", "100", "--election-timeout", "3000"},
                  .environment = {}};
    spec.argv.insert(spec.argv.end(), more.begin(), more.end());
    auto started = units_.start(spec);
    ASSERT_TRUE(started) << started.error().message.text;
  }
  // As a power cut does it.
  void kill(int i) {
    auto state = units_.state(unit(i));
    ASSERT_TRUE(state && state->pid > 0);
    ::kill(state->pid, SIGKILL);
    ASSERT_TRUE(eventually([&] { return units_.state(unit(i))->pid == 0; }, kDeadline));
  }
  EtcdClient client(int i, Duration patience = 5s) {
    return EtcdClient(http_, {fmt::format("http://127.0.0.1:{}", 2379 + 10 * i)}, {},
                      {.connect = 1s, .request = patience});
  }
  std::optional<int> leader() {
    for (int i = 0; i < 3; ++i)
      if (auto status = client(i).status({}); status && status->leader == status->header.member_id)
        return i;
    return std::nullopt;
  }

 private:
  static std::string unit(int i) { return fmt::format("etcd-{}", i); }
  test::EtcdPrograms etcd_;
  SystemClock clock_;
  CurlHttp http_;
  ChildUnits units_;
};

class EtcdLogEnds : public testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(Etcd, EtcdLogEnds, testing::ValuesIn(test::etcd_minors({"3.7"})),
                         [](auto const& row) { return test::test_name_of(row.param); });

TEST_P(EtcdLogEnds, WithWhatAForcedClusterDrops) {
  auto const etcd = test::etcd_programs(GetParam());
  if (!etcd.missing.empty()) GTEST_SKIP() << etcd.missing;
  in_a_world(kDeadline, [&] {
    Three members(etcd);
    for (int i = 0; i < 3; ++i) members.start(i);
    std::optional<int> leader;
    ASSERT_TRUE(eventually([&] { return (leader = members.leader()).has_value(); }, kDeadline));
    auto kept = members.client(*leader).put("kept", "yes", {});
    ASSERT_TRUE(kept) << kept.error().message.text;
    for (int i = 0; i < 3; ++i)
      if (i != *leader) members.kill(i);
    for (auto const* key : {"late", "later"})
      EXPECT_FALSE(members.client(*leader, 300ms).put(key, "x", {})) << "nobody confirms it";
    auto status = members.client(*leader).status({});
    ASSERT_TRUE(status) << status.error().message.text;
    auto const volume = Three::volume(*leader);
    auto running = log_end(volume);
    ASSERT_TRUE(running) << running.error().message.text;
    EXPECT_EQ(running->cluster_id, status->header.cluster_id);
    EXPECT_GE(running->index, status->raft_index + 2);
    EXPECT_LE(running->committed, status->raft_index);

    members.kill(*leader);
    auto const end = log_end(volume);
    ASSERT_TRUE(end) << end.error().message.text;
    EXPECT_EQ(*end, *running);
    EXPECT_GE(end->uncommitted(), 2u);
    members.start(*leader, {"--force-new-cluster"});
    auto alone = members.client(*leader);
    ASSERT_TRUE(eventually([&] { return members.leader() == leader; }, kDeadline));
    for (auto const* key : {"late", "later"}) {
      auto found = alone.get(key, Consistency::linearizable, {});
      ASSERT_TRUE(found) << found.error().message.text;
      EXPECT_FALSE(found->has_value()) << key;
    }
    std::ifstream file(Three::output(*leader));
    std::string const said(std::istreambuf_iterator<char>(file), {});
    std::smatch counted;
    if (std::regex_search(said, counted, std::regex("\"number-of-discarded-entries\":([0-9]+)")))
      EXPECT_EQ(counted[1], std::to_string(end->uncommitted()));
    else
      EXPECT_EQ(GetParam(), "3.4") << "it does not say so in this form";
  });
}

}  // namespace
}  // namespace haagent::bootstrap
