// The four values of a proof, a line each: the machine that asks to join has chosen them. Whatever
// they are, what the master then sends to STS must be its own call.
#include <algorithm>
#include <array>
#include <set>

#include "agent/aws/caller_identity.h"
#include "agent/aws/sigv4.h"
#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"

namespace haagent::fuzz {
namespace {

aws::StsPlace const kPlace{.endpoint = "https://sts.eu-west-1.amazonaws.com",
                           .region = "eu-west-1"};
aws::SignedHeader const kHeader{.name = "x-haagent-join", .value = std::string(64, 'c')};

class Kept final : public Http {
 public:
  Result<HttpResponse> send(HttpRequest const& request, std::stop_token) override {
    requests.push_back(request);
    return fail(Kind::transient, "nobody answers");
  }
  std::vector<HttpRequest> requests;
};

aws::SignedCall call_of(std::string_view text) {
  aws::SignedCall call;
  for (auto* value :
       std::array{&call.access_key_id, &call.time, &call.session_token, &call.signature}) {
    *value = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(value->size() + 1, text.size()));
  }
  call.signature += text;  // a line end too many is part of it
  return call;
}

void hold_request(HttpRequest const& request, aws::SignedCall const& call) {
  hold(request.method == "POST" && request.url == "https://sts.eu-west-1.amazonaws.com/",
       "host, method and path are the master's own");
  hold(request.body == "Action=GetCallerIdentity&Version=2011-06-15", "so is the action");
  hold(request.timeout == aws::StsClient::kDeadline &&
           request.max_body == aws::StsClient::kAnswerCap,
       "an answer has an end");
  std::set<std::string> wanted = {"authorization", "content-type", "x-amz-date", "x-haagent-join"};
  if (!call.session_token.empty()) wanted.insert("x-amz-security-token");
  std::set<std::string> sent;
  for (auto const& [name, value] : request.headers) {
    hold(sent.insert(name).second, "a header stands once");
    hold(std::ranges::all_of(value, [](char c) { return c >= ' ' && c < '\x7f'; }),
         "a header is one line");
  }
  hold(sent == wanted, "no header but the master's own");

  aws::WireRequest wire{.method = request.method,
                        .path = "/",
                        .query = "",
                        .headers = request.headers,
                        .body = request.body};
  wire.headers.emplace_back("host", "sts.eu-west-1.amazonaws.com");
  auto const claim = aws::signature_claim(wire);
  hold(claim.has_value(), "STS can read what the signature is of");
  wanted.erase("authorization");
  wanted.insert("host");
  hold(std::ranges::equal(claim->signed_headers, wanted), "everything sent is signed, once");
  hold(claim->access_key_id == call.access_key_id && claim->signature == call.signature &&
           claim->session_token == call.session_token && claim->time == call.time,
       "the four values arrive as they are");
  hold(claim->scope.region == "eu-west-1" && claim->scope.service == "sts" && !claim->in_query,
       "it is signed for STS of this region");
}

}  // namespace

void signed_call(std::string_view bytes) {
  auto const call = call_of(bytes);
  Kept http;
  auto const said = aws::StsClient(http, kPlace).caller_identity(kHeader, call, {});
  hold(!said, "who does not answer says nothing");
  auto const fits = aws::check_signed_call(call);
  if (!fits) {
    hold_error(fits.error(), {Kind::invalid});
    hold_printable(fits.error().message.text);
    hold_error(said.error(), {Kind::invalid});
    return hold(http.requests.empty(), "what AWS never hands out is not sent");
  }
  hold_error(said.error(), {Kind::transient});
  hold(http.requests.size() == 1, "one call for one proof");
  hold_request(http.requests.front(), call);
  auto const time = aws::time_of(call);
  hold(time && aws::to_amz_date(*time) == call.time, "a time is written as it is read");
  aws::Credentials const keys{.access_key_id = call.access_key_id,
                              .secret_access_key = Secret("secret"),
                              .session_token = Secret(call.session_token),
                              .expiration = std::nullopt};
  auto const own = aws::sign_caller_identity(kPlace, kHeader, keys, *time);
  hold(aws::check_signed_call(own).has_value(), "what is signed here fits");
  hold(own.access_key_id == call.access_key_id && own.time == call.time &&
           own.session_token == call.session_token,
       "and differs by its signature alone");
}

}  // namespace haagent::fuzz
