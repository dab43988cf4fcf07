#include "bootstrap/addons/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/base/json.h"

namespace haagent::bootstrap::addons {
namespace {

std::vector<std::string> names_in(std::string_view text) {
  auto const objects = parse_manifest(text);
  EXPECT_TRUE(objects) << (objects ? "" : objects.error().message.text);
  std::vector<std::string> names;
  for (auto const& each : objects.value_or(std::vector<WantedObject>()))
    names.push_back(to_string(each.id));
  return names;
}

constexpr char kMap[] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: b}\n";

TEST(AddonManifest, ReadsDocumentsListsAndJson) {
  using testing::ElementsAre;
  EXPECT_THAT(names_in(kMap), ElementsAre("ConfigMap b/a"));
  EXPECT_THAT(names_in(""), ElementsAre());
  EXPECT_THAT(names_in("# nothing\n---\n---\n# nothing\n"), ElementsAre());
  EXPECT_THAT(names_in(fmt::format("---\n# first\n{}---\n\n---\napiVersion: apps/v1\nkind: "
                                   "Deployment\nmetadata:\n  name: web\n---\n",
                                   kMap)),
              ElementsAre("ConfigMap b/a", "Deployment web"));
  EXPECT_THAT(
      names_in("apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Namespace, metadata: "
               "{name: x}}\n- {apiVersion: v1, kind: Namespace, metadata: {name: z}}\n"),
      ElementsAre("Namespace x", "Namespace z"));
}

TEST(AddonManifest, ReadsJsonAsJsonAndFlowsAsYaml) {
  using testing::ElementsAre;
  EXPECT_THAT(names_in("{\"apiVersion\": \"v1\",\t\"kind\": \"Secret\", \"metadata\": {\"name\": "
                       "\"a\"}}"),
              ElementsAre("Secret a"));
  EXPECT_THAT(names_in("{apiVersion: v1, kind: Secret, metadata: {name: a}}\n---\n{apiVersion: v1, "
                       "kind: Secret, metadata: {name: b}}\n"),
              ElementsAre("Secret a", "Secret b"));
}

TEST(AddonManifest, ReadsWhatStandsWithoutQuotesAsKubernetesDoes) {
  auto const objects = parse_manifest(
      "apiVersion: v1\nkind: Secret\nmetadata: {name: a, creationTimestamp: null}\nimmutable: "
      "yes\nmode: 0644\nstatus: {}\n");
  ASSERT_TRUE(objects);
  EXPECT_EQ(json::print(objects->front().object),
            R"({"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"},"immutable":true,)"
            R"("mode":420})");
}

TEST(AddonManifest, KnowsTheGroupVersionAndMode) {
  auto const objects = parse_manifest(
      "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: x\n  "
      "annotations: {haagent.io/mode: EnsureExists}\n");
  ASSERT_TRUE(objects);
  auto const& wanted = objects->front();
  EXPECT_EQ(wanted.id, (ObjectId{"apps", "Deployment", "x", "web"}));
  EXPECT_EQ(wanted.version, "v1");
  EXPECT_EQ(wanted.mode, Mode::ensure_exists);
  EXPECT_EQ(wanted.digest.size(), 64u);
}

TEST(AddonManifest, SaysWhereAnErrorIs) {
  struct Case {
    std::string text;
    std::string place;
  };
  std::string const second = std::string(kMap) + "---\n";
  for (
      auto const& each : std::vector<Case>{
          {second + "apiVersion: v1\nkind: ConfigMap\n", "document 2, line 5"},
          {second + "kind: ConfigMap\nmetadata: {name: a}\n", "document 2, line 5"},
          {second + "apiVersion: v1\nmetadata: {name: a}\n", "document 2, line 5"},
          {second + "- a\n", "document 2, line 5"},
          {second + "text\n", "document 2, line 5"},
          {second + kMap, "document 2, line 5"},
          {second + "a: [\n", "line 6"},
          {second + "apiVersion: v1\nkind: List\n", "document 2, line 5"},
          {second + "apiVersion: v1\nkind: List\nitems:\n- {kind: ConfigMap}\n",
           "document 2, line 8"},
          {"apiVersion: v1\nkind: Pod\nmetadata:\n  generateName: a-\n", "document 1, line 4"},
          {"apiVersion: v1\nkind: Pod\nmetadata: {name: a/b}\n", "document 1, line 1"},
          {"apiVersion: v1\nkind: Pod\nmetadata: {name: .., namespace: a}\n", "document 1, line 1"},
          {"apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: b/c}\n",
           "document 1, line 1"},
          {"apiVersion: a/b/c\nkind: Pod\nmetadata: {name: a}\n", "document 1, line 1"},
          {"apiVersion: v1\nkind: Pod\nmetadata: {name: a, resourceVersion: \"1\"}\n",
           "document 1, line 3"},
          {"apiVersion: v1\nkind: Pod\nmetadata: {name: a, annotations: {haagent.io/mode: Once}}\n",
           "document 1, line 3"},
          {"apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {x: .5}\n", "document 1, line 4"},
          {"apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {x: \"${haagent:no}\"}\n",
           "document 1, line 1"},
      }) {
    auto const objects = parse_manifest(each.text);
    ASSERT_FALSE(objects) << each.text;
    EXPECT_EQ(objects.error().kind, Kind::invalid);
    EXPECT_EQ(objects.error().message.reason, Reason::AddonInvalid) << each.text;
    EXPECT_THAT(objects.error().message.text, testing::StartsWith(worded(each.place))) << each.text;
  }
}

TEST(AddonManifest, HasABound) {
  EXPECT_FALSE(parse_manifest(std::string(kLongestManifest + 1, '#')));
  std::string many;
  for (std::size_t i = 0; i <= kMostObjects; ++i)
    many += fmt::format("---\n{{apiVersion: v1, kind: Secret, metadata: {{name: s{}}}}}\n", i);
  EXPECT_FALSE(parse_manifest(many));
}

TEST(AddonPlaceholders, AreFilledInAsTexts) {
  auto const objects = parse_manifest(
      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: b}\ndata:\n  region: "
      "${haagent:region}\n  text: |\n    at ${haagent:clusterDNS}, ${haagent:clusterDNS}\n    "
      "${other}\n",
      {{"region", "no"}, {"clusterDNS", "10.96.0.10"}});
  ASSERT_TRUE(objects) << objects.error().message.text;
  auto const* data = objects->front().object.find("data");
  EXPECT_TRUE(data->find("region")->is_string());
  EXPECT_EQ(data->text_at("region"), "no");
  EXPECT_EQ(data->text_at("text"), "at 10.96.0.10, 10.96.0.10\n${other}\n");
}

