#include "bootstrap/addons/answers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/base/json.h"

namespace haagent::bootstrap::addons {
namespace {

Tree tree_of(std::string_view text) {
  return json::parse(text).value();
}
Tree conflict(std::string_view message, std::string_view reason = "FieldManagerConflict",
              std::string_view field = ".spec.replicas") {
  return Tree::map(
      {{"kind", "Status"},
       {"details", Tree::map({{"causes", Tree::list({Tree::map({{"reason", reason},
                                                                {"message", message},
                                                                {"field", field}})})}})}});
}

TEST(AddonConflicts, NameTheFieldAndItsManager) {
  for (auto const& [message, manager] : std::vector<std::pair<std::string, std::string>>{
           {R"(conflict with "kubectl-edit" using apps/v1)", "kubectl-edit"},
           {R"(conflict with "kubectl-edit" using apps/v1 at 2026-01-15T10:15:00Z)",
            "kubectl-edit"},
           {R"(conflict with "hpa" with subresource "scale" using apps/v1)", "hpa"},
           {R"(conflict with "a \"b\" c")", R"(a "b" c)"},
           {R"(conflict with "x": more)", "x"},
       }) {
    auto const conflicts = read_conflicts(conflict(message));
    ASSERT_TRUE(conflicts) << message;
    EXPECT_THAT(*conflicts, testing::ElementsAre(FieldConflict{".spec.replicas", manager}));
  }
}

TEST(AddonConflicts, TakeNothingElseForOne) {
  for (auto const& status :
       {conflict("conflict with kubectl"), conflict(R"(conflict with "kubectl)"),
        conflict(R"(conflict with "")"), conflict(R"(conflict with "a"b)"),
        conflict(R"(a conflict with "a")"), conflict(""),
        conflict(R"(conflict with "a")", "FieldValueInvalid"),
        conflict(R"(conflict with "a")", "FieldManagerConflict", ""),
        tree_of(R"({"kind":"Status","reason":"Conflict","details":{"name":"a"}})"), Tree()})
    EXPECT_FALSE(read_conflicts(status)) << json::print(status);
}

constexpr char kLive[] =
    R"({"metadata":{"name":"a","resourceVersion":"1","generation":1,"managedFields":[)"
    R"({"manager":"haagent","operation":"Apply","time":"t1","fieldsV1":{"f:data":{"f:a":{}}}},)"
    R"({"manager":"other","operation":"Update","fieldsV1":{"f:x":{}}}]},"data":{"a":"1","b":"2"},)"
    R"("list":[{"x":1}]})";

TEST(AddonDifferences, AreWhatAnApplyWouldChange) {
  struct Case {
    std::string from, to;
    std::vector<std::string> fields;
  };
  for (auto const& [from, to, fields] : std::vector<Case>{
           {"", "", {}},
           {R"("resourceVersion":"1","generation":1)",
            R"("resourceVersion":"9","generation":2)",
            {}},
           {R"("time":"t1")", R"("time":"t2")", {}},
           {R"("f:x")", R"("f:y")", {}},
           {R"("a":"1","b":"2")", R"("b":"2","a":"1")", {}},
           {R"("name":"a",)", R"("name":"a","annotations":{},)", {}},
           {R"("a":"1")", R"("a":"3")", {".data.a"}},
           {R"("a":"1")", R"("a":1)", {".data.a"}},
           {R"("a":"1",)", "", {".data.a"}},
           {R"("a":"1")", R"("a":"1","c":"3")", {".data.c"}},
           {R"([{"x":1}])", R"([{"x":2}])", {".list[0].x"}},
           {R"([{"x":1}])", R"([{"x":1},{"x":2}])", {".list"}},
           {R"("f:a":{})", R"("f:a":{},"f:b":{})", {".metadata.managedFields"}},
           {R"("manager":"haagent")", R"("manager":"hagent")", {".metadata.managedFields"}},
           {R"("operation":"Apply")", R"("operation":"Update")", {".metadata.managedFields"}},
       }) {
    std::string after(kLive);
    if (!from.empty()) after.replace(after.find(from), from.size(), to);
    EXPECT_EQ(differences(tree_of(kLive), tree_of(after)), fields) << from;
    EXPECT_EQ(differences(tree_of(after), tree_of(kLive)).empty(), fields.empty()) << from;
  }
}

TEST(AddonDifferences, AreNotEndless) {
  auto one = Tree::map(), other = Tree::map();
  for (int i = 0; i < 100; ++i) one.set(fmt::format("a{}", i), i);
  EXPECT_EQ(differences(one, other).size(), kMostDifferences);
}

TEST(AddonAnswers, SayWhatAnObjectIs) {
  auto const live = tree_of(kLive);
  EXPECT_TRUE(is_applied_by_us(live));
  EXPECT_FALSE(is_applied_by_us(Tree()));
  EXPECT_EQ(resource_version_of(live), "1");
  EXPECT_EQ(uid_of(live), "");
  EXPECT_TRUE(is_being_deleted(tree_of(R"({"metadata":{"deletionTimestamp":"t"}})")));
  EXPECT_TRUE(is_established(
      tree_of(R"({"status":{"conditions":[{"type":"Established","status":"True"}]}})")));
  EXPECT_FALSE(is_established(
      tree_of(R"({"status":{"conditions":[{"type":"Established","status":"False"}]}})")));
  EXPECT_FALSE(is_established(live));
}

}  // namespace
}  // namespace haagent::bootstrap::addons
