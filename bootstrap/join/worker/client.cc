#include "bootstrap/join/worker/client.h"

#include <algorithm>
#include <charconv>

#include "bootstrap/join/exchange/binding.h"
#include "bootstrap/pki/certificate_request.h"

namespace haagent::bootstrap::join {
namespace {

// A master asks STS, EC2, this machine and etcd before it answers.
constexpr Duration kPatience{40'000};
// One that has many at once lets them wait for its part of TLS; who gives up early comes again, and
// costs it more.
constexpr Duration kConnects{5'000};
constexpr std::chrono::seconds kLongestPause{300};
// An account may turn tokens on later.
constexpr std::chrono::minutes kWithoutTokens{30};

std::optional<std::chrono::seconds> retry_after(HttpResponse const& response) {
  auto const text = response.header("retry-after").value_or("");
  long seconds = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || seconds < 0) return std::nullopt;
  return std::min(std::chrono::seconds(seconds), kLongestPause);
}

// What a master refuses for.
Error refused(HttpResponse const& response) {
  auto const refusal = read_refusal(response.body);
  auto const kind = response.status == 403   ? Kind::denied
                    : response.status == 400 ? Kind::invalid
                                             : Kind::transient;
  if (!refusal)
    return {Kind::transient,
            Message(Reason::MastersNotReached,
                    fmt::format("who answers for the masters says {}", response.status))};
  return {kind, Message(refusal->reason, "the master says: " + refusal->text)};
}

// The connection of the offer has ended, and the request came over another one, to the same master
// or to the next: that is no word on who asks.
Error passing_if_cut(Error error) {
  auto const reason = error.message.reason;
  if (reason == Reason::JoinNonceDiffers || reason == Reason::MasterKeyDiffers)
    error.kind = Kind::transient;
  return error;
}

}  // namespace

Result<HttpResponse> JoinClient::ask(std::string method, std::string_view path, std::string body,
                                     HttpTls tls, std::stop_token const& stop) {
  come_again_.reset();
  Headers headers;
  if (!body.empty()) headers.emplace_back("content-type", "application/json");
  auto response = deps_.http.send({.method = std::move(method),
                                   .url = settings_.url + std::string(path),
                                   .headers = std::move(headers),
                                   .body = std::move(body),
                                   .connect_timeout = kConnects,
                                   .timeout = kPatience,
                                   .max_body = kGrantCap,
                                   .tls = std::move(tls),
                                   .direct = true},
                                  stop);
  if (!response) {
    auto error = response.error();
    if (error.kind == Kind::interrupted) return std::unexpected(std::move(error));
    bool const is_other = error.kind == Kind::denied;
    error.message.reason = is_other ? Reason::MasterKeyDiffers : Reason::MastersNotReached;
    if (!is_other) error.kind = Kind::transient;
    return std::unexpected(std::move(error));
  }
  if (response->status == 200) return response;
  come_again_ = retry_after(*response);
  return std::unexpected(refused(*response));
}

Result<Offer> JoinClient::offered(std::stop_token const& stop) {
  auto const response =
      TRY(ask("GET", kNoncePath, "",
              {.ca_file = {}, .cert_file = {}, .key_file = {}, .server_key = kAnyServerKey}, stop));
  auto offer = read_offer(response.body);
  if (!offer)
    return fail(Kind::transient, Reason::MastersNotReached,
                "who answers for the masters is none: {}", offer.error().message.text);
  TRY(check_offer(*offer, response.server_key, deps_.clock.utc()));
  return offer;
}

Result<void> JoinClient::believe(Offer const& offer, std::stop_token const& stop) {
  auto const& trust = settings_.trust;
  if (!trust.ca_pin.empty()) TRY(check_pin(offer, trust, deps_.clock.utc()));
  if (trust.role.empty()) return {};
  auto caller = deps_.sts.caller_identity(
      master_header(trust.cluster, offer.nonce, offer.server_key), offer.proof, stop);
  if (!caller) {
    auto error = caller.error();
    if (error.kind == Kind::denied) error.message.reason = Reason::MasterProofRejected;
    return std::unexpected(std::move(error).during("the master's proof"));
  }
  auto const role = aws::assumed_role_of(*caller);
  if (!role) return fail(Kind::denied, Reason::MasterRoleDiffers, "{}", role.error().message.text);
  return check_master(*role, trust);
}

Result<void> JoinClient::prove(Ask& ask, bool takes_tokens, std::stop_token const& stop) {
  auto const header = worker_header(ask);
  auto const now = deps_.clock.steady();
  if (takes_tokens && deps_.tokens && (!no_tokens_until_ || now >= *no_tokens_until_)) {
    auto token = deps_.tokens->token({.audience = token_audience(ask.cluster),
                                      .tag = kTokenTag,
                                      .tag_value = header.value,
                                      .life = kTokenLife},
                                     stop);
    if (token) {
      ask.token = *std::move(token);
      return {};
    }
    if (token.error().kind == Kind::interrupted) return std::unexpected(token.error());
    no_tokens_until_ = now + kWithoutTokens;
  }
  auto const credentials = TRY(deps_.credentials.credentials(stop));
  ask.proof = aws::sign_caller_identity(settings_.sts, header, credentials, deps_.clock.utc());
  return {};
}

Result<Grant> JoinClient::join(NodeKeys const& keys, std::stop_token stop) {
  TRY(check_trust(settings_.trust));
  auto grant = exchange(keys, stop);
  // A connection with an offer holds a place on its master for as long as it is open.
  if (!grant) deps_.http.close_idle(settings_.url);
  return grant;
}

Result<Grant> JoinClient::exchange(NodeKeys const& keys, std::stop_token const& stop) {
  auto const offer = TRY(offered(stop));
  TRY(believe(offer, stop));
  auto request = [](Secret const& key) { return pki::make_request("", "", key); };
  Ask ask_for{.cluster = settings_.trust.cluster,
              .nonce = offer.nonce,
              .server_key = offer.server_key,
              .document = TRY(deps_.document(stop)),
              .requests = {},
              .proof = {},
              .token = {}};
  ask_for.requests.kubelet = TRY(request(keys.kubelet));
  ask_for.requests.kubelet_serving = TRY(request(keys.kubelet_serving));
  ask_for.requests.kube_proxy = TRY(request(keys.kube_proxy));
  TRY(prove(ask_for, offer.takes_tokens, stop));
  // A certificate that most tries at busy masters have no use for.
  TRY(deps_.responder.show(keys.kubelet, deps_.clock.utc()));
  Responder::Exchange const exchange(deps_.responder, keys.kubelet, offer.nonce);
  auto const response =
      ask("POST", kJoinPath, text_of(ask_for),
          {.ca_file = {}, .cert_file = {}, .key_file = {}, .server_key = offer.server_key}, stop);
  if (!response) {
    // Whatever it has against the token, or against what that says, it may take the signed call.
    if (!ask_for.token.empty() && (response.error().kind == Kind::denied ||
                                   response.error().message.reason == Reason::JoinAwaitsSts))
      no_tokens_until_ = deps_.clock.steady() + kWithoutTokens;
    return std::unexpected(passing_if_cut(response.error()));
  }
  auto grant = read_grant(response->body);
  if (!grant)
    return fail(Kind::transient, Reason::MastersNotReached, "{}", grant.error().message.text);
  return grant;
}

Result<Renewal> JoinClient::renew(RenewAsk const& ask_for, HttpTls const& tls,
                                  std::stop_token stop) {
  auto const response = TRY(ask("POST", kRenewPath, text_of(ask_for), tls, stop));
  auto renewal = read_renewal(response.body);
  if (!renewal)
    return fail(Kind::transient, Reason::MastersNotReached, "{}", renewal.error().message.text);
  return renewal;
}

}  // namespace haagent::bootstrap::join
