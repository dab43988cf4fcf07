#include "agent/aws/web_identity.h"

#include "agent/aws/sigv4.h"
#include "agent/aws/sts_call.h"

namespace haagent::aws {
namespace {

constexpr std::string_view kTokenAction = "GetWebIdentityToken";
constexpr std::size_t kTokenAnswerCap = 32u << 10u;
// It is asked for while a master waits, which has another way to know this machine.
constexpr Duration kTokenDeadline{5'000};

std::string token_body(TokenRequest const& request) {
  return fmt::format(
      "Action={}&Version=2011-06-15&Audience.member.1={}&DurationSeconds={}"
      "&SigningAlgorithm=ES384&Tags.member.1.Key={}&Tags.member.1.Value={}",
      kTokenAction, uri_encode(request.audience), request.life.count(), uri_encode(request.tag),
      uri_encode(request.tag_value));
}

}  // namespace

Result<std::string> WebIdentityClient::token(TokenRequest const& request, std::stop_token stop) {
  auto const keys = TRY_DURING(credentials_.credentials(stop), "sts:{}", kTokenAction);
  HttpRequest call{
      .method = "POST",
      .url = place_.endpoint + "/",
      .headers = {{"content-type", "application/x-www-form-urlencoded; charset=utf-8"}},
      .body = token_body(request),
      .timeout = kTokenDeadline,
      .max_body = kTokenAnswerCap};
  Signer(SigningScope{place_.region, "sts"}).sign(call, keys, clock_.utc());
  return ask_sts(http_, {.action = kTokenAction, .request = std::move(call), .counts = counts_},
                 &read_web_identity_token, std::move(stop));
}

}  // namespace haagent::aws
