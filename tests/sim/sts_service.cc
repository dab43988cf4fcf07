#include "tests/sim/sts_service.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "tests/sim/ec2_service.h"
#include "tests/sim/region_errors.h"
#include "tests/sim/xml.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kStsActions[] = {"GetCallerIdentity", "GetWebIdentityToken"};
constexpr std::size_t kMostAudiences = 10;
constexpr std::size_t kMostTags = 50;

// As AWS words what its model of a request does not allow. `value` is "null" or in quotes.
std::unexpected<ApiError> breaks_constraint(std::string_view value, std::string_view member,
                                            std::string_view constraint) {
  return std::unexpected(
      errors::validation(fmt::format("1 validation error detected: Value {} at '{}' failed to "
                                     "satisfy constraint: Member must {}",
                                     value, member, constraint)));
}

// In UTF-8: what continues a character is none.
std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

Api<void> check_length(std::string_view value, std::string_view member, std::size_t least,
                       std::size_t most) {
  auto const length = characters(value);
  auto const quoted = fmt::format("'{}'", value);
  if (length < least) {
    return breaks_constraint(quoted, member,
                             fmt::format("have length greater than or equal to {}", least));
  }
  if (length > most) {
    return breaks_constraint(quoted, member,
                             fmt::format("have length less than or equal to {}", most));
  }
  return {};
}

// Letters, digits, spaces and a few signs; a character beyond ASCII is taken for a letter.
Api<void> check_tag_characters(std::string_view value, std::string_view member) {
  bool const good = std::ranges::all_of(value, [](char c) {
    return (c & 0x80) != 0 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || std::string_view(" _.:/=+-@").find(c) != std::string::npos;
  });
  if (good) return {};
  return breaks_constraint(fmt::format("'{}'", value), member,
                           R"(satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+)");
}

Api<std::vector<std::string>> audiences_of(Form const& form) {
  auto audiences = form.texts("Audience.member");
  if (audiences.empty()) return breaks_constraint("null", "audience", "not be null");
  if (audiences.size() > kMostAudiences) {
    return breaks_constraint(fmt::format("'[{}]'", fmt::join(audiences, ", ")), "audience",
                             fmt::format("have length less than or equal to {}", kMostAudiences));
  }
  for (auto const& audience : audiences) {
    if (auto good = check_length(audience, "audience", 1, 1000); !good)
      return std::unexpected(good.error());
  }
  return audiences;
}

Api<std::chrono::seconds> duration_of(Form const& form) {
  auto const number = form.number("DurationSeconds");
  if (!number) return std::unexpected(errors::validation(number.error().message));
  std::chrono::seconds const duration(number->value_or(300));
  auto const quoted = fmt::format("'{}'", duration.count());
  if (duration < 60s)
    return breaks_constraint(quoted, "durationSeconds", "have value greater than or equal to 60");
  if (duration > 3600s)
    return breaks_constraint(quoted, "durationSeconds", "have value less than or equal to 3600");
  return duration;
}

Api<SigningAlgorithm> algorithm_of(Form const& form) {
  auto const name = form.find("SigningAlgorithm");
  if (!name) return breaks_constraint("null", "signingAlgorithm", "not be null");
  for (auto const algorithm : {SigningAlgorithm::rs256, SigningAlgorithm::es384}) {
    if (to_string(algorithm) == *name) return algorithm;
  }
  return breaks_constraint(fmt::format("'{}'", *name), "signingAlgorithm",
                           "satisfy enum value set: [RS256, ES384]");
}

Api<Tags> token_tags(Form const& form) {
  auto const items = form.items("Tags.member");
  if (items.size() > kMostTags) {
    return breaks_constraint(fmt::format("of {} members", items.size()), "tags",
                             fmt::format("have length less than or equal to {}", kMostTags));
  }
  Tags tags;
  for (std::size_t i = 0; i < items.size(); ++i) {
    auto const member = fmt::format("tags.{}.member", i + 1);
    auto const key = form.find(items[i] + ".Key");
    auto const value = form.find(items[i] + ".Value");
    if (!key) return breaks_constraint("null", member + ".key", "not be null");
    if (!value) return breaks_constraint("null", member + ".value", "not be null");
    for (auto const& checked :
         {check_length(*key, member + ".key", 1, 128), check_tag_characters(*key, member + ".key"),
          check_length(*value, member + ".value", 0, 256),
          check_tag_characters(*value, member + ".value")}) {
      if (!checked) return std::unexpected(checked.error());
    }
    if (!tags.emplace(*key, *value).second)
      return std::unexpected(errors::validation("Duplicate tag keys found: " + *key));
  }
  return tags;
}

}  // namespace

