// The add-ons in the state store: addons/<name>.yaml, and a list of their digests, by which a set
// that is half uploaded is never applied.
//
//   addons/manifest  {"schema": 1, "addons": {"metrics-server": {"sha256": "..."}}}
#pragma once

#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "agent/base/state_store.h"

namespace haagent::bootstrap::addons {

inline constexpr char kDigests[] = "addons/manifest";
std::string addon_key(std::string_view name);  // "addons/metrics-server.yaml"

using Digests = std::map<std::string, std::string>;
std::string digests_text(Digests const& digests);
Result<Digests> read_digests(std::string_view text);

// What the store has, as it was read last.
class StoreSet {
 public:
  explicit StoreSet(StateStore& store) : store_(store) {}

  // Errors: the store's; invalid where the list makes no sense.
  Result<Digests> list(std::stop_token stop);
  // Errors also: conflict (AddonDigestMismatch) where it is not what the list says.
  Result<std::string> text(std::string const& name, std::string const& digest,
                           std::stop_token stop);

 private:
  StateStore& store_;
  std::map<std::string, std::string> texts_;  // by name, of the digest that was asked for last
};

// Writes add-ons, and then the list; others stay as they are. Errors: the store's; transient where
// somebody else writes the list at the same time.
Result<void> push_addons(StateStore& store, std::map<std::string, std::string> const& texts,
                         std::stop_token stop);
// Out of the list first. Errors (invalid): it is not in the list.
Result<void> remove_addon(StateStore& store, std::string const& name, std::stop_token stop);

}  // namespace haagent::bootstrap::addons
