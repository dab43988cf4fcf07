// A token of sts:GetWebIdentityToken, which the machine that asks to join has sent. The input is
// the token itself, and then the claims of one that the account's issuer has signed, so that the
// input gets as far as what AWS may write into a token one day.
#include "bootstrap/pki/web_token.h"

#include <algorithm>

#include "agent/base/base64.h"
#include "agent/base/json.h"
#include "bootstrap/join/exchange/binding.h"
#include "bootstrap/join/master/token.h"
#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"
#include "tests/sim/token_issuer.h"

namespace haagent::fuzz {
namespace {

using namespace bootstrap;
using namespace bootstrap::join;

// Their private keys were forgotten once the corpus was made: nobody can have signed anything else.
constexpr std::string_view kForgottenKeys =
    R"({"keys":[{"kty":"EC","crv":"P-384","kid":"ec-1","use":"sig","alg":"ES384","x":"TblzO)"
    R"(mFDF77AP6qRWvYEtEkEkxr3at4TpcPsdn_JN7WhKWv2pU_kB5AP6ulX_oCo","y":"Kg1CMbfgeZmAY9Ygpo)"
    R"(Z1hvY0z1B6TDlzL7N55Bmxn5lYM6gceJs-4Hvw7rpM7CK_"},{"kty":"RSA","e":"AQAB","kid":"rsa-)"
    R"(1","use":"sig","alg":"RS256","n":"ontYhqFnOvHn9uDupMp5fdujFvcgx1v0nZY-lEHq90G0NalZ8K)"
    R"(N3ifFQu67nxqeeSMPs4V-oM7RzrMm6VnRw53A2YvfyzNUfFh2vM1T_6X524MqxM-RxI5qIYnsNhaOIjHEsv9)"
    R"(K32IfW0puI0BhAhSYaXwpY5_2Wyua-Prc2rbn9W4ZSUrrifOYtcjljnAVpql7s-VGciJJk3Z5VtoJQKe_kOd)"
    R"(IG0kBkPnI6poSo_XyylIWb04bJ9XNE00YvNDYaTj7xJpwOgvM0dsxb4oR48THRln7J2OkbhTIEDq9IsMN4m1)"
    R"(M_ODR0DqYysP5noXietbRIN8puJ_DnPf3kz7GjsQ"}]})";
constexpr std::string_view kSignedClaims =
    R"({"iss":"https://0f1e.tokens.sts.global.api.aws","aud":"haagent:prod.example.com","su)"
    R"(b":"arn:aws:iam::123456789012:role/path/workers","iat":1768471200,"exp":1768471260,")"
    R"(jti":"f00d","https://sts.amazonaws.com/":{"aws_account":"123456789012","source_regio)"
    R"(n":"eu-west-1","ec2_source_instance_arn":"arn:aws:ec2:eu-west-1:123456789012:instanc)"
    R"(e/i-0123456789abcdef0","ec2_instance_source_private_ipv4":"10.0.0.5","ec2_role_deliv)"
    R"(ery":"2.0","request_tags":{"haagent-join":"71cd5c4514df0b8f8fa01ef529794cf493bed153e)"
    R"(db3c73b4bf47c39a1730112"}}})";  // of both

