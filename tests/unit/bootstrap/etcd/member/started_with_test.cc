#include "bootstrap/etcd/member/started_with.h"

#include <gtest/gtest.h>

#include "agent/base/sha256.h"
#include "tests/support/temporary_directory.h"

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;

constexpr char kFile[] =
    "initial-cluster: etcd-a=https://a:2380,etcd-b=https://b:2380\n"
    "initial-cluster-state: existing\n"
    "heartbeat-interval: 150\n";

class StartedWithTest : public testing::Test {
 protected:
  void write_file(std::string const& bytes) {
    test::write_bytes(root_ / "etc/haagent/etcd/main.yaml", bytes);
  }
  StartedWith of_file(std::string const& bytes) {
    return {.initial = {.members = {{"etcd-c", "https://c:2380"}}, .existing = false},
            .heartbeat = 200ms,
            .configuration = sha256_hex(bytes)};
  }
  std::optional<StartedWith> read() {
    auto const started = started_with(Root(root_.path()), EtcdCluster::main);
    EXPECT_TRUE(started) << started.error().message.text;
    return started.value_or(std::nullopt);
  }
  test::TemporaryDirectory root_;
};

TEST_F(StartedWithTest, IsReadBackAsItWasRecorded) {
  EXPECT_FALSE(read());
  auto const started = of_file(kFile);
  write_file(kFile);
  ASSERT_TRUE(record_start(Root(root_.path()), EtcdCluster::main, started));
  EXPECT_EQ(read(), started) << "whatever the file says";
  EXPECT_FALSE(*started_with(Root(root_.path()), EtcdCluster::events));
}

// An agent that kept no record has written it, before this one or in between.
TEST_F(StartedWithTest, WhatAnEarlierVersionLeftCounts) {
  write_file(kFile);
  StartedWith const left{
      .initial = {.members = {{"etcd-a", "https://a:2380"}, {"etcd-b", "https://b:2380"}},
                  .existing = true},
      .heartbeat = 150ms,
      .configuration = sha256_hex(kFile)};
  EXPECT_EQ(read(), left);
  ASSERT_TRUE(record_start(Root(root_.path()), EtcdCluster::main, of_file("another file")));
  EXPECT_EQ(read(), left);
}

TEST_F(StartedWithTest, ARecordThatIsNoneIsReadOver) {
  write_file(kFile);
  auto const good = record_bytes(of_file(kFile));
  for (std::string const& bad :
       {std::string("not json"), std::string("{}"), std::string("[]"), good.substr(0, 40),
        std::string(
            R"({"initialCluster":[],"initialClusterState":"new","heartbeatMilliseconds":1})"),
        std::string(R"({"initialCluster":[{"name":"a"}],"initialClusterState":"new",)"
                    R"("heartbeatMilliseconds":1})"),
        std::string(R"({"initialCluster":[{"name":"a","peerUrl":"b"}],)"
                    R"("initialClusterState":"other","heartbeatMilliseconds":1})"),
        std::string(R"({"initialCluster":[{"name":"a","peerUrl":"b"}],)"
                    R"("initialClusterState":"new","heartbeatMilliseconds":-1})")}) {
    EXPECT_FALSE(started_in_record(bad)) << bad;
    test::write_bytes(root_ / "var/lib/haagent/etcd-started-main.json", bad);
    ASSERT_TRUE(read()) << bad;
    EXPECT_EQ(read()->heartbeat, 150ms) << bad;
  }
}

}  // namespace
}  // namespace haagent::bootstrap
