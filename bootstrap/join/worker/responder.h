// What a worker answers when a master calls back (bootstrap/join/master/callback.h). It signs the
// nonce of the exchange that is under way and nothing that a caller says, and knows nothing between
// two exchanges.
#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "agent/base/files.h"
#include "agent/base/http.h"
#include "agent/base/secret.h"
#include "bootstrap/join/exchange/messages.h"

namespace haagent::bootstrap::join {

class Responder {
 public:
  explicit Responder(Root root) : root_(std::move(root)) {}

  // What the listener shows; the files are there while an exchange is under way.
  HttpTls tls() const;

  class Exchange {
   public:
    Exchange(Responder& responder, Secret key, std::string nonce);
    ~Exchange();
    Exchange(Exchange const&) = delete;
    Exchange& operator=(Exchange const&) = delete;

   private:
    Responder& responder_;
  };
  // The key that the master must be shown, in a certificate of itself. Before an Exchange.
  Result<void> show(Secret const& key, UtcTime now);

  // From any thread. Nothing where there is no exchange.
  std::optional<Callback> answer();

 private:
  struct UnderWay {
    Secret key;
    std::string nonce;
  };
  Root const root_;
  std::mutex mutex_;
  std::optional<UnderWay> under_way_;
};

}  // namespace haagent::bootstrap::join
