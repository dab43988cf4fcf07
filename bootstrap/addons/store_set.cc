#include "bootstrap/addons/store_set.h"

#include <algorithm>

#include "agent/base/json.h"
#include "agent/base/sha256.h"
#include "bootstrap/addons/choice.h"
#include "bootstrap/addons/manifest.h"

namespace haagent::bootstrap::addons {
namespace {

bool is_digest(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == text.npos;
}

struct StoredDigests {
  Digests digests;
  std::string version;  // empty: there is no list yet
};

Result<StoredDigests> stored_digests(StateStore& store, std::stop_token const& stop) {
  auto const found = TRY(store.get(kDigests, stop));
  if (!found) return StoredDigests{};
  return StoredDigests{
      .digests = TRY_DURING(read_digests(found->bytes), "{} in {}", kDigests, store.where()),
      .version = found->version};
}

}  // namespace

std::string addon_key(std::string_view name) {
  return fmt::format("addons/{}.yaml", name);
}

std::string digests_text(Digests const& digests) {
  auto addons = Tree::map();
  for (auto const& [name, digest] : digests) addons.set(name, Tree::map({{"sha256", digest}}));
  return json::print(Tree::map({{"schema", 1}, {"addons", std::move(addons)}}), 2);
}

Result<Digests> read_digests(std::string_view text) {
  auto const tree = TRY(json::parse_strict(text));
  auto const* addons = tree.find("addons");
  if (tree.text_at("schema") != "1" || !addons || !addons->is_map())
    return fail(Kind::invalid, "it is no list of add-ons' digests");
  Digests digests;
  for (auto const& [name, mark, addon] : addons->entries()) {
    if (!is_addon_name(name) || !is_digest(addon.text_at("sha256")))
      return fail(Kind::invalid, "its line '{}' has no name or no digest of an add-on", name);
    digests[name] = addon.text_at("sha256");
  }
  return digests;
}

Result<Digests> StoreSet::list(std::stop_token stop) {
  auto stored = TRY(stored_digests(store_, stop));
  std::erase_if(texts_, [&](auto const& each) { return !stored.digests.contains(each.first); });
  return std::move(stored.digests);
}

Result<std::string> StoreSet::text(std::string const& name, std::string const& digest,
                                   std::stop_token stop) {
  if (auto const known = texts_.find(name);
      known != texts_.end() && sha256_hex(known->second) == digest)
    return known->second;
  auto found = TRY(store_.get(addon_key(name), std::move(stop)));
  if (!found || sha256_hex(found->bytes) != digest)
    return fail(Kind::conflict, Reason::AddonDigestMismatch, "{} in {} is not what {} says",
                addon_key(name), store_.where(), kDigests);
  return texts_[name] = std::move(found->bytes);
}

Result<void> push_addons(StateStore& store, std::map<std::string, std::string> const& texts,
                         std::stop_token stop) {
  auto stored = TRY(stored_digests(store, stop));
  auto const before = stored.digests;
  for (auto const& [name, text] : texts) {
    auto const key = addon_key(name);
    auto const there = TRY(store.get(key, stop));
    if (!there || there->bytes != text)
      TRY_DURING(write_version(store, key, text, there ? there->version : "", stop), "writing {}",
                 key);
    stored.digests[name] = sha256_hex(text);
  }
  if (stored.digests == before && !stored.version.empty()) return {};
  return write_version(store, kDigests, digests_text(stored.digests), stored.version,
                       std::move(stop));
}

Result<void> remove_addon(StateStore& store, std::string const& name, std::stop_token stop) {
  auto stored = TRY(stored_digests(store, stop));
  if (stored.digests.erase(name) == 0)
    return fail(Kind::invalid, Reason::AddonMissing, "{} has no add-on '{}'", store.where(), name);
  TRY(write_version(store, kDigests, digests_text(stored.digests), stored.version, stop));
  return store.remove(addon_key(name), std::move(stop));
}

}  // namespace haagent::bootstrap::addons
