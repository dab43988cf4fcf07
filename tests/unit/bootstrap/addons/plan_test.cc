#include "bootstrap/addons/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bootstrap/addons/inventory.h"

namespace haagent::bootstrap::addons {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

UtcTime at(int minute) {
  return UtcTime() + 24h * 20000 + std::chrono::minutes(minute);
}
Claim claim(Origin origin, std::string version, int minute, std::string digest) {
  return {.origin = origin,
          .version = std::move(version),
          .since = at(minute),
          .digest = std::move(digest)};
}

TEST(AddonStanding, IsOfTheNewest) {
  struct Case {
    std::string name;
    Claim recorded, mine;
    Standing standing;
  };
  auto const packaged = Origin::packaged;
  auto const store = Origin::store;
  for (auto const& [name, recorded, mine, standing] : std::vector<Case>{
           {"the same", claim(packaged, "1.0", 0, "a"), claim(packaged, "1.0", 5, "a"),
            Standing::same},
           {"a newer package", claim(packaged, "1.9", 5, "a"), claim(packaged, "1.10", 0, "b"),
            Standing::take},
           {"an older package on a newer machine", claim(packaged, "1.10", 0, "a"),
            claim(packaged, "1.9", 5, "b"), Standing::held_back},
           {"a newer package with the same", claim(packaged, "1.9", 5, "a"),
            claim(packaged, "1.10", 0, "a"), Standing::take},
           {"an older package with the same", claim(packaged, "1.10", 5, "a"),
            claim(packaged, "1.9", 9, "a"), Standing::same},
           {"another configuration, later", claim(packaged, "1.0", 0, "a"),
            claim(packaged, "1.0", 5, "b"), Standing::take},
           {"another configuration, earlier", claim(packaged, "1.0", 5, "a"),
            claim(packaged, "1.0", 0, "b"), Standing::held_back},
           {"a later upload", claim(store, "", 0, "a"), claim(store, "", 5, "b"), Standing::take},
           {"an upload that this master has not seen", claim(store, "", 5, "a"),
            claim(store, "", 0, "b"), Standing::held_back},
           {"an upload in place of the package", claim(packaged, "1.0", 0, "a"),
            claim(store, "", 5, "b"), Standing::take},
           {"a package where the upload came later", claim(store, "", 5, "b"),
            claim(packaged, "9.0", 0, "a"), Standing::held_back},
           {"switched off", claim(packaged, "1.0", 0, "a"), claim(Origin::off, "", 5, ""),
            Standing::take},
           {"switched off by another since", claim(Origin::off, "", 5, ""),
            claim(packaged, "1.0", 0, "a"), Standing::held_back},
           {"an older package has not got it", claim(packaged, "1.1", 0, "a"),
            claim(Origin::gone, "1.0", 5, ""), Standing::held_back},
           {"a newer package has not got it any more", claim(packaged, "1.0", 5, "a"),
            claim(Origin::gone, "1.1", 0, ""), Standing::take},
           {"nobody has it", claim(Origin::off, "", 0, ""), claim(Origin::off, "", 5, ""),
            Standing::same},
       })
    EXPECT_EQ(decide_standing(recorded, mine), standing) << name;
  EXPECT_EQ(decide_standing(std::nullopt, claim(packaged, "1.0", 0, "a")), Standing::take);
}

ObjectId const kMap{"", "ConfigMap", "x", "a"};
ObjectId const kOther{"", "ConfigMap", "x", "b"};
ObjectId const kSpace{"", "Namespace", "", "x"};
ObjectId const kDefinition{"apiextensions.k8s.io", "CustomResourceDefinition", "", "w"};
ObjectId const kHook{"admissionregistration.k8s.io", "ValidatingWebhookConfiguration", "", "h"};

WantedObject wanted(ObjectId id, Mode mode = Mode::reconcile) {
  return {.id = std::move(id), .version = "v1", .mode = mode, .object = {}, .digest = "d"};
}
Seen seen(Sight sight, std::string uid = "", bool ours = true) {
  return {.sight = sight, .uid = std::move(uid), .is_ours = ours};
}
InventoryEntry entry(ObjectId id, std::string uid) {
  return {.id = std::move(id), .version = "v1", .uid = std::move(uid)};
}

struct World {
  std::vector<WantedObject> wanted;
  std::vector<Seen> seen;
  std::optional<Inventory> recorded;
  std::vector<Left> left;
  Claim mine = claim(Origin::packaged, "1.0", 0, "digest");

