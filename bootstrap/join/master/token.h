// What a token of sts:GetWebIdentityToken says of who asks, and whether it is for this request:
// pure functions, called once its signature is the issuer's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/aws/caller_identity.h"
#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "agent/base/tree.h"
#include "bootstrap/join/exchange/messages.h"
#include "bootstrap/join/master/decision.h"

namespace haagent::bootstrap::join {

struct TokenClaims {
  std::string issuer;
  std::string id;                     // "jti": no two tokens have the same
  std::vector<std::string> audience;  // of one or of several
  UtcTime issued{}, expires{};
  aws::AssumedRole caller;  // the role, and as its session the instance that has it
  std::string region;       // the instance's
  std::string address;      // its private IPv4 address, as the token has it; empty: none
  std::string delivery;     // how the instance got its credentials: "2", by IMDSv2
  std::string binding;      // the tag kTokenTag
};

// Errors: denied (JoinTokenInvalid) where something is missing; denied (CallerNotInstance) where
// it is no instance's.
Result<TokenClaims> read_claims(Tree const& claims);

// Errors: denied, with JoinTokenInvalid or JoinProofStale.
Result<void> check_token(TokenClaims const& claims, std::string_view issuer, Cluster const& cluster,
                         Ask const& ask, UtcTime now);

// Whether EC2 has the instance at the address that the token has for it.
Result<void> check_token_address(TokenClaims const& claims, aws::Instance const& instance);

}  // namespace haagent::bootstrap::join
