#include "bootstrap/addons/since.h"

#include "agent/base/json.h"

namespace haagent::bootstrap::addons {

std::string claims_text(Claims const& claims) {
  auto addons = Tree::map();
  for (auto const& [name, claim] : claims)
    addons.set(name, Tree::map({{"source", to_string(claim.origin)},
                                {"version", claim.version},
                                {"since", to_rfc3339(claim.since)},
                                {"digest", claim.digest}}));
  return json::print(Tree::map({{"schema", 1}, {"addons", std::move(addons)}}), 2);
}

Result<Claims> read_claims(std::string_view text) {
  auto const tree = TRY(json::parse_strict(text));
  auto const* addons = tree.find("addons");
  if (tree.text_at("schema") != "1" || !addons) return fail(Kind::invalid, "it is no such record");
  Claims claims;
  for (auto const& [name, mark, addon] : addons->entries()) {
    auto const origin = parse_origin(addon.text_at("source"));
    auto const since = parse_rfc3339(addon.text_at("since"));
    if (!origin || !since) return fail(Kind::invalid, "its part '{}' is no claim", name);
    claims[name] = {.origin = *origin,
                    .version = addon.text_at("version"),
                    .since = *since,
                    .digest = addon.text_at("digest")};
  }
  return claims;
}

Claim dated(Claim claim, Claims const& earlier, std::string const& addon, UtcTime now) {
  auto const was = earlier.find(addon);
  bool const is_same = was != earlier.end() && was->second.origin == claim.origin &&
                       was->second.digest == claim.digest;
  // Whole seconds, as they are written.
  claim.since = is_same ? was->second.since : std::chrono::floor<std::chrono::seconds>(now);
  return claim;
}

}  // namespace haagent::bootstrap::addons
