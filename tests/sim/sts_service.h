// STS: who the caller is, for itself (GetCallerIdentity) and for others to verify
// (GetWebIdentityToken).
#pragma once

#include <string>
#include <string_view>

#include "tests/sim/auth.h"
#include "tests/sim/form.h"
#include "tests/sim/region.h"

namespace haagent::sim {

class StsService {
 public:
  explicit StsService(Region& region) : region_(region) {}

  static bool knows(std::string_view action);
  // What is inside the <Action>Result element.
  Api<std::string> call(std::string_view action, Form const& form, Caller const& caller);

 private:
  struct TokenRequest;
  static Api<TokenRequest> token_request(Form const& form);
  Api<std::string> get_web_identity_token(Form const& form, Caller const& caller);
  Tree claims(TokenRequest const& request, Caller const& caller, UtcTime now) const;

  Region& region_;
};

}  // namespace haagent::sim
