#include "bootstrap/node_labels/decision.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/base/json.h"
#include "bootstrap/node_labels/tags.h"

namespace haagent::bootstrap::node_labels {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Labels = std::map<std::string, std::string>;

constexpr std::string_view kLabel = "k8s.io/cluster-autoscaler/node-template/label/";
constexpr std::string_view kTaint = "k8s.io/cluster-autoscaler/node-template/taint/";

Marks marks(std::string const& tag, std::string const& value) {
  return marks_of("i-1", {{tag, value}, {"Name", "worker"}});
}

TEST(NodeTags, GiveLabelsAndTaints) {
  auto const label = marks(std::string(kLabel) + "node-restriction.kubernetes.io/team", "storage");
  EXPECT_EQ(label.labels, (Labels{{"node-restriction.kubernetes.io/team", "storage"}}));
  auto const taint = marks(std::string(kTaint) + "example.com/gpu", "yes:NoSchedule");
  ASSERT_EQ(taint.taints.size(), 1u);
  EXPECT_EQ(taint.taints[0].key, "example.com/gpu");
  EXPECT_EQ(taint.taints[0].value, "yes");
  EXPECT_EQ(taint.taints[0].effect, "NoSchedule");
  EXPECT_EQ(marks(std::string(kTaint) + "a", ":NoExecute").taints.size(), 1u);
  EXPECT_TRUE(marks("other", "x").is_empty());
}

TEST(NodeTags, TellWhatCanBeNoneAndGiveTheRest) {
  for (auto const& [tag, value] : std::vector<std::pair<std::string, std::string>>{
           {std::string(kLabel), "x"},
           {std::string(kLabel) + "a/b/c", "x"},
           {std::string(kLabel) + "a", "not a value"},
           {std::string(kLabel) + "a", std::string(64, 'x')},
           {std::string(kTaint) + "a", "yes"},
           {std::string(kTaint) + "a", "yes:Never"},
           {std::string(kTaint) + "a", "no value:NoSchedule"},
           {std::string(kTaint), "yes:NoSchedule"}}) {
    auto const found = marks_of("i-1", {{tag, value}, {std::string(kLabel) + "good", "yes"}});
    ASSERT_EQ(found.invalid.size(), 1u) << tag;
    EXPECT_EQ(found.invalid[0].reason, Reason::NodeTagInvalid);
    EXPECT_EQ(found.invalid[0].subject, "i-1");
    EXPECT_EQ(found.labels, (Labels{{"good", "yes"}})) << tag;
  }
}

TEST(NodeTags, OfAMasterAreItsRoleAndWhatItsKubeletMayNotSay) {
  NodeConfig config;
  config.node.labels = {{"example.com/team", "a"}, {"node-restriction.kubernetes.io/team", "b"}};
  EXPECT_EQ(labels_of_master(config),
            (Labels{{"node-role.kubernetes.io/control-plane", ""},
                    {"node.kubernetes.io/exclude-from-external-load-balancers", ""},
                    {"node-restriction.kubernetes.io/team", "b"}}));
}

// A Node with labels, some of which `ours` names as haagent's.
Tree node_of(Labels const& labels, std::vector<std::string> const& ours) {
  auto map = Tree::map(), fields = Tree::map();
  for (auto const& [key, value] : labels) map.set(key, value);
  for (auto const& key : ours) fields.set("f:" + key, Tree::map());
  return Tree::map(
      {{"metadata",
        Tree::map({{"name", "n"},
                   {"uid", "1"},
                   {"resourceVersion", "7"},
                   {"labels", map},
                   {"managedFields",
                    Tree::list({Tree::map(
                        {{"manager", "haagent"},
                         {"operation", "Apply"},
                         {"fieldsV1",
                          Tree::map({{"f:metadata", Tree::map({{"f:labels", fields}})}})}})})}})}});
}

TEST(NodeLabels, AreAppliedWhereTheyDiffer) {
  struct Case {
    std::string what;
    Labels there;
    std::vector<std::string> ours;
    Labels wanted;
    std::optional<Labels> applied;
    std::vector<std::string> conflicts = {};
  };
  for (auto const& each : std::vector<Case>{
           {"nothing", {}, {}, {}, {}},
           {"a new one", {{"x", "1"}}, {}, {{"a", "1"}}, Labels{{"a", "1"}}},
           {"as it should be", {{"a", "1"}}, {"a"}, {{"a", "1"}}, {}},
           {"another value of ours", {{"a", "1"}}, {"a"}, {{"a", "2"}}, Labels{{"a", "2"}}},
           {"one that goes",
            {{"a", "1"}, {"b", "1"}},
            {"a", "b"},
            {{"a", "1"}},
            Labels{{"a", "1"}}},
           {"the last that goes", {{"a", "1"}}, {"a"}, {}, Labels{}},
           {"somebody else's of the same value",
            {{"a", "1"}},
            {},
            {{"a", "1"}},
            Labels{{"a", "1"}}},
           {"somebody else's", {{"a", "1"}}, {}, {{"a", "2"}}, {}, {"a"}},
           {"somebody else's beside ours",
            {{"a", "1"}},
            {},
            {{"a", "2"}, {"b", "1"}},
            Labels{{"b", "1"}},
            {"a"}},
           {"removed by somebody", {}, {}, {{"a", "1"}}, Labels{{"a", "1"}}}}) {
    auto const decided = decide_labels(node_of(each.there, each.ours), kConfigManager, each.wanted);
    EXPECT_EQ(decided.conflicts, each.conflicts) << each.what;
    ASSERT_EQ(decided.apply.has_value(), each.applied.has_value()) << each.what;
    if (!decided.apply) continue;
    EXPECT_EQ(decided.apply->at_path("metadata.uid")->text(), "1");
    Labels applied;
    for (auto const& entry : decided.apply->at_path("metadata.labels")->entries())
      applied[entry.key] = entry.value.text();
    EXPECT_EQ(applied, *each.applied) << each.what;
  }
}

TEST(NodeLabels, OfAnotherManagerAreNotOurs) {
  auto const node = node_of({{"a", "1"}}, {"a"});
  EXPECT_FALSE(decide_labels(node, kTagsManager, {}).apply);
}

TEST(NodeTaints, OfTagsComeAndGoAndOthersStay) {
  struct Case {
    std::string what;
    std::string there;  // key=value:effect, ...
    std::string ours;
    std::vector<Taint> wanted;
    std::optional<std::string> patched;
    std::string annotation = {};
    std::vector<std::string> conflicts = {};
  };
  auto const read = [](std::string const& text) {
    auto list = Tree::list();
    std::istringstream in(text);
    for (std::string one; in >> one;) {
      auto const equals = one.find('='), colon = one.find(':');
      auto taint = Tree::map({{"key", one.substr(0, equals)}});
      if (colon > equals + 1) taint.set("value", one.substr(equals + 1, colon - equals - 1));
      taint.set("effect", one.substr(colon + 1));
      list.push_back(std::move(taint));
    }
    return list;
  };
  Taint const gpu{"gpu", "yes", "NoSchedule"};
  for (auto const& each : std::vector<Case>{
           {"nothing", "", "", {}, {}},
           {"others alone", "x=:NoExecute", "", {}, {}},
           {"a new one",
            "x=:NoExecute",
            "",
            {gpu},
            "x=:NoExecute gpu=yes:NoSchedule",
            "gpu:NoSchedule"},
           {"as it should be", "x=:NoExecute gpu=yes:NoSchedule", "gpu:NoSchedule", {gpu}, {}},
           {"another value",
            "gpu=no:NoSchedule",
            "gpu:NoSchedule",
            {gpu},
            "gpu=yes:NoSchedule",
            "gpu:NoSchedule"},
           {"one that goes",
            "gpu=yes:NoSchedule x=:NoExecute",
            "gpu:NoSchedule",
            {},
            "x=:NoExecute",
            ""},
           {"removed by somebody",
            "",
            "gpu:NoSchedule",
            {gpu},
            "gpu=yes:NoSchedule",
            "gpu:NoSchedule"},
           {"removed by somebody, and its tag", "", "gpu:NoSchedule", {}, "", ""},
           {"somebody else's of the same value", "gpu=yes:NoSchedule", "", {gpu}, {}},
           {"somebody else's", "gpu=no:NoSchedule", "", {gpu}, {}, "", {"gpu:NoSchedule"}}}) {
    auto annotations = Tree::map();
    if (!each.ours.empty()) annotations.set(kTaintsAnnotation, each.ours);
    auto const node = Tree::map(
        {{"metadata",
          Tree::map({{"uid", "1"}, {"resourceVersion", "7"}, {"annotations", annotations}})},
         {"spec", Tree::map({{"taints", read(each.there)}})}});
    auto const decided = decide_taints(node, each.wanted);
    EXPECT_EQ(decided.conflicts, each.conflicts) << each.what;
    ASSERT_EQ(decided.patch.has_value(), each.patched.has_value()) << each.what;
    if (!decided.patch) continue;
    EXPECT_EQ(decided.patch->at_path("metadata.resourceVersion")->text(), "7");
    EXPECT_EQ(*decided.patch->at_path("spec.taints"), read(*each.patched)) << each.what;
    EXPECT_EQ(decided.patch->at_path("metadata.annotations")->text_at(kTaintsAnnotation),
              each.annotation)
        << each.what;
  }
}

}  // namespace
}  // namespace haagent::bootstrap::node_labels
