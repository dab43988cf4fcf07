// The certificates of a node, signed by the cluster's Kubernetes authority.
#pragma once

#include "agent/base/clock.h"
#include "agent/base/files.h"
#include "bootstrap/join/exchange/messages.h"
#include "bootstrap/join/master/decision.h"

namespace haagent::bootstrap::join {

struct SigningAuthority {
  std::string trust;  // PEM: every certificate that nodes are to trust
  pki::KeyPair signer;
};
// As the step pki has written it on this master. Errors: transient where it has not yet.
Result<SigningAuthority> signing_authority(Root const& root);

// Its certificates alone, PEM. Errors: the same.
Result<std::string> trusted_authorities(Root const& root);

Result<NodeCertificates> sign_all(SigningAuthority const& authority, NodeSpecs const& specs,
                                  Requests const& requests, UtcTime now, Duration lifetime);

}  // namespace haagent::bootstrap::join
