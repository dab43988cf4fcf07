// Add-ons as three masters keep them, against a real apiserver.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "agent/base/json.h"
#include "agent/base/sha256.h"
#include "bootstrap/addons/engine.h"
#include "bootstrap/addons/manifest.h"
#include "bootstrap/addons/step.h"
#include "bootstrap/node_labels/step.h"
#include "tests/integration/apiserver_world.h"
#include "tests/integration/etcd_versions.h"
#include "tests/integration/etcd_world.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_ec2.h"
#include "tests/support/found.h"
#include "tests/support/kube_nodes.h"

namespace haagent::bootstrap::addons {
namespace {

using namespace std::chrono_literals;
using test::ApiserverWorld;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr char kMaps[] = "/api/v1/namespaces/web/configmaps";
constexpr char kDeployment[] = "/apis/apps/v1/namespaces/web/deployments/web";
constexpr char kMergePatch[] = "application/merge-patch+json";

std::string deployment(int replicas = 2) {
  return fmt::format(R"(
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, namespace: web, labels: {{app: web}}}}
spec:
  replicas: {}
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      containers:
      - {{name: web, image: "registry.example.com/web:1", ports: [{{containerPort: 80}}]}}
---
)",
                     replicas);
}
std::string map(std::string const& name, std::string const& value,
                std::string const& mode = "Reconcile") {
  return fmt::format(
      "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {}, namespace: web, annotations: "
      "{{haagent.io/mode: {}}}}}\ndata: {{a: \"{}\", b: \"2\"}}\n---\n",
      name, mode, value);
}
constexpr char kSpace[] = "apiVersion: v1\nkind: Namespace\nmetadata: {name: web}\n---\n";
constexpr char kWidgets[] = R"(
apiVersion: example.com/v1
kind: Widget
metadata: {name: one, namespace: web}
spec: {size: 3}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  names: {kind: Widget, plural: widgets, singular: widget, listKind: WidgetList}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties: {spec: {type: object, properties: {size: {type: integer}}}}
---
)";

AddonSet set_of(std::string const& text, std::string const& version = "1.0", int minute = 0) {
  auto objects = parse_manifest(text);
  EXPECT_TRUE(objects) << (objects ? "" : objects.error().message.text);
  return {.name = "web",
          .claim = {.origin = Origin::packaged,
                    .version = version,
                    .since = *parse_rfc3339("2026-01-15T10:00:00Z") + std::chrono::minutes(minute),
                    .digest = text.empty() ? "" : sha256_hex(text)},
          .objects = objects.value_or(std::vector<WantedObject>())};
}

// A master's engine and what it wants.
struct AddonMaster {
  AddonMaster(ApiserverWorld& world, AddonSet wants)
      : engine(world.agent(), world.clock()), set(std::move(wants)) {}

  AddonView look() {
    auto inventories = engine.inventories({});
    EXPECT_TRUE(inventories);
    std::optional<Inventory> recorded;
    if (auto const found = inventories->find(set.name); found != inventories->end()) {
      EXPECT_TRUE(found->second) << found->second.error().message.text;
      recorded = *found->second;
    }
    auto view = engine.look(set, std::move(recorded), {});
    EXPECT_TRUE(view) << (view ? "" : view.error().message.text);
    return view.value_or(AddonView{});
  }
  // As the row does: looks and acts until there is nothing to do. How often it has acted.
  int pass() {
    int acts = 0;
    for (int i = 0; i < 100; ++i) {
      auto const view = look();
      if (testing::Test::HasFailure()) return acts;
      if (!view.plan.is_work()) {
        if (view.plan.wait.empty()) return acts;
        std::this_thread::sleep_for(200ms);
        continue;
      }
      ++acts;
      auto const done = engine.carry_out(view, {});
      if (!done && done.error().kind != Kind::transient) ADD_FAILURE() << done.error().message.text;
    }
    ADD_FAILURE() << "it does not come to rest";
    return acts;
  }

  Engine engine;
  AddonSet set;
};

void pass_together(std::vector<std::unique_ptr<AddonMaster>>& masters) {
  std::vector<std::jthread> threads;
  for (auto& master : masters) threads.emplace_back([&] { master->pass(); });
}

class Addons : public testing::Test {
 protected:
  void in_a_cluster(std::function<void(ApiserverWorld&)> const& scenario) {
    auto const etcd = test::etcd_programs("3.6");
    if (!etcd.missing.empty()) GTEST_SKIP() << etcd.missing;
    auto const kubernetes = test::kubernetes_programs("1.36");
    if (!kubernetes.missing.empty()) GTEST_SKIP() << kubernetes.missing;
    in_a_world(300s, [&] {
      ApiserverWorld world(etcd.etcd(), kubernetes.folder);
      if (!testing::Test::HasFailure()) scenario(world);
    });
  }
};

