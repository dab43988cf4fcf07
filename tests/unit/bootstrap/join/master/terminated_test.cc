#include "bootstrap/join/master/terminated.h"

#include <gmock/gmock.h>

#include "tests/support/found.h"
#include "tests/support/scripted_http.h"
#include "tests/unit/bootstrap/join/master/world.h"

namespace haagent::bootstrap::join {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing_world::MemoryRegistry;

constexpr char kCluster[] = "prod.example.com";
constexpr char kDead[] = "i-0000000000000dead";
constexpr char kAlive[] = "i-00000000000a11fe0";
constexpr char kNodeUrl[] =
    "https://127.0.0.1:6443/api/v1/nodes/ip-10-0-0-5.eu-west-1.compute.internal";

aws::Instance instance(std::string const& id, std::string const& state = "running",
                       std::string const& dns = "") {
  return {.id = id,
          .state = state,
          .type = {},
          .zone = {},
          .ipv4 = {},
          .ipv6 = {},
          .private_dns_name = dns,
          .launch_time = {},
          .root_device = {},
          .block_devices = {},
          .tags = {{fmt::format("kubernetes.io/cluster/{}", kCluster), "owned"}}};
}

StoredRecord record(std::string const& id) {
  return {.instance_id = id,
          .record = NodeRecord{.node = testing_world::kNode,
                               .key_hash = std::string(64, 'a'),
                               .since = {},
                               .not_after = {}},
          .denied = {}};
}

TEST(Terminated, WhoIsNotListedIsAskedForByName) {
  EXPECT_THAT(not_listed({record(kDead), record(kAlive)}, {instance(kAlive)}), ElementsAre(kDead));
  EXPECT_THAT(not_listed({}, {instance(kAlive)}), IsEmpty());
}

TEST(Terminated, OnlyAnEndEndsIt) {
  for (auto const* state : {"pending", "running", "shutting-down", "stopping", "stopped"})
    EXPECT_THAT(terminated_among({kDead}, {instance(kDead, state)}), IsEmpty()) << state;
  EXPECT_THAT(terminated_among({kDead}, {instance(kDead, "terminated")}), ElementsAre(kDead));
  EXPECT_THAT(terminated_among({kDead}, {}), ElementsAre(kDead)) << "EC2 has forgotten it";
}

TEST(Terminated, ANodeIsRemovedThatIsTheInstances) {
  std::string const named = R"("metadata":{"name":"ip-10-0-0-5"})";
  auto with = [&](std::string const& provider) {
    return json::parse("{" + named + R"(,"spec":{"providerID":")" + provider + R"("}})").value();
  };
  auto const bare = json::parse("{" + named + "}").value();
  std::vector<aws::Instance> const same_name{instance(kAlive, "running", "ip-10-0-0-5")};
  std::vector<aws::Instance> const other_name{instance(kAlive, "running", "ip-10-0-0-6")};
  auto const own = std::string("aws:///eu-west-1a/") + kDead;
  auto const other = std::string("aws:///eu-west-1a/") + kAlive;
  EXPECT_EQ(decide_node(with(own), kDead, same_name), NodeIs::the_instances);
  EXPECT_EQ(decide_node(with(other), kDead, other_name), NodeIs::somebody_elses);
  EXPECT_EQ(decide_node(with("aws:///eu-west-1a/x" + std::string(kDead)), kDead, {}),
            NodeIs::somebody_elses);
  EXPECT_EQ(decide_node(bare, kDead, same_name), NodeIs::somebody_elses) << "its successor's";
  EXPECT_EQ(decide_node(bare, kDead, other_name), NodeIs::the_instances);
}

// Whoever keeps it Ready lives, whatever its provider id says: a successor that was let in by
// somebody else goes on with the Node that it finds.
TEST(Terminated, ANodeThatIsReadyStays) {
  auto const ready = json::parse(
      fmt::format(R"({{"metadata":{{"name":"x"}},"spec":{{"providerID":"aws:///z/{}"}},)"
                  R"("status":{{"conditions":[{{"type":"Ready","status":"True"}}]}}}})",
                  kDead));
  EXPECT_EQ(decide_node(ready.value(), kDead, {}), NodeIs::somebody_elses);
}

class TerminatedNodes : public testing::Test {
 protected:
  TerminatedNodes() {
    facts_.main.member.set({.name = "etcd-a", .leader = "etcd-a"});
    registry_.records = {{kDead, record(kDead)}, {kAlive, record(kAlive)}};
    ec2_.add(instance(kDead));
    ec2_.add(instance(kAlive));
  }
  test::Found look() { return test::found(step_.look(facts_, {})); }
  test::Found act() { return test::found(test::look_and_act(step_, facts_)); }
  void later(Duration by) { clock_.advance(by); }
  void node_is(std::string const& body) {
    http_.always(std::string("GET ") + kNodeUrl, test::answer(body.empty() ? 404 : 200, body));
  }
  // Until the first look that has something to remove.
  void see_the_end_twice() {
    EXPECT_EQ(look().message.reason, Reason::NodeRecordsCurrent) << "EC2 is not asked at once";
    later(5min);
    EXPECT_EQ(look().message.reason, Reason::NodeRecordsEnding);
    later(60s);
  }

