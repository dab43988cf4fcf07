// The keys that the account's token issuer publishes, a JWKS document: what stands at the URL of
// cluster.tokenIssuer has written it.
#include <algorithm>

#include "bootstrap/pki/keys.h"
#include "bootstrap/pki/web_token.h"
#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"
#include "tests/sim/token_issuer.h"

namespace haagent::fuzz {
namespace {

using namespace bootstrap;

pki::WebToken const& token_of(sim::SigningAlgorithm algorithm) {
  static auto const tokens = [] {
    sim::TokenIssuer issuer(/*enabled=*/true);
    auto const made = [&](sim::SigningAlgorithm by) {
      return pki::read_web_token(issuer.sign(by, Tree::map({{"jti", "f00d"}}))).value();
    };
    return std::pair(made(sim::SigningAlgorithm::es384), made(sim::SigningAlgorithm::rs256));
  }();
  return algorithm == sim::SigningAlgorithm::es384 ? tokens.first : tokens.second;
}

void hold_web_key(pki::WebKey const& key) {
  hold(!key.id.empty(), "a key has an id, by which tokens name it");
  hold(key.algorithm == "ES384" || key.algorithm == "RS256", "a key is for one of two algorithms");
  hold(pki::hash_of_public_key(key.public_key).has_value(), "a key that is read is one");
  for (auto algorithm : {sim::SigningAlgorithm::es384, sim::SigningAlgorithm::rs256}) {
    auto token = token_of(algorithm);
    token.key_id = key.id;
    hold(!pki::is_signed_by(token, key), "it has signed nothing of somebody else's");
    token.algorithm = key.algorithm;
    hold(!pki::is_signed_by(token, key), "whatever the token calls its signature");
  }
}

}  // namespace

void web_keys(std::string_view bytes) {
  auto const keys = pki::read_web_keys(bytes);
  if (!keys) {
    hold_error(keys.error(), {Kind::invalid});
    hold_printable(keys.error().message.text);
    return hold(keys.error().message.text.size() < 1000, "an error does not say back what it read");
  }
  hold(bytes.size() <= pki::kWebKeysCap && keys->size() <= 100, "a document has an end");
  std::ranges::for_each(*keys, hold_web_key);
  hold(pki::read_web_keys(bytes) == *keys, "it reads the same twice");
}

}  // namespace haagent::fuzz