std::vector<std::unique_ptr<AddonMaster>> three(ApiserverWorld& world, AddonSet const& set) {
  std::vector<std::unique_ptr<AddonMaster>> masters;
  for (int i = 0; i < 3; ++i) masters.push_back(std::make_unique<AddonMaster>(world, set));
  return masters;
}

TEST_F(Addons, AreAppliedByThreeMastersAtOnceAndNothingIsWrittenAtRest) {
  in_a_cluster([](ApiserverWorld& world) {
    auto masters = three(world, set_of(std::string(kWidgets) + deployment() + map("settings", "1") +
                                       map("first", "1", "EnsureExists") + kSpace));
    pass_together(masters);
    ASSERT_FALSE(HasFailure());
    EXPECT_TRUE(world.has(kDeployment));
    EXPECT_TRUE(world.has("/apis/example.com/v1/namespaces/web/widgets/one"));
    EXPECT_TRUE(world.has(std::string(kMaps) + "/first"));
    for (auto const& seen : masters[0]->look().seen)
      EXPECT_EQ(seen.sight, Sight::in_sync) << seen.text;
    world.settle();
    auto const before = world.revision();
    for (int i = 0; i < 3; ++i)
      for (auto& master : masters) EXPECT_EQ(master->pass(), 0);
    // Nor by one that remembers nothing.
    AddonMaster newcomer(world, masters[0]->set);
    EXPECT_EQ(newcomer.pass(), 0);
    EXPECT_THAT(world.written_since(before), IsEmpty());
    // Nor where somebody else adds what the add-on does not mention.
    world.ask("PATCH", kDeployment, R"({"metadata":{"annotations":{"somebody":"else"}}})",
              kMergePatch);
    for (auto& master : masters) EXPECT_EQ(master->pass(), 0);
  });
}

TEST_F(Addons, ComeBackWhereTheyHaveDrifted) {
  in_a_cluster([](ApiserverWorld& world) {
    AddonMaster master(world, set_of(std::string(kSpace) + deployment() + map("settings", "1")));
    master.pass();
    world.ask("DELETE", std::string(kMaps) + "/settings");
    world.ask("PATCH", kDeployment,
              R"([{"op":"remove","path":"/spec/template/spec/containers/0/ports"}])",
              "application/json-patch+json");
    auto const view = master.look();
    EXPECT_EQ(view.seen[1].sight, Sight::differs);
    EXPECT_EQ(view.seen[2].sight, Sight::absent);
    AddonMaster another(world, master.set);
    another.pass();
    EXPECT_TRUE(world.has(std::string(kMaps) + "/settings"));
    auto const there = world.get(kDeployment);
    EXPECT_TRUE(there.at_path("spec.template.spec.containers")->items()[0].find("ports"));
    EXPECT_EQ(master.pass(), 0);
  });
}

TEST_F(Addons, LeaveWhatAnotherManagerOwnsAndSayWhose) {
  in_a_cluster([](ApiserverWorld& world) {
    AddonMaster master(world, set_of(std::string(kSpace) + deployment() + map("settings", "1")));
    master.pass();
    world.ask("PATCH", std::string(kDeployment) + "?fieldManager=somebody",
              R"({"spec":{"replicas":7}})", kMergePatch);
    world.ask("DELETE", std::string(kMaps) + "/settings");
    master.pass();
    auto const view = master.look();
    ASSERT_EQ(view.seen[1].sight, Sight::conflicted) << view.seen[1].text;
    EXPECT_THAT(view.seen[1].conflicts, ElementsAre(FieldConflict{".spec.replicas", "somebody"}));
    EXPECT_EQ(world.get(kDeployment).at_path("spec.replicas")->text(), "7");
    EXPECT_TRUE(world.has(std::string(kMaps) + "/settings")) << "the others are kept";
    // Once the other manager says the same, it is no conflict.
    world.ask("PATCH", std::string(kDeployment) + "?fieldManager=somebody",
              R"({"spec":{"replicas":2}})", kMergePatch);
    master.pass();
    EXPECT_EQ(master.look().seen[1].sight, Sight::in_sync);
  });
}