  void has(std::vector<InventoryEntry> entries) {
    recorded = Inventory{
        .addon = "dns", .claim = mine, .entries = std::move(entries), .resource_version = "7"};
  }
  Plan planned() const { return plan("dns", mine, wanted, seen, recorded, left); }
};

TEST(AddonPlan, OfANewAddonRecordsFirstAndAppliesInTurn) {
  World world{.wanted = {wanted(kHook), wanted(kMap), wanted(kDefinition), wanted(kSpace)},
              .seen = std::vector<Seen>(4, seen(Sight::absent, "", false))};
  auto const plan = world.planned();
  EXPECT_EQ(plan.standing, Standing::take);
  EXPECT_THAT(plan.apply, ElementsAre(3u, 2u, 1u, 0u));
  ASSERT_TRUE(plan.record);
  EXPECT_EQ(plan.record->entries.size(), 4u);
  EXPECT_EQ(plan.record->entries.front().uid, "");
}

TEST(AddonPlan, AtRestIsNoWork) {
  World world{.wanted = {wanted(kMap), wanted(kOther, Mode::ensure_exists)},
              .seen = {seen(Sight::in_sync, "1"), seen(Sight::in_sync, "2", false)}};
  world.has({entry(kMap, "1")});
  EXPECT_FALSE(world.planned().is_work());
}

TEST(AddonPlan, WithoutAnythingIsNoWork) {
  World world;
  EXPECT_FALSE(world.planned().is_work());
}

TEST(AddonPlan, RecordsTheUidsOnceItHasApplied) {
  World world{.wanted = {wanted(kMap)}, .seen = {seen(Sight::in_sync, "1")}};
  world.has({entry(kMap, "")});
  auto const plan = world.planned();
  EXPECT_THAT(plan.apply, IsEmpty());
  ASSERT_TRUE(plan.record);
  EXPECT_THAT(plan.record->entries, ElementsAre(entry(kMap, "1")));
  EXPECT_EQ(plan.record->resource_version, "7");
}

TEST(AddonPlan, AppliesWhatHasDriftedAndLeavesConflicts) {
  World world{.wanted = {wanted(kMap), wanted(kOther)},
              .seen = {seen(Sight::differs, "1"), seen(Sight::conflicted, "2")}};
  world.has({entry(kMap, "1"), entry(kOther, "2")});
  auto const plan = world.planned();
  EXPECT_THAT(plan.apply, ElementsAre(0u));
  EXPECT_FALSE(plan.record);
}

TEST(AddonPlan, DoesNotListWhatItHasNeverApplied) {
  World world{.wanted = {wanted(kMap)}, .seen = {seen(Sight::conflicted, "2", false)}};
  world.has({});
  EXPECT_FALSE(world.planned().is_work());
}

TEST(AddonPlan, KeepsTheUidOfWhatCannotBeSeen) {
  World world{.wanted = {wanted(kMap)}, .seen = {seen(Sight::unknown, "", false)}};
  world.has({entry(kMap, "1")});
  EXPECT_FALSE(world.planned().is_work());
}

TEST(AddonPlan, PrunesOnceAllThatIsWantedIsThere) {
  struct Case {
    Sight sight;
    bool prunes;
  };
  for (auto const& [sight, prunes] :
       {Case{Sight::in_sync, true}, Case{Sight::conflicted, true}, Case{Sight::absent, false},
        Case{Sight::differs, false}, Case{Sight::rejected, false}, Case{Sight::unserved, false},
        Case{Sight::deleting, false}, Case{Sight::unknown, false}}) {
    World world{.wanted = {wanted(kMap)},
                .seen = {seen(sight, "1")},
                .left = {{entry(kOther, "2"), Remains::ours}}};
    world.has({entry(kMap, "1"), entry(kOther, "2")});
    EXPECT_EQ(world.planned().prune.size(), prunes ? 1u : 0u) << static_cast<int>(sight);
  }
}

TEST(AddonPlan, PrunesOnlyWhatIsItsOwn) {
  struct Case {
    Remains remains;
    bool prunes, stays_listed;
  };
  for (auto const& each :
       {Case{Remains::ours, true, true}, Case{Remains::somebody_elses, false, false},
        Case{Remains::gone, false, false}, Case{Remains::deleting, false, true},
        Case{Remains::unknown, false, true}}) {
    World world{.left = {{entry(kOther, "2"), each.remains}}};
    world.has({entry(kOther, "2")});
    auto const plan = world.planned();
    EXPECT_EQ(plan.prune.size(), each.prunes ? 1u : 0u) << static_cast<int>(each.remains);
    EXPECT_EQ(!plan.record, each.stays_listed) << static_cast<int>(each.remains);
  }
}

TEST(AddonPlan, NeverPrunesAnObjectThatIsWantedUnderAnotherName) {
  World world{.wanted = {wanted({"events.k8s.io", "Event", "x", "e"})},
              .seen = {seen(Sight::in_sync, "1")},
              .left = {{entry({"", "Event", "x", "e"}, "1"), Remains::ours}}};
  world.has({entry({"", "Event", "x", "e"}, "1")});
  EXPECT_THAT(world.planned().prune, IsEmpty());
}

TEST(AddonPlan, LeavesNamespacesAndDefinitionsAndWhatIsOnlyToExist) {
  Inventory const recorded{.addon = "dns",
                           .claim = {},
                           .entries = {entry(kSpace, "1"), entry(kDefinition, "2"),
                                       entry(kMap, "3"), entry(kOther, "4")}};
  EXPECT_THAT(recorded_and_unwanted({wanted(kMap, Mode::ensure_exists)}, recorded),
              ElementsAre(entry(kOther, "4")));
}

TEST(AddonPlan, WaitsForADefinitionAndForHooksBackends) {
  World world{
      .wanted = {wanted(kDefinition), wanted({"example.com", "Widget", "x", "w"}), wanted(kHook)},
      .seen = {seen(Sight::in_sync, "1"), seen(Sight::unserved, "", false),
               seen(Sight::absent, "", false)},
      .left = {{entry(kOther, "2"), Remains::ours}}};
  world.has({});
  auto const plan = world.planned();
  EXPECT_THAT(plan.apply, IsEmpty());
  EXPECT_THAT(plan.wait, ElementsAre(1u, 2u));
  EXPECT_THAT(plan.prune, IsEmpty());
}

TEST(AddonPlan, HeldBackDoesNothing) {
  World world{.wanted = {wanted(kMap)},
              .seen = {seen(Sight::absent, "", false)},
              .left = {{entry(kOther, "2"), Remains::ours}}};
  world.has({entry(kOther, "2")});
  world.recorded->claim = claim(Origin::packaged, "2.0", 0, "other");
  auto const plan = world.planned();
  EXPECT_EQ(plan.standing, Standing::held_back);
  EXPECT_FALSE(plan.is_work());
}

TEST(AddonInventory, ReadsWhatItWrites) {
  Inventory const inventory{
      .addon = "dns",
      .claim = claim(Origin::packaged, "1.0 1.36", 3, "abc"),
      .entries = {entry(kMap, "1"), entry(kSpace, ""), entry(kDefinition, "2")},
      .resource_version = "9"};
  auto const object = inventory_object(inventory);
  ASSERT_TRUE(object);
  auto const read = read_inventory(*object);
  ASSERT_TRUE(read) << read.error().message.text;
  EXPECT_EQ(read->addon, "dns");
  EXPECT_EQ(read->claim, inventory.claim);
  EXPECT_EQ(read->resource_version, "9");
  EXPECT_THAT(read->entries,
              ElementsAre(entry(kMap, "1"), entry(kSpace, ""), entry(kDefinition, "2")));
}

TEST(AddonInventory, RefusesWhatSomebodyHasChanged) {
  auto const good = inventory_object(
      {.addon = "dns", .claim = claim(Origin::packaged, "1", 3, "abc"), .entries = {}});
  ASSERT_TRUE(good);
  auto with = [&](auto change) {
    auto object = *good;
    change(object);
    return read_inventory(object).has_value();
  };
  EXPECT_TRUE(with([](Tree&) {}));
  EXPECT_FALSE(with([](Tree& o) { o["metadata"].set("name", "haagent-addon-other"); }));
  EXPECT_FALSE(with([](Tree& o) { o["metadata"].erase("labels"); }));
  EXPECT_FALSE(with([](Tree& o) { o.erase("data"); }));
  for (auto const* key : {"schema", "source", "since", "objects"})
    EXPECT_FALSE(with([&](Tree& o) { o["data"].set(key, "?"); })) << key;
  EXPECT_FALSE(with([](Tree& o) { o["data"].set("objects", R"([{"kind":"ConfigMap"}])"); }));
}

TEST(AddonInventory, HasABound) {
  Inventory inventory{.addon = "dns", .claim = {}, .entries = {}};
  for (int i = 0; i < 6000; ++i)
    inventory.entries.push_back(entry(
        {"", "ConfigMap", std::string(63, 'x'), fmt::format("{:050}", i)}, std::string(36, '0')));
  EXPECT_FALSE(inventory_object(inventory));
}

}  // namespace
}  // namespace haagent::bootstrap::addons
