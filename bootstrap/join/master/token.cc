#include "bootstrap/join/master/token.h"

#include <algorithm>

#include "agent/aws/arn.h"
#include "agent/base/cidr.h"
#include "agent/base/one_line.h"
#include "bootstrap/join/exchange/binding.h"

namespace haagent::bootstrap::join {
namespace {

constexpr std::string_view kAws = "https://sts.amazonaws.com/";  // the key of AWS' own claims
constexpr std::size_t kWord = 2048;                              // an ARN is no longer
// Seconds that a Unix time may have; far from where UtcTime, which counts nanoseconds, ends in
// 2262.
constexpr std::int64_t kLastSecond = 4'102'444'799;  // 2099-12-31T23:59:59Z

std::unexpected<Error> invalid_token(std::string_view why) {
  return fail(Kind::denied, Reason::JoinTokenInvalid, "the token {}", why);
}

std::string word_at(Tree const& map, std::string_view key) {
  auto const* value = map.find(key);
  bool const is_word =
      value && value->is_string() && value->text().size() <= kWord &&
      std::ranges::all_of(value->text(), [](char c) { return c > ' ' && c < '\x7f'; });
  return is_word ? value->text() : "";
}

std::optional<UtcTime> time_at(Tree const& map, std::string_view key) {
  auto const* value = map.find(key);
  bool const is_number = value && value->type() == Tree::Type::number;
  auto const seconds = is_number ? value->as_integer() : std::nullopt;
  if (!seconds || *seconds <= 0 || *seconds > kLastSecond) return std::nullopt;
  return UtcTime(std::chrono::seconds(*seconds));
}

}  // namespace

Result<TokenClaims> read_claims(Tree const& claims) {
  TokenClaims read{.issuer = word_at(claims, "iss"), .id = word_at(claims, "jti")};
  auto const issued = time_at(claims, "iat"), expires = time_at(claims, "exp");
  if (read.issuer.empty() || read.id.empty() || !issued || !expires)
    return invalid_token("has no issuer, id or times");
  read.issued = *issued;
  read.expires = *expires;
  if (auto const* audience = claims.find("aud"); audience && audience->is_list())
    for (auto const& each : audience->items()) read.audience.push_back(each.text());
  else
    read.audience = {word_at(claims, "aud")};

  auto const* own = claims.find(kAws);
  if (!own || !own->is_map()) return invalid_token("has none of AWS' claims");
  // arn:aws:iam::123456789012:role/path/NAME
  auto const role = aws::parse_arn(word_at(claims, "sub"));
  if (!role || role->service != "iam" || !role->region.empty() ||
      !role->resource.starts_with("role/") || role->resource.ends_with('/'))
    return fail(Kind::denied, Reason::CallerNotInstance, "the token is of '{}', which is no role",
                one_line(word_at(claims, "sub"), 200));
  if (word_at(*own, "aws_account") != role->account)
    return invalid_token("names another account than its role has");
  // arn:aws:ec2:eu-west-1:123456789012:instance/i-0123456789abcdef0
  constexpr std::string_view kInstance = "instance/";
  auto const instance = aws::parse_arn(word_at(*own, "ec2_source_instance_arn"));
  if (!instance || instance->service != "ec2" || !instance->resource.starts_with(kInstance))
    return fail(Kind::denied, Reason::CallerNotInstance, "the token is of no instance");
  if (instance->partition != role->partition || instance->account != role->account)
    return invalid_token("names an instance of another account than its role");
  read.caller = {.partition = role->partition,
                 .account = role->account,
                 .role = role->resource.substr(role->resource.rfind('/') + 1),
                 .session = instance->resource.substr(kInstance.size())};
  read.region = instance->region;
  read.address = word_at(*own, "ec2_instance_source_private_ipv4");
  read.delivery = own->text_at("ec2_role_delivery");
  if (auto const* tags = own->find("request_tags")) read.binding = word_at(*tags, kTokenTag);
  return read;
}

Result<void> check_token(TokenClaims const& claims, std::string_view issuer, Cluster const& cluster,
                         Ask const& ask, UtcTime now) {
  if (claims.issuer != issuer)
    return invalid_token(fmt::format("is of the issuer {}, and cluster.tokenIssuer is {}",
                                     one_line(claims.issuer, 200), issuer));
  if (claims.audience != std::vector<std::string>{token_audience(cluster.name)})
    return invalid_token("is for another audience than this cluster's");
  if (claims.binding != worker_header(ask).value)
    return invalid_token("was made for another request");
  if (claims.region != cluster.region)
    return invalid_token(fmt::format("is of an instance in {}, and this cluster is in {}",
                                     one_line(claims.region, 40), cluster.region));
  // "2" in AWS' documentation, "2.0" as it is seen.
  if (claims.delivery != "2" && claims.delivery != "2.0")
    return invalid_token("is of credentials that IMDSv2 did not hand out");
  if (claims.expires - claims.issued > kTokenLife)
    return invalid_token(fmt::format("lives longer than {}", to_words(kTokenLife)));
  auto const age = std::chrono::duration_cast<std::chrono::seconds>(now - claims.issued);
  // It may have ended by this master's clock and be good all the same, as a signature may be old:
  // the nonce says that it was made for this connection, and it is used once.
  if (std::chrono::abs(age) > kProofAge || claims.expires < claims.issued)
    return fail(Kind::denied, Reason::JoinProofStale,
                "the token was made {} s {} this master's time: one of the two clocks is wrong",
                std::chrono::abs(age).count(), age.count() > 0 ? "before" : "after");
  return {};
}

Result<void> check_token_address(TokenClaims const& claims, aws::Instance const& instance) {
  if (claims.address.empty() && instance.ipv4.empty()) return {};
  if (is_same_address(claims.address, instance.ipv4)) return {};
  return fail(Kind::denied, Reason::CallerAddressDiffers,
              "the token is of an instance at '{}', and {} has {}", one_line(claims.address, 40),
              instance.id, instance.ipv4);
}

}  // namespace haagent::bootstrap::join