TEST_F(Addons, MakeWhatIsOnlyToExistOnce) {
  in_a_cluster([](ApiserverWorld& world) {
    auto masters = three(world, set_of(kSpace + map("first", "1", "EnsureExists")));
    pass_together(masters);
    auto const path = std::string(kMaps) + "/first";
    world.ask("PATCH", path, R"({"data":{"a":"mine"}})", kMergePatch);
    pass_together(masters);
    EXPECT_EQ(world.get(path).at_path("data.a")->text(), "mine");
    for (auto& master : masters) master->set = set_of("", "1.0", 5);
    pass_together(masters);
    EXPECT_TRUE(world.has(path)) << "it is nobody's to delete";
    EXPECT_TRUE(world.has("/api/v1/namespaces/web"));
  });
}

TEST_F(Addons, GoByTheirUidsAndNoFurther) {
  in_a_cluster([](ApiserverWorld& world) {
    auto const all = kSpace + deployment() + map("one", "1") + map("two", "1");
    auto masters = three(world, set_of(all));
    pass_together(masters);
    // Somebody makes another of the same name.
    auto const two = std::string(kMaps) + "/two";
    auto const replaced = [&] {
      world.ask("DELETE", two);
      world.ask("POST", kMaps,
                R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"two"}})");
    };
    replaced();
    for (auto& master : masters) master->set = set_of(kSpace + map("one", "1"), "1.1");
    pass_together(masters);
    EXPECT_TRUE(test::eventually([&] { return !world.has(kDeployment); }, 10s));
    EXPECT_TRUE(world.has(std::string(kMaps) + "/one"));
    EXPECT_TRUE(world.has(two));
    EXPECT_THAT(masters[0]->look().recorded->entries.size(), 2u);
    // The same where it happens between the look and the deletion.
    masters[0]->set = set_of(kSpace + map("one", "1") + map("three", "1"), "1.2");
    masters[0]->pass();
    masters[0]->set = set_of(kSpace + map("one", "1"), "1.3");
    auto view = masters[0]->look();
    for (auto const& seen : view.seen) EXPECT_EQ(seen.sight, Sight::in_sync) << seen.text;
    ASSERT_EQ(view.plan.prune.size(), 1u) << view.left.size();
    auto const three = std::string(kMaps) + "/three";
    world.ask("DELETE", three);
    world.ask("POST", kMaps,
              R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"three"}})");
    EXPECT_TRUE(masters[0]->engine.carry_out(view, {}));
    masters[0]->pass();
    EXPECT_TRUE(world.has(three));
  });
}

TEST_F(Addons, AreTheNewestMastersWhileTwoVersionsStandSideBySide) {
  in_a_cluster([](ApiserverWorld& world) {
    AddonMaster old(world, set_of(kSpace + map("settings", "old") + map("only-old", "1"), "1.9"));
    old.pass();
    AddonMaster fresh(world,
                      set_of(kSpace + map("settings", "new") + map("only-new", "1"), "1.10"));
    fresh.pass();
    auto const is_new = [&] {
      return world.get(std::string(kMaps) + "/settings").at_path("data.a")->text() == "new" &&
             world.has(std::string(kMaps) + "/only-new") &&
             !world.has(std::string(kMaps) + "/only-old");
    };
    EXPECT_TRUE(is_new());
    world.settle();
    auto const before = world.revision();
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(old.pass(), 0);
      EXPECT_EQ(old.look().plan.standing, Standing::held_back);
      EXPECT_EQ(fresh.pass(), 0);
    }
    EXPECT_THAT(world.written_since(before), IsEmpty());
    EXPECT_TRUE(is_new());
    // Whoever goes back on purpose says so.
    ASSERT_TRUE(old.engine.roll_back("web", "1.9", {}));
    old.pass();
    EXPECT_EQ(world.get(std::string(kMaps) + "/settings").at_path("data.a")->text(), "old");
    EXPECT_TRUE(world.has(std::string(kMaps) + "/only-old"));
    EXPECT_FALSE(world.has(std::string(kMaps) + "/only-new"));
    EXPECT_FALSE(old.engine.roll_back("nothing", "1.9", {}));
  });
}

TEST_F(Addons, TellWhatTheApiserverDoesNotTakeAndApplyTheRest) {
  in_a_cluster([](ApiserverWorld& world) {
    auto bad = deployment();
    bad.replace(bad.find("containerPort: 80"), 17, "containerPort: 99999999");
    AddonMaster master(world, set_of(kSpace + bad + map("settings", "1") +
                                     "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: "
                                     "nowhere}\n---\napiVersion: rbac.authorization.k8s.io/v1\n"
                                     "kind: ClusterRole\nmetadata: {name: web, namespace: web}\n"));
    master.pass();
    auto const view = master.look();
    EXPECT_EQ(view.seen[1].sight, Sight::rejected);
    EXPECT_THAT(view.seen[1].text, testing::HasSubstr("99999999"));
    EXPECT_EQ(view.seen[2].sight, Sight::in_sync);
    EXPECT_EQ(view.seen[3].sight, Sight::rejected);
    EXPECT_EQ(view.seen[4].sight, Sight::in_sync) << "a namespace that does not count";
  });
}

