// The step against an apiserver that has nothing, and one that does not answer. What it does in a
// cluster is in tests/integration/addons_test.cc.
#include "bootstrap/addons/step.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/base/json.h"
#include "agent/base/kube_versions.h"
#include "bootstrap/addons/core.h"
#include "tests/support/fake_clock.h"
#include "tests/support/found.h"
#include "tests/support/kube_nodes.h"
#include "tests/support/memory_store.h"
#include "tests/support/scripted_http.h"
#include "tests/support/source_dir.h"
#include "tests/support/temporary_directory.h"

namespace haagent::bootstrap::addons {
namespace {

using test::answer;

constexpr char kRbacUrl[] = "https://127.0.0.1:6443/apis/rbac.authorization.k8s.io/v1";
constexpr char kBinding[] = "/clusterrolebindings/haagent:kubelet-client-renewal";
constexpr char kMapsUrl[] = "https://127.0.0.1:6443/api/v1/namespaces/kube-system/configmaps";

class AddonsRow : public testing::Test {
 protected:
  AddonsRow() { facts_.identity.set(test::kube_identity()); }
  std::filesystem::path folder_of_packaged() const {
    return Root(directory_.path())("/usr/share/haagent/addons");
  }
  void package(std::string const& file, std::string const& text) {
    auto const path = folder_of_packaged() / file;
    std::filesystem::create_directories(path.parent_path());
    test::write_bytes(path, text);
  }
  AddonsLook look() {
    return {
        ApiserverClient(http_, as_administrator(Root(directory_.path()), "https://127.0.0.1:6443")),
        sources(), clock_};
  }
  SourcesDeps sources() {
    return {.config = config_, .root = Root(directory_.path()), .store = store_, .version = "1.0"};
  }
  std::vector<WantedAddon> gathered(std::set<std::string> const& in_cluster = {}) {
    sources_.ask_store({});
    return sources_.gather(test::kube_identity(), in_cluster, {});
  }
  static WantedAddon const& named(std::vector<WantedAddon> const& all, std::string_view name) {
    for (auto const& each : all)
      if (each.set.name == name) return each;
    ADD_FAILURE() << name;
    return all.front();
  }

