#pragma once

#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "agent/base/secret.h"

namespace haagent::aws {

struct Credentials {
  std::string access_key_id;
  Secret secret_access_key;
  Secret session_token;  // empty for long-term keys
  std::optional<UtcTime> expiration;
};

class CredentialSource {
 public:
  virtual ~CredentialSource() = default;
  virtual Result<Credentials> credentials(std::stop_token stop) = 0;
};

// Keeps a source's credentials and renews them before they end: tries from 15 minutes before expiry
// and keeps the old ones where that fails; from 10 minutes before it insists, unless the source
// itself hands out expired ones (trouble in IAM), which are used on, as the SDKs do.
class CachedCredentials final : public CredentialSource {
 public:
  CachedCredentials(CredentialSource& source, Clock& clock) : source_(source), clock_(clock) {}
  Result<Credentials> credentials(std::stop_token stop) override;
  // Forget them: a service has called them expired.
  void drop();

 private:
  CredentialSource& source_;
  Clock& clock_;
  std::mutex mutex_;
  std::optional<Credentials> kept_;
  UtcTime next_try_{};
};

}  // namespace haagent::aws
