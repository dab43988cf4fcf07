#include "bootstrap/addons/inventory.h"

#include <algorithm>
#include <array>

#include "agent/base/json.h"
#include "bootstrap/addons/answers.h"

namespace haagent::bootstrap::addons {
namespace {

struct OriginWord {
  Origin origin;
  std::string_view word;
};
constexpr std::array kOrigins = {OriginWord{Origin::built_in, "built-in"},
                                 OriginWord{Origin::packaged, "packaged"},
                                 OriginWord{Origin::store, "store"}, OriginWord{Origin::off, "off"},
                                 OriginWord{Origin::gone, "gone"}};

Tree to_tree(InventoryEntry const& entry) {
  auto tree = Tree::map();
  tree.set("apiVersion", api_version(entry.id.group, entry.version));
  tree.set("kind", entry.id.kind);
  if (!entry.id.space.empty()) tree.set("namespace", entry.id.space);
  tree.set("name", entry.id.name);
  if (!entry.uid.empty()) tree.set("uid", entry.uid);
  return tree;
}

Result<InventoryEntry> read_entry(Tree const& tree) {
  auto const api = tree.text_at("apiVersion");
  auto const slash = api.find('/');
  InventoryEntry entry{.id = {.group = slash == api.npos ? "" : api.substr(0, slash),
                              .kind = tree.text_at("kind"),
                              .space = tree.text_at("namespace"),
                              .name = tree.text_at("name")},
                       .version = slash == api.npos ? api : api.substr(slash + 1),
                       .uid = tree.text_at("uid")};
  if (entry.version.empty() || entry.id.kind.empty() || entry.id.name.empty())
    return fail(Kind::invalid, "an object of it has no apiVersion, kind or name");
  return entry;
}

}  // namespace

std::string_view to_string(Origin origin) {
  return std::ranges::find(kOrigins, origin, &OriginWord::origin)->word;
}

std::optional<Origin> parse_origin(std::string_view text) {
  auto const found = std::ranges::find(kOrigins, text, &OriginWord::word);
  return found == kOrigins.end() ? std::nullopt : std::optional(found->origin);
}

std::string inventory_name(std::string_view addon) {
  return fmt::format("haagent-addon-{}", addon);
}

Result<Tree> inventory_object(Inventory const& inventory) {
  std::string objects = "[";
  for (auto const& entry : inventory.entries) {
    if (objects.size() > 1) objects += ",\n";
    objects += json::print(to_tree(entry));
  }
  objects += "]";
  if (objects.size() > kLargestInventory)
    return fail(Kind::invalid, Reason::AddonInvalid,
                "the list of its objects is larger than {} KiB; make several add-ons of it",
                kLargestInventory >> 10u);
  auto const& claim = inventory.claim;
  auto metadata = Tree::map({{"name", inventory_name(inventory.addon)},
                             {"namespace", kInventoryNamespace},
                             {"labels", Tree::map({{kInventoryLabel, inventory.addon}})}});
  if (!inventory.resource_version.empty())
    metadata.set("resourceVersion", inventory.resource_version);
  return Tree::map({{"apiVersion", "v1"},
                    {"kind", "ConfigMap"},
                    {"metadata", std::move(metadata)},
                    {"data", Tree::map({{"schema", "1"},
                                        {"source", to_string(claim.origin)},
                                        {"version", claim.version},
                                        {"since", to_rfc3339(claim.since)},
                                        {"digest", claim.digest},
                                        {"objects", objects}})}});
}

Result<Inventory> read_inventory(Tree const& config_map) {
  auto const* labels = config_map.at_path("metadata.labels");
  auto const* data = config_map.find("data");
  Inventory inventory{.addon = labels ? labels->text_at(kInventoryLabel) : "",
                      .claim = {},
                      .entries = {},
                      .resource_version = resource_version_of(config_map)};
  auto const named = config_map.at_path("metadata.name");
  if (inventory.addon.empty() || !named || named->text() != inventory_name(inventory.addon))
    return fail(Kind::invalid, "its name and its label {} do not belong together", kInventoryLabel);
  if (!data || data->text_at("schema") != "1")
    return fail(Kind::invalid, "it is of a schema that this haagent does not know");
  auto const origin = parse_origin(data->text_at("source"));
  auto const since = parse_rfc3339(data->text_at("since"));
  if (!origin || !since) return fail(Kind::invalid, "it has no source or no since");
  inventory.claim = {.origin = *origin,
                     .version = data->text_at("version"),
                     .since = *since,
                     .digest = data->text_at("digest")};
  auto const objects = TRY(json::parse_strict(data->text_at("objects")));
  if (!objects.is_list()) return fail(Kind::invalid, "its objects are no list");
  for (auto const& each : objects.items()) inventory.entries.push_back(TRY(read_entry(each)));
  std::ranges::sort(inventory.entries);
  return inventory;
}

}  // namespace haagent::bootstrap::addons
