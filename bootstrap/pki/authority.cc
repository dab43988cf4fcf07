#include "bootstrap/pki/authority.h"

#include <algorithm>

#include "agent/base/json.h"
#include "bootstrap/pki/rotation.h"

namespace haagent::bootstrap::pki {
namespace {

constexpr int kChanges = 10;  // by others, while one is under way here

Result<std::optional<StoredBundle>> parse_stored(StateStore& store, std::string const& key,
                                                 std::optional<StoredObject> const& object) {
  if (!object) return std::nullopt;
  auto bundle = TRY_DURING(parse_bundle(object->bytes), "{} of {}", key, store.where());
  return StoredBundle{std::move(bundle), object->version};
}

Result<std::optional<Secret>> parse_key(StateStore& store, std::string const& key,
                                        std::optional<StoredObject> const& object) {
  if (!object) return std::nullopt;
  auto tree = TRY_DURING(json::parse(object->bytes), "{} of {}", key, store.where());
  Secret secret(tree.text_at("key"));
  TRY_DURING(public_key_of(secret), "{} of {}", key, store.where());
  return secret;
}

// Creates the object unless it is there, and reads it back. What was made here and what others made
// are told apart by nobody: the store's is the one that counts, also where an answer was lost.
template <class Parse, class Make>
auto read_or_make(StateStore& store, std::string const& key, Parse parse, Make make,
                  MayMake const& may, std::stop_token const& stop)
    -> Result<typename decltype(parse(store, key, {}))::value_type::value_type> {
  for (bool made = false;; made = true) {
    auto object = TRY(store.get(key, stop));
    auto parsed = TRY(parse(store, key, object));
    if (parsed) return *std::move(parsed);
    if (made) return fail(Kind::transient, "{} of {} was there and is gone", key, store.where());
    if (may) TRY(may());
    auto bytes = TRY(make());
    TRY(store.create(key, bytes, stop));
  }
}

Result<Ca> make_new_ca(Authority const& authority, Making const& making, UtcTime now) {
  auto pair =
      TRY(make_ca({std::string(authority.common_name), making.organization}, now, making.lifetime));
  auto certificate = TRY(parse_certificate(pair.certificate));
  return Ca{certificate.key_id, now, std::move(pair)};
}

}  // namespace

std::string document_key(std::string_view name) {
  return fmt::format("pki/{}.json", name);
}

Result<std::optional<StoredBundle>> read_authority(StateStore& store, std::string_view name,
                                                   std::stop_token stop) {
  auto const key = document_key(name);
  auto object = TRY(store.get(key, std::move(stop)));
  return parse_stored(store, key, object);
}

Result<StoredBundle> read_or_make_authority(StateStore& store, Authority const& authority,
                                            Making const& making, UtcTime now, std::stop_token stop,
                                            MayMake const& may) {
  auto make = [&]() -> Result<std::string> {
    auto ca = TRY(make_new_ca(authority, making, now));
    Bundle bundle{.signing = ca.id, .cas = {}, .loaded = {}};
    bundle.cas.push_back(std::move(ca));
    return to_text(bundle);
  };
  return read_or_make(store, document_key(authority.name), parse_stored, make, may, stop);
}

Result<Bundle> begin_rotation(StateStore& store, Authority const& authority, Making const& making,
                              UtcTime now, std::stop_token stop) {
  auto ca = TRY(make_new_ca(authority, making, now));
  auto const key = document_key(authority.name);
  std::optional<Error> lost;
  for (int i = 0; i < kChanges; ++i) {
    auto stored = TRY(read_authority(store, authority.name, stop));
    if (!stored)
      return fail(Kind::refused, Reason::AuthorityMissing,
                  "{} has no {}: the first master makes it", store.where(), key);
    auto const& bundle = stored->bundle;
    if (std::ranges::find(bundle.cas, ca.id, &Ca::id) != bundle.cas.end())
      return bundle;  // the answer was lost
    if (lost) return std::unexpected(*lost);
    if (is_under_way(bundle))
      return std::unexpected(
          Error(Kind::refused, Message(Reason::RotationUnderWay,
                                       fmt::format("a rotation of {} is under way ({})",
                                                   authority.name, to_string(bundle.stage)),
                                       "'haagent pki status' says for what it waits")));
    auto old = TRY(parse_certificate(signing_ca(bundle).pair.certificate));
    if (old.not_after <= now)
      return fail(
          Kind::refused, Reason::AuthorityNotValid,
          "the authority in {} expired on {}, so that no master trusts another one any more; "
          "a rotation cannot repair that",
          key, to_rfc3339(old.not_after));
    auto changed = begun(bundle, ca);
    auto replaced = store.replace(key, to_text(changed), stored->version, stop);
    if (replaced && *replaced) return changed;
    if (!replaced && replaced.error().kind != Kind::transient)
      return fail(replaced.error(), "changing {}", key);
    if (!replaced) lost = replaced.error();
  }
  return fail(Kind::transient, Reason::Conflict, "{} of {} is changed all the time", key,
              store.where());
}

Result<void> may_make_anew(Root const& root, StateStore const& store, std::string_view name,
                           char const* path) {
  std::error_code ignored;
  if (!std::filesystem::exists(root(path), ignored)) return {};
  return std::unexpected(Error(
      Kind::refused,
      Message(Reason::AuthorityMissing,
              fmt::format("{} is not in {}, and this master has {} of it: a new one would part it "
                          "from the rest",
                          document_key(name), store.where(), path),
              "bring the document back (a versioned bucket has it), or set cluster.state to where "
              "it is")));
}

Result<std::optional<Secret>> read_service_account_key(StateStore& store, std::stop_token stop) {
  auto const key = document_key(kServiceAccount);
  auto object = TRY(store.get(key, std::move(stop)));
  return parse_key(store, key, object);
}

Result<Secret> read_or_make_service_account_key(StateStore& store, std::stop_token stop,
                                                MayMake const& may) {
  auto make = []() -> Result<std::string> {
    auto key = TRY(make_rsa_key());
    return json::print(Tree::map({{"schema", 1}, {"key", key.reveal()}}), /*indent=*/2);
  };
  return read_or_make(store, document_key(kServiceAccount), parse_key, make, may, stop);
}

}  // namespace haagent::bootstrap::pki
