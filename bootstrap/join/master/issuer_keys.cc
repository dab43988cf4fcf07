#include "bootstrap/join/master/issuer_keys.h"

#include <algorithm>

namespace haagent::bootstrap::join {
namespace {

// Where AWS publishes them, beside the discovery document that would say the same.
constexpr std::string_view kWebKeysPath = "/.well-known/jwks.json";

}  // namespace

Result<void> IssuerKeys::ask(std::stop_token const& stop) {
  auto const response = TRY(http_.send({.method = "GET",
                                        .url = issuer_ + std::string(kWebKeysPath),
                                        .timeout = kDeadline,
                                        .max_body = pki::kWebKeysCap},
                                       stop));
  if (response.status != 200)
    return fail(Kind::transient, "{} answered {}", issuer_, response.status);
  keys_ = TRY_DURING(pki::read_web_keys(response.body), "the keys of {}", issuer_);
  return {};
}

Result<std::vector<pki::WebKey>> IssuerKeys::find(std::string_view id,
                                                  std::stop_token const& stop) {
  // Who comes while it is asked waits for that answer.
  std::lock_guard const lock(mutex_);
  auto const known = [&] {
    std::vector<pki::WebKey> found;
    std::ranges::copy_if(keys_, std::back_inserter(found),
                         [&](auto const& key) { return key.id == id; });
    return found;
  };
  auto const now = clock_.steady();
  bool const is_old = !answered_ || now - *answered_ > kBelieved;
  auto const pause = trouble_ ? kAfterTrouble : kBetween;
  bool const may_ask = !asked_ || now - *asked_ >= pause;
  if ((is_old || known().empty()) && may_ask) {
    auto const asked = ask(stop);
    if (!asked && asked.error().kind == Kind::interrupted) return std::unexpected(asked.error());
    asked_ = clock_.steady();
    trouble_.reset();
    if (asked)
      answered_ = asked_;
    else
      trouble_ = Error(Kind::transient, asked.error().message.text);
  }
  // What was believed until now is, while nobody says otherwise.
  auto found = known();
  if (found.empty() && trouble_) return std::unexpected(*trouble_);
  return found;
}

}  // namespace haagent::bootstrap::join
