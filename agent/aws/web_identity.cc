#include "agent/aws/web_identity.h"

#include "agent/aws/sigv4.h"
#include "agent/aws/sts_errors.h"

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
  auto const count = [&](CallResult result) {
    if (counts_) counts_->count("sts", kTokenAction, result);
  };
  auto const keys = TRY_DURING(credentials_.credentials(stop), "sts:{}", kTokenAction);
  HttpRequest call{
      .method = "POST",
      .url = place_.endpoint + "/",
      .headers = {{"content-type", "application/x-www-form-urlencoded; charset=utf-8"}},
      .body = token_body(request),
      .timeout = kTokenDeadline,
      .max_body = kTokenAnswerCap};
  Signer(SigningScope{place_.region, "sts"}).sign(call, keys, clock_.utc());
  auto const response = http_.send(call, std::move(stop));
  if (!response) {
    if (response.error().kind != Kind::interrupted) count(CallResult::unreachable);
    return fail(response.error(), "sts:{}", kTokenAction);
  }
  if (response->status == 200) {
    auto token = read_web_identity_token(response->body);
    count(token ? CallResult::ok : CallResult::unavailable);
    if (!token) return fail(token.error(), "sts:{}", kTokenAction);
    return token;
  }
  auto const [error, result] = sts_error(kTokenAction, *response);
  count(result);
  return std::unexpected(error);
}

}  // namespace haagent::aws