  test::TemporaryDirectory directory_;
  test::ScriptedHttp http_;
  SystemClock clock_;
  test::MemoryStore store_{clock_};
  NodeConfig config_ = test::kube_master();
  Facts facts_;
  Sources sources_{sources()};
};

// What the package ships, for every version that haagent supports.
TEST_F(AddonsRow, ThePackagedOnesAreReadForEveryMinor) {
  std::filesystem::create_directories(folder_of_packaged().parent_path());
  std::filesystem::copy(test::source_dir() / "packaging/addons", folder_of_packaged(),
                        std::filesystem::copy_options::recursive);
  for (int minor = kOldestKubeMinor; minor <= kNewestKubeMinor; ++minor) {
    config_.kubernetes.version = fmt::format("1.{}.0", minor);
    auto const all = gathered();
    for (auto const* name : {"coredns", "aws-cloud-controller-manager"}) {
      auto const& addon = named(all, name);
      EXPECT_FALSE(addon.trouble) << name << " 1." << minor;
      std::string text;
      for (auto const& object : addon.set.objects) text += json::print(object.object);
      EXPECT_THAT(text, testing::ContainsRegex("\"image\": ?\"registry.k8s.io/[^$ ]*:v1\\."))
          << name << " 1." << minor;
    }
  }
}

TEST_F(AddonsRow, AppliesItsOwnToAnEmptyCluster) {
  AddonsStep step(look());
  std::string const list = std::string("GET ") + kMapsUrl + "?labelSelector=haagent.io/inventory";
  http_.always(list, answer(200, R"({"items":[]})"));
  http_.always(std::string("GET ") + kRbacUrl,
               answer(200, R"({"resources":[{"name":"clusterrolebindings","namespaced":false,)"
                           R"("kind":"ClusterRoleBinding"}]})"));
  http_.always(std::string("GET ") + kRbacUrl + kBinding, answer(404, R"({"kind":"Status"})"));
  http_.on(std::string("POST ") + kMapsUrl + "?fieldManager=haagent", answer(201, "{}"));
  http_.on(std::string("PATCH ") + kRbacUrl + kBinding + "?fieldManager=haagent",
           answer(201, R"({"metadata":{"uid":"1","resourceVersion":"2"}})"));
  EXPECT_THAT(test::found(step.look(facts_, {})), test::IsNeeded(Reason::AddonDrifted));
  EXPECT_EQ(http_.count("POST"), 0) << "looking writes nothing";
  auto const seen = facts_.addons.get().value();
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen.front().name, "core");
  EXPECT_EQ(seen.front().state, "Drifted");
  EXPECT_EQ(seen.front().objects, 1u);
  EXPECT_EQ(seen.front().drifted, 1u);
  EXPECT_EQ(seen.front().in_sync, std::nullopt);
  EXPECT_EQ(test::found(test::look_and_act(step, facts_)).as, test::Found::As::acted);
  auto const sent = json::parse(http_.requests().back().body).value();
  EXPECT_EQ(sent.at_path("roleRef.name")->text(),
            "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient");
  EXPECT_EQ(sent.find("subjects")->items().front().text_at("name"), "system:nodes");
}

TEST_F(AddonsRow, KeepsNothingUpWhileTheApiserverIsSilent) {
  AddonsStep step(look());
  std::string const list = std::string("GET ") + kMapsUrl + "?labelSelector=haagent.io/inventory";
  http_.on(list, std::unexpected(Error{Kind::transient, "refused"}));
  http_.on(list, answer(503, ""));
  http_.on(list, answer(403, ""));
  http_.on(list, answer(200, "{}"));
  std::vector<AddonFacts> const seen = {{.name = "core", .state = "InSync", .objects = 1}};
  facts_.addons.set(seen);
  for (int i = 0; i < 4; ++i)
    EXPECT_THAT(test::found(step.look(facts_, {})), test::IsDone(Reason::AddonsAwaitApiserver));
  EXPECT_EQ(facts_.addons.get(), seen) << "what was seen last, and when, stands";
}

TEST_F(AddonsRow, WhenAnAddonWasInSyncLastIsKept) {
  AddonsLook const of = look();
  AddonsView view;
  view.summaries = {
      {.name = "a", .state = AddonState::in_sync, .message = {}},
      {.name = "b", .state = AddonState::conflicted, .message = {}, .conflicts = {{}}},
      {.name = "c", .state = AddonState::failed, .message = {}}};
  UtcTime const earlier{std::chrono::seconds(1768472100)};
  auto const seen = of.facts_of(view, {{.name = "a", .state = "Drifted"},
                                       {.name = "b", .state = "InSync", .in_sync = earlier}});
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_GT(seen[0].in_sync, earlier);
  EXPECT_EQ(seen[1].in_sync, earlier);
  EXPECT_EQ(seen[1].conflicted, 1u);
  EXPECT_EQ(seen[2].in_sync, std::nullopt);
}

// A package that is being upgraded has not all of its files for a moment.
TEST_F(AddonsRow, DeletesWhatHasNoSourceOnceThatStaysSo) {
  test::FakeClock clock;
  AddonsLook look(
      ApiserverClient(http_, as_administrator(Root(directory_.path()), "https://127.0.0.1:6443")),
      sources(), clock);
  Inventory const left{
      .addon = "left",
      .claim = {.origin = Origin::packaged, .version = "1.0 1.33.2", .digest = "d"},
      .entries = {{.id = {"", "ConfigMap", "x", "a"}, .version = "v1", .uid = "1"}}};
  auto const list = Tree::map({{"items", Tree::list({inventory_object(left).value()})}});
  http_.always(std::string("GET ") + kMapsUrl + "?labelSelector=haagent.io/inventory",
               answer(200, json::print(list)));
  http_.always(std::string("GET ") + kRbacUrl, answer(503, ""));
  auto first = look.look(test::kube_identity(), {});
  ASSERT_TRUE(first);
  EXPECT_EQ(first->views.size(), 1u);
  EXPECT_EQ(first->summaries.back().state, AddonState::waiting);
  // It remembers since when.
  first->views.clear();
  ASSERT_TRUE(look.carry_out(*first, {}));
  clock.advance(std::chrono::seconds(61));
  http_.always("GET https://127.0.0.1:6443/api/v1",
               answer(200, R"({"resources":[{"name":"configmaps","namespaced":true,)"
                           R"("kind":"ConfigMap"}]})"));
  http_.always("GET https://127.0.0.1:6443/api/v1/namespaces/x/configmaps/a",
               answer(200, R"({"metadata":{"uid":"1"}})"));
  auto const second = look.look(test::kube_identity(), {});
  ASSERT_TRUE(second);
  ASSERT_EQ(second->views.size(), 2u);
  EXPECT_EQ(second->views.back().plan.prune.size(), 1u);
}

TEST_F(AddonsRow, GathersWhatIsPackagedForItsVersionWithItsValuesFilledIn) {
  std::string const map =
      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: "
      "kube-system}\ndata: {dns: \"${haagent:clusterDNS}\"}\n";
  package("dns/1.33.yaml", map);
  package("dns/1.34-.yaml", "nonsense");
  package("old/1.31.yaml", map);
  package("bad/1.33.yaml", "kind: X\n");
  package("network/bridge/1.31-.yaml", map);
  auto all = gathered({"left"});
  EXPECT_EQ(named(all, "core").set.claim.origin, Origin::built_in);
  auto const& dns = named(all, "dns");
  ASSERT_FALSE(dns.trouble);
  EXPECT_EQ(dns.set.claim.origin, Origin::packaged);
  EXPECT_EQ(dns.set.claim.version, "1.0 1.33.2");
  EXPECT_EQ(dns.set.objects.front().object.at_path("data.dns")->text(), "10.96.0.10");
  EXPECT_EQ(named(all, "old").trouble->reason, Reason::AddonMissing);
  EXPECT_EQ(named(all, "bad").trouble->reason, Reason::AddonInvalid);
  EXPECT_EQ(named(all, "bridge").set.claim.origin, Origin::off);
  EXPECT_EQ(named(all, "left").set.claim.origin, Origin::gone);
  EXPECT_FALSE(named(all, "left").trouble);
  config_.cluster.pod_network = "bridge";
  EXPECT_EQ(named(gathered(), "bridge").set.claim.origin, Origin::packaged);
}

TEST_F(AddonsRow, GathersWhatIsUploadedAndKeepsItWhileTheStoreIsSilent) {
  std::string const map =
      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: kube-system}\n";
  store_.fail_all(Kind::transient);
  EXPECT_EQ(named(gathered({"left"}), "left").trouble->reason, Reason::AddonUnreadable);
  store_.fail_all({});
  ASSERT_TRUE(push_addons(store_, {{"metrics", map}}, {}));
  EXPECT_EQ(named(gathered(), "metrics").set.claim.origin, Origin::store);
  store_.fail_all(Kind::transient);
  auto const kept = gathered({"left"});
  EXPECT_EQ(named(kept, "metrics").set.objects.size(), 1u);
  EXPECT_FALSE(named(kept, "metrics").trouble);
  store_.fail_all({});
  store_.put("addons/metrics.yaml", map + "# half");
  Sources fresh{sources()};
  fresh.ask_store({});
  EXPECT_EQ(named(fresh.gather(test::kube_identity(), {}, {}), "metrics").trouble->reason,
            Reason::AddonDigestMismatch);
}

}  // namespace
}  // namespace haagent::bootstrap::addons