// The row, as a master's boot has it.
struct AddonsRowOfAMaster {
  explicit AddonsRowOfAMaster(ApiserverWorld& world, std::string const& name, StateStore& store)
      : root(world.root()("/" + name)),
        step(AddonsLook(world.agent(),
                        {.config = config, .root = root, .store = store, .version = "1.0"},
                        world.clock(), {.between = 0ms, .gone_for = 0ms})) {
    facts.identity.set(test::kube_identity());
  }
  // Until it is done; what it says then.
  test::Found pass() {
    for (int i = 0; i < 100; ++i) {
      auto looked = step.look(facts, {});
      auto const found = test::found(looked);
      if (found.as != test::Found::As::needed) return found;
      auto const acted = test::act_on(looked);
      if (!acted && acted.error().kind != Kind::transient)
        ADD_FAILURE() << acted.error().message.text;
    }
    ADD_FAILURE() << "it does not come to rest";
    return {};
  }
  NodeConfig config = test::kube_master();
  Root root;
  Facts facts;
  AddonsStep step;
};

TEST_F(Addons, AreKeptByTheRowFromTheStoreAndAfterARestart) {
  in_a_cluster([](ApiserverWorld& world) {
    test::MemoryStore store(world.clock());
    AddonsRowOfAMaster row(world, "master-a", store);
    EXPECT_THAT(row.pass(), test::IsDone(Reason::AddonsInSync));
    std::string const binding =
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/haagent:kubelet-client-renewal";
    EXPECT_TRUE(world.has(binding));
    ASSERT_TRUE(push_addons(store, {{"web", kSpace + deployment() + map("settings", "1")}}, {}));
    EXPECT_THAT(row.pass(), test::IsDone(Reason::AddonsInSync));
    EXPECT_TRUE(world.has(kDeployment));
    // An agent that starts again, and another master with an older opinion.
    AddonsRowOfAMaster again(world, "master-a", store);
    world.settle();
    auto const before = world.revision();
    EXPECT_THAT(again.pass(), test::IsDone(Reason::AddonsInSync));
    EXPECT_THAT(world.written_since(before), IsEmpty());
    store.put("addons/web.yaml", "half");
    AddonsRowOfAMaster third(world, "master-b", store);
    EXPECT_THAT(third.pass(), test::IsDone(Reason::AddonDigestMismatch));
    EXPECT_TRUE(world.has(kDeployment));
    store.fail_all(Kind::transient);
    EXPECT_THAT(row.pass(), test::IsDone(Reason::AddonsInSync)) << "what it has read holds";
    store.fail_all({});
    ASSERT_TRUE(remove_addon(store, "web", {}));
    EXPECT_THAT(row.pass(), test::IsDone(Reason::AddonsInSync));
    EXPECT_TRUE(test::eventually([&] { return !world.has(kDeployment); }, 10s));
    EXPECT_TRUE(world.has("/api/v1/namespaces/web"));
    EXPECT_TRUE(world.has(binding));
  });
}

// Nodes that have joined, without an etcd.
class JoinedNodes final : public join::NodeRegistry {
 public:
  Result<join::StoredRecord> read(std::string const&, std::stop_token) override { return {}; }
  Result<bool> write(join::StoredRecord const&, join::NodeRecord const&, std::stop_token) override {
    return true;
  }
  Result<std::vector<join::StoredRecord>> all(std::stop_token) override { return records; }
  Result<void> forget(std::string const&, std::stop_token) override { return {}; }
  std::vector<join::StoredRecord> records;
};

aws::Instance tagged(std::string const& id, std::map<std::string, std::string> tags) {
  tags["kubernetes.io/cluster/" + test::kube_master().cluster.name] = "owned";
  aws::Instance instance;
  instance.id = id;
  instance.state = "running";
  instance.tags = std::move(tags);
  return instance;
}

