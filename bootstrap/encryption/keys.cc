#include "bootstrap/encryption/keys.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "agent/base/base64.h"
#include "agent/base/json.h"
#include "agent/base/yaml.h"
#include "bootstrap/kube/rendered_file.h"

namespace haagent::bootstrap::encryption {
namespace {

constexpr int kSchema = 1;
constexpr std::size_t kKeyBytes = 32;  // of secretbox
constexpr std::string_view kPrefix = "key-";

// Nothing where it is no key's name.
std::optional<unsigned> number_of(std::string_view name) {
  if (!name.starts_with(kPrefix)) return std::nullopt;
  unsigned number = 0;
  auto const digits = name.substr(kPrefix.size());
  auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

bool has(Keys const& keys, std::string_view name) {
  return name == kIdentity || std::ranges::find(keys.keys, name, &Key::name) != keys.keys.end();
}

}  // namespace

bool is_settled(Keys const& keys) {
  return keys.writes == keys.target && keys.rewritten == keys.target;
}

std::string loaded_text(Keys const& keys) {
  std::vector<std::string> names;
  for (auto const& key : keys.keys) names.push_back(key.name);
  return fmt::format("{} of {}", keys.writes, fmt::join(names, ","));
}

std::set<std::string> waiting_for(Keys const& keys, std::set<std::string> const& masters) {
  std::set<std::string> waiting;
  auto const text = loaded_text(keys);
  for (auto const& master : masters) {
    auto const claim = keys.loaded.find(master);
    if (claim == keys.loaded.end() || claim->second != text) waiting.insert(master);
  }
  return waiting;
}

Result<std::optional<StoredKeys>> read_keys(StateStore& store, std::stop_token stop) {
  auto const key = std::string(kDocument);
  auto object = TRY_DURING(store.get(key, std::move(stop)), "asking for {}", key);
  if (!object) return std::nullopt;
  auto keys = TRY_DURING(parse_keys(object->bytes), "{} of {}", key, store.where());
  return StoredKeys{std::move(keys), object->version};
}

Keys not_encrypted() {
  auto const none = std::string(kIdentity);
  return {.keys = {}, .target = none, .writes = none, .rewritten = none, .loaded = {}};
}

Keys first_keys(Secret secret) {
  auto const name = fmt::format("{}1", kPrefix);
  Keys keys{.keys = {}, .target = name, .writes = name, .rewritten = name, .loaded = {}};
  keys.keys.push_back({name, std::move(secret)});
  return keys;
}

Keys with_new_key(Keys keys, Secret secret) {
  unsigned highest = 0;
  for (auto const& key : keys.keys) highest = std::max(highest, number_of(key.name).value_or(0));
  keys.target = fmt::format("{}{}", kPrefix, highest + 1);
  keys.keys.push_back({keys.target, std::move(secret)});
  return keys;
}

Keys without_encryption(Keys keys) {
  keys.target = kIdentity;
  return keys;
}

std::string to_text(Keys const& keys) {
  auto list = Tree::list();
  for (auto const& key : keys.keys)
    list.push_back(Tree::map({{"name", key.name}, {"secret", key.secret.reveal()}}));
  auto loaded = Tree::map();
  for (auto const& [master, text] : keys.loaded) loaded.set(master, text);
  return json::print(Tree::map({{"schema", kSchema},
                                {"target", keys.target},
                                {"writes", keys.writes},
                                {"rewritten", keys.rewritten},
                                {"loaded", loaded},
                                {"keys", list}}),
                     /*indent=*/2);
}

Result<Keys> parse_keys(std::string_view text) {
  auto tree = TRY(json::parse(text));
  auto const* schema = tree.find("schema");
  if (!schema || schema->as_integer() != kSchema)
    return fail(Kind::invalid, "its schema is not {}: a later haagent may have written it",
                kSchema);
  Keys keys{.keys = {},
            .target = tree.text_at("target"),
            .writes = tree.text_at("writes"),
            .rewritten = tree.text_at("rewritten"),
            .loaded = {}};
  auto const* list = tree.find("keys");
  if (!list || !list->is_list()) return fail(Kind::invalid, "it has no list of keys");
  for (auto const& each : list->items()) {
    Key key{each.text_at("name"), Secret(each.text_at("secret"))};
    if (!number_of(key.name)) return fail(Kind::invalid, "a key has no name such as 'key-1'");
    if (has(keys, key.name)) return fail(Kind::invalid, "{} is in it twice", key.name);
    auto const bytes = from_base64(key.secret.reveal());
    if (!bytes || bytes->size() != kKeyBytes)
      return fail(Kind::invalid, "{} is not {} bytes in base64", key.name, kKeyBytes);
    keys.keys.push_back(std::move(key));
  }
  for (auto const& [what, name] : {std::pair("target", &keys.target),
                                   {"writes", &keys.writes},
                                   {"rewritten", &keys.rewritten}})
    if (!has(keys, *name)) return fail(Kind::invalid, "'{}' names none of its keys", what);
  if (auto const* loaded = tree.find("loaded"))
    for (auto const& [master, mark, value] : loaded->entries()) keys.loaded[master] = value.text();
  return keys;
}

std::string to_configuration(Keys const& keys) {
  auto ordered = keys.keys;
  std::ranges::reverse(ordered);  // the newest first: it is what most secrets are read with
  std::ranges::stable_partition(ordered, [&](Key const& key) { return key.name == keys.writes; });
  auto list = Tree::list();
  for (auto const& key : ordered)
    list.push_back(Tree::map({{"name", key.name}, {"secret", key.secret.reveal()}}));
  auto providers = Tree::list();
  auto const identity = Tree::map({{"identity", Tree::map()}});
  bool const encrypts = keys.writes != kIdentity;
  if (!encrypts) providers.push_back(identity);
  if (!keys.keys.empty())
    providers.push_back(Tree::map({{"secretbox", Tree::map({{"keys", list}})}}));
  if (encrypts) providers.push_back(identity);
  auto const document =
      Tree::map({{"apiVersion", "apiserver.config.k8s.io/v1"},
                 {"kind", "EncryptionConfiguration"},
                 {"resources", Tree::list({Tree::map({{"resources", Tree::list({"secrets"})},
                                                      {"providers", providers}})})}});
  return kube::yaml_file("", 0600, document).bytes;
}

}  // namespace haagent::bootstrap::encryption
