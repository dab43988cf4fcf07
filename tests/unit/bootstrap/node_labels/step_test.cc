#include "bootstrap/node_labels/step.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"
#include "tests/support/fake_ec2.h"
#include "tests/support/found.h"
#include "tests/support/kube_nodes.h"
#include "tests/support/scripted_http.h"

namespace haagent::bootstrap::node_labels {
namespace {

using namespace std::chrono_literals;
using test::answer;

class NoRegistry final : public join::NodeRegistry {
 public:
  Result<join::StoredRecord> read(std::string const&, std::stop_token) override { return {}; }
  Result<bool> write(join::StoredRecord const&, join::NodeRecord const&, std::stop_token) override {
    return true;
  }
  Result<std::vector<join::StoredRecord>> all(std::stop_token) override { return records; }
  Result<void> forget(std::string const&, std::stop_token) override { return {}; }
  std::vector<join::StoredRecord> records;
};

// A master whose Node has its labels, unless the test says otherwise.
class NodeLabelsRow : public testing::Test {
 protected:
  NodeLabelsRow() {
    facts_.identity.set(me_);
    aws::Instance own;
    own.id = me_.instance_id;
    own.state = "running";
    own.tags = {{"kubernetes.io/cluster/" + config_.cluster.name, "owned"}};
    ec2_.add(own);
  }
  std::string url(std::string const& node) const {
    return "GET https://127.0.0.1:6443/api/v1/nodes/" + node;
  }
  static std::string node(UtcTime made, bool labelled = true) {
    constexpr char kLabels[] =
        R"("labels":{"node-role.kubernetes.io/control-plane":"",)"
        R"("node.kubernetes.io/exclude-from-external-load-balancers":""},)"
        R"("managedFields":[{"manager":"haagent","operation":"Apply","fieldsV1":{"f:metadata":)"
        R"({"f:labels":{"f:node-role.kubernetes.io/control-plane":{},)"
        R"("f:node.kubernetes.io/exclude-from-external-load-balancers":{}}}}}],)";
    return fmt::format(
        R"({{"metadata":{{"name":"n","uid":"1","resourceVersion":"7",{}"creationTimestamp":"{}"}}}})",
        labelled ? kLabels : "", to_rfc3339(made));
  }
  test::Found look() { return test::found(step_.look(facts_, {})); }
  int asked() const { return ec2_.calls_of("DescribeInstances"); }

  Identity const me_ = test::kube_identity();
  NodeConfig config_ = test::kube_master();
  test::FakeClock clock_;
  test::FakeEc2 ec2_{clock_};
  test::ScriptedHttp http_;
  NoRegistry registry_;
  Facts facts_;
  NodeLabelsStep step_{
      {.config = config_,
       .clock = clock_,
       .ec2 = ec2_,
       .registry = registry_,
       .apiserver = ApiserverClient(http_, {.url = "https://127.0.0.1:6443", .tls = {}})}};
};

TEST_F(NodeLabelsRow, AsksEc2AtOnceForANewNodeAndThenEveryFiveMinutes) {
  facts_.main.member.set({.name = "etcd-a", .leader = "etcd-a"});
  http_.always(url(me_.hostname), answer(200, node(clock_.utc() - 1min)));
  EXPECT_THAT(look(), test::IsDone(Reason::NodeLabelsSet));
  EXPECT_EQ(asked(), 1);
  clock_.advance(4min);
  look();
  EXPECT_EQ(asked(), 1);
  clock_.advance(2min);
  look();
  EXPECT_EQ(asked(), 2);
}

// For its own Node alone, whose tags nobody but people change.
TEST_F(NodeLabelsRow, AMasterThatDoesNotLeadAsksSeldom) {
  http_.always(url(me_.hostname), answer(200, node(clock_.utc() - 24h)));
  look();
  clock_.advance(29min);
  look();
  EXPECT_EQ(asked(), 0);
  clock_.advance(2min);
  look();
  EXPECT_EQ(asked(), 1);
}

TEST_F(NodeLabelsRow, AsksNobodyAtOnceAfterAReboot) {
  facts_.main.member.set({.name = "etcd-a", .leader = "etcd-a"});
  http_.always(url(me_.hostname), answer(200, node(clock_.utc() - 24h)));
  EXPECT_THAT(look(), test::IsDone(Reason::NodeLabelsSet));
  clock_.advance(4min);
  look();
  EXPECT_EQ(asked(), 0);
  clock_.advance(2min);
  look();
  EXPECT_EQ(asked(), 1);
}

TEST_F(NodeLabelsRow, SetsTheRoleAlsoWhileEc2DoesNotAnswer) {
  ec2_.throttle(10);
  http_.on(url(me_.hostname), answer(200, node(clock_.utc(), /*labelled=*/false)));
  http_.on(url(me_.hostname), answer(200, node(clock_.utc())));
  EXPECT_THAT(look(), test::IsNeeded(Reason::NodeLabelsToSet));
  EXPECT_THAT(look(), test::IsDone(Reason::NodeLabelsAwaited));
}

TEST_F(NodeLabelsRow, KeepsNothingUpWhileThereIsNoNode) {
  http_.on(url(me_.hostname), answer(404, "{}"));
  http_.on(url(me_.hostname), answer(503, ""));
  EXPECT_THAT(look(), test::IsDone(Reason::NodeLabelsAwaited));
  EXPECT_THAT(look(), test::IsDone(Reason::NodeLabelsAwaited));
  EXPECT_EQ(asked(), 0);
}

TEST_F(NodeLabelsRow, LooksAtOtherNodesBesideTheLeaderAlone) {
  registry_.records = {
      {.instance_id = "i-0000000000000beef",
       .record =
           join::NodeRecord{
               .node = "worker", .key_hash = {}, .since = clock_.utc(), .not_after = {}},
       .denied = {}}};
  aws::Instance worker;
  worker.id = "i-0000000000000beef";
  worker.state = "running";
  worker.tags = {{"kubernetes.io/cluster/" + config_.cluster.name, "owned"},
                 {"k8s.io/cluster-autoscaler/node-template/label/team", "a"}};
  ec2_.add(worker);
  http_.always(url(me_.hostname), answer(200, node(clock_.utc() - 24h)));
  EXPECT_THAT(look(), test::IsDone(Reason::NodeLabelsSet));
  facts_.main.member.set({.name = "etcd-a", .leader = "etcd-a"});
  http_.always(url("worker"),
               answer(200, R"({"metadata":{"name":"worker","uid":"2","resourceVersion":"8"}})"));
  clock_.advance(30s);
  EXPECT_THAT(look(), test::IsNeeded(Reason::NodeLabelsToSet));
  EXPECT_EQ(asked(), 1);
}

}  // namespace
}  // namespace haagent::bootstrap::node_labels