TEST_F(Addons, NodesGetTheirLabelsAndTaints) {
  in_a_cluster([](ApiserverWorld& world) {
    auto const me = test::kube_identity();
    constexpr char kWorker[] = "i-0000000000000beef";
    std::string const label = "k8s.io/cluster-autoscaler/node-template/label/";
    std::string const taint = "k8s.io/cluster-autoscaler/node-template/taint/";
    auto const make = [&](std::string const& name, std::string const& instance) {
      world.ask(
          "POST", "/api/v1/nodes",
          json::print(Tree::map(
              {{"apiVersion", "v1"},
               {"kind", "Node"},
               {"metadata", Tree::map({{"name", name}, {"labels", Tree::map({{"a", "b"}})}})},
               {"spec",
                Tree::map({{"providerID", "aws:///eu-west-1a/" + instance},
                           {"taints", Tree::list({Tree::map(
                                          {{"key", "own"}, {"effect", "NoSchedule"}})})}})}})));
    };
    test::FakeEc2 ec2(world.clock());
    JoinedNodes registry;
    registry.records = {
        {.instance_id = kWorker,
         .record =
             join::NodeRecord{
                 .node = "worker", .key_hash = {}, .since = world.clock().utc(), .not_after = {}},
         .denied = {}}};
    ec2.add(tagged(me.instance_id, {}));
    ec2.add(tagged(kWorker, {{label + "node-restriction.kubernetes.io/team", "storage"},
                             {label + "bad", "no value"},
                             {taint + "gpu", "yes:NoSchedule"}}));
    auto config = test::kube_master();
    config.node.labels = {{"node-restriction.kubernetes.io/rack", "7"}};
    Facts facts;
    facts.identity.set(me);
    facts.main.member.set({.name = "etcd-a", .leader = "etcd-a"});
    auto const agent = [&](Duration between) {
      return node_labels::NodeLabelsStep({.config = config,
                                          .clock = world.clock(),
                                          .ec2 = ec2,
                                          .registry = registry,
                                          .apiserver = world.agent()},
                                         {.between = between, .between_new = 0ms});
    };
    auto const pass = [&](node_labels::NodeLabelsStep& step) {
      for (int i = 0; i < 20; ++i) {
        auto looked = step.look(facts, {});
        auto const found = test::found(looked);
        if (found.as != test::Found::As::needed) return found;
        EXPECT_TRUE(test::act_on(looked));
      }
      ADD_FAILURE() << "it does not come to rest";
      return test::Found{};
    };
    auto step = agent(0ms);
    EXPECT_THAT(pass(step), test::IsDone(Reason::NodeLabelsAwaited)) << "no Node yet";
    make(me.hostname, me.instance_id);
    make("worker", kWorker);
    EXPECT_THAT(pass(step), test::IsDone(Reason::NodeTagInvalid));
    auto const own = world.get("/api/v1/nodes/" + me.hostname);
    auto const* labels = own.at_path("metadata.labels");
    for (auto const* key : {"node-role.kubernetes.io/control-plane", "a",
                            "node.kubernetes.io/exclude-from-external-load-balancers"})
      EXPECT_TRUE(labels->find(key)) << key;
    EXPECT_EQ(labels->text_at("node-restriction.kubernetes.io/rack"), "7");
    auto const taints_of = [](Tree const& node) {
      std::vector<std::string> names;
      for (auto const& each : node.at_path("spec.taints")->items())
        names.push_back(each.text_at("key") + "=" + each.text_at("value"));
      return names;
    };
    auto worker = world.get("/api/v1/nodes/worker");
    EXPECT_EQ(worker.at_path("metadata.labels")->text_at("node-restriction.kubernetes.io/team"),
              "storage");
    EXPECT_THAT(taints_of(worker), testing::IsSupersetOf({"own=", "gpu=yes"}));
    // Nothing at rest, by an agent that remembers nothing either; what is removed comes back.
    world.settle();
    auto const before = world.revision();
    auto another = agent(0ms);
    pass(another);
    pass(step);
    EXPECT_THAT(world.written_since(before), IsEmpty());
    world.ask("PATCH", "/api/v1/nodes/worker",
              R"({"metadata":{"labels":{"node-restriction.kubernetes.io/team":null}}})",
              kMergePatch);
    pass(another);
    worker = world.get("/api/v1/nodes/worker");
    EXPECT_TRUE(worker.at_path("metadata.labels")->find("node-restriction.kubernetes.io/team"));
    // Tags that go.
    ec2.add(tagged(kWorker, {}));
    EXPECT_THAT(pass(step), test::IsDone(Reason::NodeLabelsSet));
    worker = world.get("/api/v1/nodes/worker");
    EXPECT_FALSE(worker.at_path("metadata.labels")->find("node-restriction.kubernetes.io/team"));
    EXPECT_TRUE(worker.at_path("metadata.labels")->find("a"));
    EXPECT_THAT(taints_of(worker), testing::Contains("own="));
    EXPECT_THAT(taints_of(worker), testing::Not(testing::Contains("gpu=yes")));
  });
}

}  // namespace
}  // namespace haagent::bootstrap::addons
