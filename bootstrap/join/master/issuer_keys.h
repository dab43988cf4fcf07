// The keys of the account's token issuer, as it publishes them. A master asks for them when a token
// names a key that it does not know, at most once a minute however many such tokens come. It
// verifies every other token without a call.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/http.h"
#include "bootstrap/pki/web_token.h"

namespace haagent::bootstrap::join {

class IssuerKeys {
 public:
  static constexpr std::chrono::seconds kBetween{60};      // from one question to the next
  static constexpr std::chrono::seconds kAfterTrouble{5};  // the same, where it did not answer
  static constexpr std::chrono::hours kBelieved{1};        // then it is asked again
  static constexpr std::chrono::hours kForgotten{24};      // what it has not said again since
  static constexpr Duration kDeadline{5'000};

  // `issuer`: "https://<id>.tokens.sts.global.api.aws", as cluster.tokenIssuer has it.
  IssuerKeys(Http& http, Clock& clock, std::string issuer)
      : http_(http), clock_(clock), issuer_(std::move(issuer)) {}

  std::string const& issuer() const { return issuer_; }
  // Those of that id; none where the issuer has none. Blocks while the issuer is asked for one that
  // is not known; from any thread. Errors: transient where it does not answer.
  Result<std::vector<pki::WebKey>> find(std::string_view id, std::stop_token const& stop);

 private:
  Result<std::vector<pki::WebKey>> ask(std::stop_token const& stop) const;

  Http& http_;
  Clock& clock_;
  std::string const issuer_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool asking_ = false;
  std::vector<pki::WebKey> keys_;
  std::optional<SteadyTime> asked_, answered_;
  std::optional<Error> trouble_;  // of the last question
};

}  // namespace haagent::bootstrap::join
