#include "agent/commands/addons.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/base/json.h"
#include "tests/support/temporary_directory.h"

namespace haagent {
namespace {

using bootstrap::addons::AddonSummary;
using bootstrap::addons::Origin;
using testing::HasSubstr;
using testing::Not;

std::vector<AddonSummary> two_addons() {
  return {{.name = "core",
           .claim = {.origin = Origin::built_in, .version = "0.1.0 1.36.3", .digest = "d"},
           .objects = 1,
           .state = AddonState::in_sync,
           .message = Message(Reason::AddonsInSync, "core: 1 objects")},
          {.name = "web",
           .claim = {.origin = Origin::store, .digest = std::string(64, 'a')},
           .objects = 3,
           .state = AddonState::conflicted,
           .message = Message(Reason::AddonConflicted, "web: Deployment web/web"),
           .conflicts = {
               {{"apps", "Deployment", "web", "web"}, {{".spec.replicas", "kubectl-edit"}}}}}};
}

TEST(AddonsPage, ShowsEachAddonAndWhoseTheFieldsAre) {
  auto const page = addons_page(two_addons());
  for (auto const* part :
       {"core", "built-in", "0.1.0 1.36.3", "InSync", "Conflicted", "sha256:aaaaaaaaaaaa",
        ".spec.replicas", "kubectl-edit", "AddonConflicted"})
    EXPECT_THAT(page, HasSubstr(part));
  EXPECT_THAT(page, Not(HasSubstr("AddonsInSync"))) << "what is well needs no line";
}

TEST(AddonsPage, IsATreeForScripts) {
  EXPECT_EQ(
      json::print(*to_tree(two_addons()).find("addons")),
      R"([{"name":"core","source":"built-in","version":"0.1.0 1.36.3","digest":"d",)"
      R"("objects":1,"state":"InSync","reason":"AddonsInSync","message":)" +
          json::print(worded("core: 1 objects")) +
          R"(},{"name":"web","source":"store","digest":")" + std::string(64, 'a') +
          R"(","objects":3,"state":"Conflicted","reason":"AddonConflicted","message":)" +
          json::print(worded("web: Deployment web/web")) +
          R"(,"conflicts":[{"kind":"Deployment","group":"apps","namespace":"web","name":"web",)"
          R"("fields":[{"field":".spec.replicas","manager":"kubectl-edit"}]}]}])");
}

TEST(AddonsPush, TakesAFolderThatHasNoErrors) {
  test::TemporaryDirectory folder;
  auto const place = std::filesystem::path(folder.path());
  EXPECT_FALSE(addons_in(place / "none", {}));
  EXPECT_FALSE(addons_in(place, {}));
  std::string const map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: b}\n";
  test::write_bytes(place / "web.yaml", map);
  test::write_bytes(place / "README.md", "nothing");
  auto const good = addons_in(place, {});
  ASSERT_TRUE(good) << good.error().message.text;
  EXPECT_THAT(*good, testing::ElementsAre(std::pair<std::string const, std::string>("web", map)));
  test::write_bytes(place / "bad.yaml", "kind: X\n");
  auto const bad = addons_in(place, {});
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().message.reason, Reason::AddonInvalid);
  std::filesystem::remove(place / "bad.yaml");
  test::write_bytes(place / "Core.yaml", map);
  EXPECT_FALSE(addons_in(place, {}));
}

}  // namespace
}  // namespace haagent
