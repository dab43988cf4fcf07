// Who this machine is, as a token that others verify without asking AWS: sts:GetWebIdentityToken
// (outbound identity federation, 2025). An account has to turn it on, and the role must be allowed
// to call it.
#pragma once

#include <stop_token>
#include <string>
#include <string_view>

#include "agent/aws/call_counts.h"
#include "agent/aws/caller_identity.h"
#include "agent/aws/credentials.h"
#include "agent/base/clock.h"
#include "agent/base/http.h"
#include "agent/base/result.h"

namespace haagent::aws {

struct TokenRequest {
  std::string audience;         // who is to verify it
  std::string tag, tag_value;   // one claim of the caller's own
  std::chrono::seconds life{};  // from 60 to 3,600
};

class WebIdentity {
 public:
  virtual ~WebIdentity() = default;
  // The token: a JWT, signed with ES384. Errors: denied where AWS hands out none to this role,
  // with its code as the subject ("OutboundWebIdentityFederationDisabledException",
  // "AccessDenied"); transient where nobody can say now.
  virtual Result<std::string> token(TokenRequest const& request, std::stop_token stop) = 0;
};

class WebIdentityClient final : public WebIdentity {
 public:
  WebIdentityClient(Http& http, Clock& clock, CredentialSource& credentials, StsPlace place,
                    CallCounts* counts = nullptr)
      : http_(http),
        clock_(clock),
        credentials_(credentials),
        place_(std::move(place)),
        counts_(counts) {}
  Result<std::string> token(TokenRequest const& request, std::stop_token stop) override;

 private:
  Http& http_;
  Clock& clock_;
  CredentialSource& credentials_;
  StsPlace const place_;
  CallCounts* counts_;
};

// The answer. Errors: transient.
Result<std::string> read_web_identity_token(std::string_view xml);

}  // namespace haagent::aws