  test::TemporaryDirectory directory_;
  test::FakeClock clock_;
  test::FakeEc2 ec2_{clock_};
  MemoryRegistry registry_;
  test::ScriptedHttp http_;
  Facts facts_;
  TerminatedStep step_{
      {.cluster = kCluster,
       .clock = clock_,
       .ec2 = ec2_,
       .registry = registry_,
       .apiserver = ApiserverClient(
           http_, as_administrator(Root(directory_.path()), "https://127.0.0.1:6443"))}};
};

TEST_F(TerminatedNodes, GoOnceEc2HasSaidSoTwice) {
  ec2_.set_instance_state(kDead, "terminated");
  node_is(R"({"metadata":{"name":"x","uid":"u1","resourceVersion":"77"}})");
  http_.on(std::string("DELETE ") + kNodeUrl, test::answer(200, "{}"));
  see_the_end_twice();
  EXPECT_EQ(act().as, test::Found::As::acted);
  EXPECT_FALSE(registry_.records.contains(kDead));
  EXPECT_TRUE(registry_.records.contains(kAlive));
  auto const sent = json::parse(http_.requests().back().body).value();
  EXPECT_EQ(sent.find("preconditions")->text_at("uid"), "u1");
  EXPECT_EQ(sent.find("preconditions")->text_at("resourceVersion"), "77");
  EXPECT_EQ(look().message.reason, Reason::NodeRecordsCurrent);
}

TEST_F(TerminatedNodes, WithoutANodeTheRecordGoesAlone) {
  ec2_.set_instance_state(kDead, "terminated");
  node_is("");
  see_the_end_twice();
  EXPECT_EQ(act().as, test::Found::As::acted);
  EXPECT_FALSE(registry_.records.contains(kDead));
}

TEST_F(TerminatedNodes, TheNodeOfASuccessorStays) {
  ec2_.set_instance_state(kDead, "terminated");
  node_is(fmt::format(R"({{"metadata":{{"uid":"u1"}},"spec":{{"providerID":"aws:///z/{}"}}}})",
                      kAlive));
  see_the_end_twice();
  EXPECT_EQ(act().as, test::Found::As::acted);
  EXPECT_FALSE(registry_.records.contains(kDead));
  EXPECT_EQ(http_.count("DELETE "), 0);
}

TEST_F(TerminatedNodes, AnInstanceThatLostItsTagIsAskedForByNameAndStays) {
  auto untagged = instance(kDead);
  untagged.tags.clear();
  ec2_.add(untagged);
  EXPECT_EQ(look().message.reason, Reason::NodeRecordsCurrent);
  later(5min);
  EXPECT_EQ(look().message.reason, Reason::NodeRecordsCurrent);
  EXPECT_EQ(ec2_.calls_of("DescribeInstances"), 2);
}

TEST_F(TerminatedNodes, OneThatEc2TakesBackStays) {
  ec2_.set_instance_state(kDead, "terminated");
  see_the_end_twice();
  ec2_.add(instance(kDead));
  EXPECT_EQ(look().message.reason, Reason::NodeRecordsCurrent);
}

TEST_F(TerminatedNodes, EverythingStaysWhileSomebodyIsSilent) {
  ec2_.set_instance_state(kDead, "terminated");
  http_.always(std::string("GET ") + kNodeUrl, std::unexpected(Error{Kind::transient, "refused"}));
  see_the_end_twice();
  EXPECT_EQ(look().message.reason, Reason::NodeRecordsUnknown) << "the apiserver";
  later(60s);
  ec2_.throttle(100);
  EXPECT_EQ(look().message.reason, Reason::NodeRecordsUnknown) << "EC2";
  registry_.trouble = Error(Kind::transient, "no quorum");
  EXPECT_EQ(look().message.reason, Reason::NodeRecordsUnknown) << "etcd";
  registry_.trouble.reset();
  EXPECT_TRUE(registry_.records.contains(kDead));
}

// An answer that did not come is none.
TEST_F(TerminatedNodes, ASilentEc2HasNotSaidSoTwice) {
  ec2_.set_instance_state(kDead, "terminated");
  EXPECT_EQ(look().message.reason, Reason::NodeRecordsCurrent);
  later(5min);
  EXPECT_EQ(look().message.reason, Reason::NodeRecordsEnding);
  later(60s);
  ec2_.throttle(1);
  EXPECT_EQ(look().message.reason, Reason::NodeRecordsUnknown);
  later(30s);
  EXPECT_EQ(look().message.reason, Reason::NodeRecordsEnding);
}

TEST_F(TerminatedNodes, ManyAreAskedForInTurns) {
  registry_.records.clear();
  for (int i = 0; i < 250; ++i) {
    auto const id = fmt::format("i-{:017x}", i);
    registry_.records[id] = record(id);
    // The first hundred and more run on without their tag.
    if (i >= 200) continue;
    auto untagged = instance(id);
    untagged.tags.clear();
    ec2_.add(untagged);
  }
  node_is("");
  EXPECT_EQ(look().message.reason, Reason::NodeRecordsCurrent);
  later(5min);
  for (int i = 0; i < 20 && registry_.records.size() > 200; ++i) {
    auto const found = look();
    if (found.as == test::Found::As::needed) {
      EXPECT_EQ(act().as, test::Found::As::acted);
    }
    later(60s);
  }
  EXPECT_EQ(registry_.records.size(), 200u);
}

TEST_F(TerminatedNodes, NobodyButTheLeadersAgentAsks) {
  ec2_.set_instance_state(kDead, "terminated");
  facts_.main.member.set({.name = "etcd-a", .leader = "etcd-b"});
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(look().message.reason, Reason::NodeRecordsLeft);
    later(10min);
  }
  EXPECT_EQ(ec2_.calls_of("DescribeInstances"), 0);
}

TEST_F(TerminatedNodes, ACallOfEc2EveryFiveMinutes) {
  for (int i = 0; i < 60; ++i) {
    EXPECT_EQ(look().message.reason, Reason::NodeRecordsCurrent);
    later(1min);
  }
  EXPECT_EQ(ec2_.calls_of("DescribeInstances"), 11);
}

}  // namespace
}  // namespace haagent::bootstrap::join