struct StsService::TokenRequest {
  std::vector<std::string> audiences;
  SigningAlgorithm algorithm{};
  std::chrono::seconds duration{};
  Tags tags;
};

bool StsService::knows(std::string_view action) {
  return std::ranges::count(kStsActions, action) > 0;
}

Api<std::string> StsService::call(std::string_view action, Form const& form, Caller const& caller) {
  if (action == "GetWebIdentityToken") return get_web_identity_token(form, caller);
  Xml xml;
  xml.text("Arn", caller.arn);
  xml.text("UserId", caller.user_id);
  xml.text("Account", region_.spec().account);
  return xml.str();
}

Api<StsService::TokenRequest> StsService::token_request(Form const& form) {
  auto audiences = audiences_of(form);
  if (!audiences) return std::unexpected(audiences.error());
  auto const algorithm = algorithm_of(form);
  if (!algorithm) return std::unexpected(algorithm.error());
  auto const duration = duration_of(form);
  if (!duration) return std::unexpected(duration.error());
  auto tags = token_tags(form);
  if (!tags) return std::unexpected(tags.error());
  return TokenRequest{std::move(*audiences), *algorithm, *duration, std::move(*tags)};
}

Api<std::string> StsService::get_web_identity_token(Form const& form, Caller const& caller) {
  auto const request = token_request(form);
  if (!request) return std::unexpected(request.error());
  auto& issuer = region_.token_issuer();
  if (!issuer.is_enabled()) {
    return std::unexpected(
        ApiError{"OutboundWebIdentityFederationDisabledException", 403,
                 "Outbound web identity federation is not enabled for this account."});
  }
  auto const now = std::chrono::floor<std::chrono::seconds>(region_.api_now());
  auto const expires = now + request->duration;
  if (caller.expires && expires > *caller.expires) {
    return std::unexpected(
        ApiError{"SessionDurationEscalationException", 403,
                 "The requested token duration exceeds what is left of the caller's session."});
  }
  Xml xml;
  xml.text("WebIdentityToken", issuer.sign(request->algorithm, claims(*request, caller, now)));
  xml.text("Expiration", to_rfc3339(expires));
  return xml.str();
}

Tree StsService::claims(TokenRequest const& request, Caller const& caller, UtcTime now) const {
  auto const& spec = region_.spec();
  auto const principal = principal_of(caller);
  auto of_aws = Tree::map(
      {{"aws_account", spec.account}, {"source_region", spec.region}, {"principal_id", principal}});
  if (caller.expires) of_aws.set("original_session_exp", to_rfc3339(*caller.expires));
  if (auto const instance = region_.instance(caller.name)) {
    of_aws.set("ec2_source_instance_arn", fmt::format("arn:aws:ec2:{}:{}:instance/{}", spec.region,
                                                      spec.account, instance->id));
    of_aws.set("ec2_instance_source_vpc", kVpc);
    of_aws.set("ec2_instance_source_private_ipv4", instance->address);
    of_aws.set("ec2_role_delivery", "2.0");  // "2" in AWS' documents, and this in its tokens
  }
  if (!request.tags.empty()) {
    auto tags = Tree::map();
    for (auto const& [key, value] : request.tags) tags.set(key, value);
    of_aws.set("request_tags", std::move(tags));
  }

  auto const seconds = [](UtcTime time) {
    return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
  };
  auto const& to = request.audiences;
  auto audience =
      to.size() == 1 ? Tree(to.front()) : Tree::list(std::vector<Tree>(to.begin(), to.end()));
  return Tree::map({{"iss", region_.token_issuer().url()},
                    {"aud", std::move(audience)},
                    {"sub", principal},
                    {"iat", seconds(now)},
                    {"exp", seconds(now + request.duration)},
                    {"jti", region_.uuid()},
                    {"https://sts.amazonaws.com/", std::move(of_aws)}});
}

}  // namespace haagent::sim