constexpr char kIssuerUrl[] = "https://0f1e.tokens.sts.global.api.aws";
UtcTime const kTokenNow{std::chrono::seconds(1'768'471'205)};
Cluster const kOwnCluster{.name = "prod.example.com",
                          .partition = "aws",
                          .account = "123456789012",
                          .region = "eu-west-1",
                          .worker_roles = {"workers"},
                          .worker_profiles = {"workers"}};

Ask ask_with_token() {
  return {.cluster = kOwnCluster.name,
          .nonce = std::string(64, '1'),
          .server_key = std::string(64, '2'),
          .document = "document",
          .requests = {.kubelet = "a", .kubelet_serving = "b", .kube_proxy = "c"},
          .proof = {},
          .token = "token"};
}

void hold_token_error(Error const& error, std::initializer_list<Kind> kinds) {
  hold_error(error, kinds);
  hold_printable(error.message.text);
  hold(error.message.text.size() < 1000, "a refusal does not say back what was sent");
}

bool is_word_or_empty(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

void hold_what_it_allows(TokenClaims const& claims) {
  hold(claims.issuer == kIssuerUrl, "a token is of the account's issuer");
  hold(claims.audience == std::vector<std::string>{token_audience(kOwnCluster.name)},
       "it is for this cluster and for nobody else");
  hold(claims.binding == worker_header(ask_with_token()).value, "it is for this request");
  hold(claims.region == kOwnCluster.region, "its instance is in this region");
  hold(claims.expires - claims.issued <= kTokenLife && claims.issued <= claims.expires,
       "it lives for a minute");
  hold(std::chrono::abs(kTokenNow - claims.issued) < kProofAge + std::chrono::seconds(1),
       "it was made a moment ago");
}

void hold_token_claims(Tree const& tree) {
  auto const claims = read_claims(tree);
  if (!claims) {
    auto const reason = claims.error().message.reason;
    hold(reason == Reason::JoinTokenInvalid || reason == Reason::CallerNotInstance,
         "a refusal says which of the two it is");
    return hold_token_error(claims.error(), {Kind::denied});
  }
  auto const& caller = claims->caller;
  for (auto const& word :
       {claims->issuer, claims->id, claims->region, claims->address, claims->binding,
        caller.partition, caller.account, caller.role, caller.session})
    hold(is_word_or_empty(word), "what is said of a machine is printable");
  hold(!claims->issuer.empty() && !claims->id.empty() && !caller.role.empty(),
       "a token has an issuer, an id and a role");
  hold(!caller.role.contains('/'), "a role's path is not its name");
  hold(claims->issued > UtcTime{} && claims->expires > UtcTime{}, "a token has its times");

  aws::Instance const instance{.id = "i-0123456789abcdef0", .ipv4 = "10.0.0.5"};
  auto const lives_there = check_token_address(*claims, instance);
  if (!lives_there) hold_token_error(lives_there.error(), {Kind::denied});
  hold(lives_there.has_value() == (claims->address == instance.ipv4),
       "an address is the instance's or it is not");

  auto const checked = check_token(*claims, kIssuerUrl, kOwnCluster, ask_with_token(), kTokenNow);
  if (checked) return hold_what_it_allows(*claims);
  auto const reason = checked.error().message.reason;
  hold(reason == Reason::JoinTokenInvalid || reason == Reason::JoinProofStale,
       "a token is none, or a clock is wrong");
  hold_token_error(checked.error(), {Kind::denied});
}

sim::TokenIssuer& issuer() {
  static sim::TokenIssuer made(/*enabled=*/true);
  return made;
}

std::vector<pki::WebKey> const& issuers_keys() {
  static std::vector<pki::WebKey> const keys =
      pki::read_web_keys(*issuer().document("/.well-known/jwks.json").json).value();
  return keys;
}

void hold_sent_token(std::string_view bytes) {
  auto const token = pki::read_web_token(bytes);
  if (!token) return hold_token_error(token.error(), {Kind::invalid});
  hold(bytes.size() <= pki::kWebTokenCap, "what is too long is not read");
  hold(token->algorithm == "ES384" || token->algorithm == "RS256",
       "no token goes without a signature, or with a shared secret");
  hold(!token->key_id.empty() && token->claims.is_map(), "a token names its key and is an object");
  hold(token->signed_text + "." + to_base64url(token->signature) == bytes,
       "a token has one text, of which all is signed but the signature");
  // A master looks a key up by its id, which the machine has chosen.
  for (auto key : issuers_keys()) {
    hold(!pki::is_signed_by(*token, key), "nobody has signed it with this process' keys");
    key.id = token->key_id;
    hold(!pki::is_signed_by(*token, key), "an id makes no signature");
    key.algorithm = token->algorithm;
    hold(!pki::is_signed_by(*token, key), "nor does an algorithm");
  }
  static auto const forgotten = pki::read_web_keys(kForgottenKeys).value();
  for (auto const& key : forgotten)
    hold(!pki::is_signed_by(*token, key) || json::print(token->claims) == kSignedClaims,
         "what is taken was signed");
  hold_token_claims(token->claims);
}

void hold_signed_claims(std::string_view bytes) {
  auto const tree = json::parse_strict(bytes);
  if (!tree || !tree->is_map()) return;
  auto const text = issuer().sign(sim::SigningAlgorithm::es384, *tree);
  auto const token = pki::read_web_token(text);
  if (!token) return hold_token_error(token.error(), {Kind::invalid});
  hold(std::ranges::any_of(issuers_keys(),
                           [&](auto const& key) { return pki::is_signed_by(*token, key); }),
       "what the issuer signs is signed");
  hold(json::print(token->claims) == json::print(*tree), "its claims come as they were written");
  hold_token_claims(token->claims);
}

}  // namespace

void web_token(std::string_view bytes) {
  hold_sent_token(bytes);
  hold_signed_claims(bytes);
}

}  // namespace haagent::fuzz