TEST(AddonPlaceholders, RefuseWhatIsNone) {
  for (auto const* text : {"${haagent:regoin}", "${haagent:}", "${haagent:region"}) {
    Tree tree(text);
    EXPECT_FALSE(fill_in(tree, {{"region", "x"}})) << text;
  }
  auto keyed = Tree::map({{"${haagent:region}", "x"}});
  EXPECT_FALSE(fill_in(keyed, {{"region", "x"}}));
}

TEST(AddonObjects, HaveTheirTurn) {
  struct Case {
    ObjectId id;
    Turn turn;
  };
  for (auto const& [id, turn] : std::vector<Case>{
           {{"", "Namespace", "", "a"}, Turn::spaces},
           {{"example.com", "Namespace", "", "a"}, Turn::others},
           {{"apiextensions.k8s.io", "CustomResourceDefinition", "", "a"}, Turn::definitions},
           {{"apps", "Deployment", "a", "a"}, Turn::others},
           {{"admissionregistration.k8s.io", "ValidatingWebhookConfiguration", "", "a"},
            Turn::hooks},
           {{"admissionregistration.k8s.io", "MutatingWebhookConfiguration", "", "a"}, Turn::hooks},
           {{"admissionregistration.k8s.io", "ValidatingAdmissionPolicy", "", "a"}, Turn::others},
           {{"apiregistration.k8s.io", "APIService", "", "a"}, Turn::hooks},
       })
    EXPECT_EQ(turn_of(id), turn) << to_string(id);
}

}  // namespace
}  // namespace haagent::bootstrap::addons
