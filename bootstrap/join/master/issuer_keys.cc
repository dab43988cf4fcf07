#include "bootstrap/join/master/issuer_keys.h"

#include <algorithm>

namespace haagent::bootstrap::join {
namespace {

// Where AWS publishes them, beside the discovery document that would say the same.
constexpr std::string_view kWebKeysPath = "/.well-known/jwks.json";

}  // namespace

Result<std::vector<pki::WebKey>> IssuerKeys::ask(std::stop_token const& stop) const {
  auto const response = TRY(http_.send({.method = "GET",
                                        .url = issuer_ + std::string(kWebKeysPath),
                                        .timeout = kDeadline,
                                        .max_body = pki::kWebKeysCap},
                                       stop));
  if (response.status != 200)
    return fail(Kind::transient, "{} answered {}", issuer_, response.status);
  return TRY_DURING(pki::read_web_keys(response.body), "the keys of {}", issuer_);
}

Result<std::vector<pki::WebKey>> IssuerKeys::find(std::string_view id,
                                                  std::stop_token const& stop) {
  std::unique_lock lock(mutex_);
  auto const known = [&] {
    std::vector<pki::WebKey> found;
    std::ranges::copy_if(keys_, std::back_inserter(found),
                         [&](auto const& key) { return key.id == id; });
    return found;
  };
  auto const is_older = [&](auto age) { return !answered_ || clock_.steady() - *answered_ > age; };
  if (is_older(kForgotten)) keys_.clear();
  // One asks; who has its key needs no newer word, and the others wait for that answer.
  if (asking_ && !known().empty()) return known();
  if (!changed_.wait(lock, stop, [&] { return !asking_; }))
    return fail(Kind::interrupted, "stopped");
  auto const pause = trouble_ ? kAfterTrouble : kBetween;
  bool const may_ask = !asked_ || clock_.steady() - *asked_ >= pause;
  if (may_ask && (is_older(kBelieved) || known().empty())) {
    asking_ = true;
    lock.unlock();
    auto answer = ask(stop);
    lock.lock();
    asking_ = false;
    changed_.notify_all();
    if (!answer && answer.error().kind == Kind::interrupted) return std::unexpected(answer.error());
    asked_ = clock_.steady();
    trouble_.reset();
    if (answer) {
      keys_ = *std::move(answer);
      answered_ = asked_;
    } else {
      trouble_ = Error(Kind::transient, answer.error().message.text);
    }
  }
  // What was believed until now is, while nobody says otherwise.
  auto found = known();
  if (found.empty() && trouble_) return std::unexpected(*trouble_);
  return found;
}

}  // namespace haagent::bootstrap::join
