#include "agent/aws/caller_identity.h"

#include <algorithm>

#include "agent/aws/arn.h"
#include "agent/aws/sigv4.h"
#include "agent/aws/sts_call.h"

namespace haagent::aws {
namespace {

constexpr std::string_view kCallerBody = "Action=GetCallerIdentity&Version=2011-06-15";
constexpr std::string_view kFormType = "application/x-www-form-urlencoded; charset=utf-8";
// The longest that AWS hands out today are half as long.
constexpr std::size_t kKeyIdCap = 128;
constexpr std::size_t kTokenCap = 4096;
constexpr std::size_t kSignatureLength = 64;

bool all_of(std::string_view text, std::string_view more, bool upper_only = false) {
  return std::ranges::all_of(text, [&](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (!upper_only && c >= 'a' && c <= 'z') || more.contains(c);
  });
}

// The call without a signature: all of it is ours.
HttpRequest unsigned_call(StsPlace const& place, SignedHeader const& header) {
  return {.method = "POST",
          .url = place.endpoint + "/",
          .headers = {{"content-type", std::string(kFormType)}, {header.name, header.value}},
          .body = std::string(kCallerBody),
          .timeout = StsClient::kDeadline,
          .max_body = StsClient::kAnswerCap};
}

std::string header_value(HttpRequest const& request, std::string_view name) {
  auto const found = std::ranges::find(request.headers, name, &Headers::value_type::first);
  return found == request.headers.end() ? "" : found->second;
}

HttpRequest signed_request(StsPlace const& place, SignedHeader const& header,
                           SignedCall const& call) {
  auto request = unsigned_call(place, header);
  std::vector<std::string> names = {"content-type", "host", "x-amz-date", header.name};
  request.headers.emplace_back("x-amz-date", call.time);
  if (!call.session_token.empty()) {
    request.headers.emplace_back("x-amz-security-token", call.session_token);
    names.emplace_back("x-amz-security-token");
  }
  std::ranges::sort(names);
  request.headers.emplace_back(
      "authorization",
      fmt::format("AWS4-HMAC-SHA256 Credential={}/{}/{}/sts/aws4_request, SignedHeaders={}, "
                  "Signature={}",
                  call.access_key_id, call.time.substr(0, 8), place.region, fmt::join(names, ";"),
                  call.signature));
  return request;
}

}  // namespace

SignedCall sign_caller_identity(StsPlace const& place, SignedHeader const& header,
                                Credentials const& credentials, UtcTime now) {
  auto request = unsigned_call(place, header);
  Signer(SigningScope{place.region, "sts"}).sign(request, credentials, now);
  auto const authorization = header_value(request, "authorization");
  return {.access_key_id = credentials.access_key_id,
          .time = header_value(request, "x-amz-date"),
          .session_token = std::string(credentials.session_token.reveal()),
          .signature = authorization.substr(authorization.rfind('=') + 1)};
}

Result<void> check_signed_call(SignedCall const& call) {
  if (call.access_key_id.size() < 16 || call.access_key_id.size() > kKeyIdCap ||
      !all_of(call.access_key_id, "_", /*upper_only=*/true))
    return fail(Kind::invalid, "its access key id is none of AWS'");
  auto const time = parse_amz_date(call.time);
  if (!time || to_amz_date(*time) != call.time)
    return fail(Kind::invalid, "its time is none of SigV4's");
  if (call.session_token.size() > kTokenCap || !all_of(call.session_token, "+/=_-"))
    return fail(Kind::invalid, "its session token is none of AWS'");
  if (call.signature.size() != kSignatureLength ||
      call.signature.find_first_not_of("0123456789abcdef") != std::string::npos)
    return fail(Kind::invalid, "its signature is no SHA-256");
  return {};
}

std::optional<UtcTime> time_of(SignedCall const& call) {
  return parse_amz_date(call.time);
}

Result<AssumedRole> assumed_role_of(CallerIdentity const& caller) {
  // arn:<partition>:sts::<account>:assumed-role/<role>/<session>
  auto const arn = parse_arn(caller.arn);
  auto refuse = [&] { return fail(Kind::invalid, "'{}' is no role that was assumed", caller.arn); };
  if (!arn || arn->service != "sts" || !arn->region.empty()) return refuse();
  std::string_view rest = arn->resource;
  constexpr std::string_view kAssumed = "assumed-role/";
  if (!rest.starts_with(kAssumed)) return refuse();
  rest.remove_prefix(kAssumed.size());
  auto const slash = rest.find('/');
  if (slash == std::string_view::npos || slash == 0 || slash + 1 == rest.size() ||
      rest.find('/', slash + 1) != std::string_view::npos)
    return refuse();
  AssumedRole role{.partition = arn->partition,
                   .account = arn->account,
                   .role = std::string(rest.substr(0, slash)),
                   .session = std::string(rest.substr(slash + 1))};
  if (role.account != caller.account)
    return fail(Kind::invalid, "STS names the account {} beside '{}'", caller.account, caller.arn);
  auto const colon = caller.user_id.find(':');
  if (colon == std::string::npos || caller.user_id.substr(colon + 1) != role.session)
    return fail(Kind::invalid, "STS names the user '{}' beside '{}'", caller.user_id, caller.arn);
  return role;
}

Result<CallerIdentity> StsClient::caller_identity(SignedHeader const& header,
                                                  SignedCall const& call, std::stop_token stop) {
  if (auto fits = check_signed_call(call); !fits) return std::unexpected(fits.error());
  auto caller = ask_sts(http_,
                        {.action = "GetCallerIdentity",
                         .request = signed_request(place_, header, call),
                         .counts = counts_},
                        &read_caller_identity, std::move(stop));
  if (caller || caller.error().kind != Kind::denied) return caller;
  auto error = caller.error();
  error.message.text = "STS rejects the signature: " + error.message.text;
  return std::unexpected(std::move(error));
}

}  // namespace haagent::aws
