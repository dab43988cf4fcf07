// The document "pki/encryption.json" of the state store: with which keys the apiservers encrypt the
// secrets that they keep in etcd, and how far a change of the key is. Each apiserver must be able
// to read a key before any of them writes with it, so a change goes through all masters twice.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"
#include "agent/base/secret.h"
#include "agent/base/state_store.h"

namespace haagent::bootstrap::encryption {

inline constexpr std::string_view kDocument = "pki/encryption.json";
// As EncryptionConfiguration calls what encrypts nothing.
inline constexpr std::string_view kIdentity = "identity";

struct Key {
  std::string name;  // "key-1": ciphertext in etcd names it
  Secret secret;     // 32 bytes in base64
};

struct Keys {
  // Oldest first. Old ones stay: a backup holds what they have encrypted.
  std::vector<Key> keys;
  std::string target;     // what is to encrypt, a key's name or identity
  std::string writes;     // what encrypts now
  std::string rewritten;  // what encrypted when every secret was last written again
  // What each master's apiserver has loaded, as loaded_text() says it, by its member's name.
  std::map<std::string, std::string> loaded;
};

// Each secret is encrypted by `target`, and no step is left.
bool is_settled(Keys const& keys);
// What encrypts and what can be read, in short: what a master reports.
std::string loaded_text(Keys const& keys);
// Those of the masters that have not loaded it.
std::set<std::string> waiting_for(Keys const& keys, std::set<std::string> const& masters);

// The document in the store and its version; nothing where there is none.
struct StoredKeys {
  Keys keys;
  std::string version;  // for replace()
};
Result<std::optional<StoredKeys>> read_keys(StateStore& store, std::stop_token stop);

// The document of a new cluster: one key, and nothing to write again.
Keys first_keys(Secret secret);
// Of a cluster whose secrets were never encrypted.
Keys not_encrypted();
// A change that begins now: to a new key, or to no encryption. The keys must be settled.
Keys with_new_key(Keys keys, Secret secret);
Keys without_encryption(Keys keys);

std::string to_text(Keys const& keys);
// Errors (invalid) where it is no such document, or where its parts do not fit together.
Result<Keys> parse_keys(std::string_view text);

// The apiserver's EncryptionConfiguration: what encrypts stands first, identity is always read.
std::string to_configuration(Keys const& keys);

}  // namespace haagent::bootstrap::encryption
