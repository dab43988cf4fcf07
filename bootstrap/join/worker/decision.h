// Whether who answers is a master of this cluster, and what this worker lacks: pure functions.
//
// Errors: denied with a reason; the worker sends nothing to who is refused here.
#pragma once

#include <optional>
#include <string>

#include "agent/aws/caller_identity.h"
#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "agent/base/secret.h"
#include "bootstrap/join/exchange/messages.h"

namespace haagent::bootstrap::join {

// By what a worker knows a master.
struct MasterTrust {
  std::string cluster;
  std::string partition, account;  // its own
  std::string role;                // cluster.masterRole: a name or an ARN; empty: not by STS
  std::string ca_pin;              // cluster.caPin: "sha256:<hex>"; empty: not by it
};

// One of the two must be there.
Result<void> check_trust(MasterTrust const& trust);

// Signatures and certificates hold for clocks that are no farther apart.
inline constexpr Duration kClocksApart{240'000};
// `server_key`: that the connection was made with.
Result<void> check_offer(Offer const& offer, std::string_view server_key, UtcTime now);

// STS' word on the offer's proof.
Result<void> check_master(aws::AssumedRole const& caller, MasterTrust const& trust);

// Without STS: the authority is the pinned one, it has signed the certificate, and that has the
// server's key.
Result<void> check_pin(Offer const& offer, MasterTrust const& trust, UtcTime now);

// Whether what a master has signed is this machine's: for its key, by the authority that came with
// it, and good now. What is not would be written over what still serves.
Result<void> check_signed(std::string_view certificate, Secret const& key, std::string_view ca,
                          UtcTime now);

// "sha256:" and 64 hexadecimal digits, as kubeadm's --discovery-token-ca-cert-hash.
bool is_pin(std::string_view text);

}  // namespace haagent::bootstrap::join
