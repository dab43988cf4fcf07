// What people write into manifests, what the state store and this machine's disk say of add-ons,
// and what the apiserver says of objects: what is applied and deleted hangs by all of them.
#include "agent/base/json.h"
#include "bootstrap/addons/answers.h"
#include "bootstrap/addons/choice.h"
#include "bootstrap/addons/discovery.h"
#include "bootstrap/addons/inventory.h"
#include "bootstrap/addons/manifest.h"
#include "bootstrap/addons/since.h"
#include "bootstrap/addons/store_set.h"
#include "bootstrap/node_labels/decision.h"
#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"

namespace haagent::fuzz {
namespace {

using namespace bootstrap::addons;

void hold_manifest(std::string_view bytes) {
  auto const objects = parse_manifest(bytes, {{"region", "eu-west-1"}});
  if (!objects) return hold_error(objects.error(), {Kind::invalid});
  hold(objects->size() <= kMostObjects, "a manifest has a bound");
  for (auto const& each : *objects) {
    Resource const resource{each.id.group, each.version, each.id.kind, "things",
                            !each.id.space.empty()};
    auto const path = object_path(resource, each.id);
    hold(path.find_first_of(" ?#%\n") == path.npos, "a path is a path");
    hold(path.ends_with("/things/" + each.id.name), "a name is one part of a path");
    hold(json::parse(json::print(each.object)).has_value(), "an object can be sent");
  }
}

void hold_inventory(Tree const& tree) {
  auto const inventory = read_inventory(tree);
  if (!inventory) return hold_error(inventory.error(), {Kind::invalid});
  auto const object = inventory_object(*inventory);
  if (!object) return hold_error(object.error(), {Kind::invalid});
  auto const again = read_inventory(*object);
  hold(again && again->claim == inventory->claim && again->entries == inventory->entries,
       "an inventory that is written reads as the same");
}

}  // namespace

void addon_texts(std::string_view bytes) {
  hold_manifest(bytes);
  if (auto digests = read_digests(bytes)) {
    auto const again = read_digests(digests_text(*digests));
    hold(again && *again == *digests, "a list of digests that is written reads as the same");
    for (auto const& [name, digest] : *digests)
      hold(check_key(addon_key(name)).has_value(), "an add-on's name makes a key");
  }
  if (auto claims = read_claims(bytes)) {
    auto const again = read_claims(claims_text(*claims));
    hold(again && again->size() == claims->size(), "claims that are written read as the same");
  }
  auto const tree = json::parse(bytes);
  if (!tree) return;
  hold_inventory(*tree);
  if (auto conflicts = read_conflicts(*tree)) {
    hold(!conflicts->empty(), "a conflict has a field");
    for (auto const& each : *conflicts)
      hold(!each.field.empty() && !each.manager.empty(), "a conflict has a manager");
  }
  hold(differences(*tree, *tree).empty(), "nothing differs from itself");
  hold(differences(Tree::map(), *tree).size() <= kMostDifferences + 1, "differences have a bound");
  (void)read_resources(*tree, "g", "v1");
  (void)read_versions(*tree);
  (void)is_established(*tree);
  (void)bootstrap::node_labels::decide_labels(*tree, "haagent", {{"a", "b"}});
  (void)bootstrap::node_labels::decide_taints(*tree, {{"a", "b", "NoSchedule"}});
}

}  // namespace haagent::fuzz
