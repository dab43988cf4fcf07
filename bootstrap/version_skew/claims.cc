#include "bootstrap/version_skew/claims.h"

#include <algorithm>
#include <tuple>

#include "agent/base/json.h"

namespace haagent::bootstrap::version_skew {
namespace {

std::string key_of(std::string_view member) {
  return fmt::format("{}{}", kClaims, member);
}

std::string end_of_claims() {
  std::string end(kClaims);
  ++end.back();
  return end;
}

}  // namespace

std::string claim_text(KubeVersion const& version) {
  return json::print(Tree::map({{"schema", 1}, {"version", to_string(version)}}));
}

Result<KubeVersion> read_claim(std::string_view text) {
  auto const tree = TRY(json::parse(text));
  if (tree.text_at("schema") != "1") return fail(Kind::invalid, "its schema is not 1");
  return read_kube_version(tree.text_at("version"));
}

Result<std::vector<StoredClaim>> Claims::all(std::stop_token stop) {
  auto const found =
      TRY(etcd_.range(kClaims, end_of_claims(), Consistency::linearizable, std::move(stop)));
  std::vector<StoredClaim> claims;
  for (auto const& [key, value, revision] : found) {
    StoredClaim claim{
        .member = key.substr(kClaims.size()), .version = std::nullopt, .revision = revision};
    if (auto version = read_claim(value))
      claim.version = *std::move(version);
    else
      claim.unreadable = version.error().message.sentence();
    claims.push_back(std::move(claim));
  }
  return claims;
}

// Each of them as it was seen, and none that was written after the last of them.
Result<bool> Claims::write(std::vector<StoredClaim> const& seen, std::string const& member,
                           KubeVersion const& version, std::stop_token stop) {
  std::vector<EtcdCondition> conditions;
  std::uint64_t last = 0;
  for (auto const& each : seen) {
    conditions.push_back({.key = key_of(each.member), .mod_revision = each.revision});
    last = std::max(last, each.revision);
  }
  conditions.push_back({.key = std::string(kClaims), .mod_revision = last, .end = end_of_claims()});
  return etcd_.transact(conditions, {{.key = key_of(member), .value = claim_text(version)}},
                        std::move(stop));
}

Result<bool> Claims::remove(StoredClaim const& seen, std::stop_token stop) {
  auto const key = key_of(seen.member);
  return etcd_.transact({{.key = key, .mod_revision = seen.revision}}, {{.key = key}},
                        std::move(stop));
}

std::optional<KubeVersion> lowest(std::vector<StoredClaim> const& claims) {
  std::optional<KubeVersion> lowest;
  for (auto const& each : claims)
    if (each.version && (!lowest || std::tie(each.version->minor, each.version->patch) <
                                        std::tie(lowest->minor, lowest->patch)))
      lowest = each.version;
  return lowest;
}

}  // namespace haagent::bootstrap::version_skew
