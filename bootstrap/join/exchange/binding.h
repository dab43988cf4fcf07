// What a proof is bound to, so that it is good for one question, to one master, on one connection,
// and for nothing else. It is signed as the value of a header of ours: the hash of all parts, each
// with its length before it, so that no two lists of parts have the same bytes.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "agent/aws/caller_identity.h"
#include "bootstrap/join/exchange/messages.h"

namespace haagent::bootstrap::join {

// Of the master's proof. The names of the two headers differ, so that neither side's proof can be
// taken for the other's.
aws::SignedHeader master_header(std::string_view cluster, std::string_view nonce,
                                std::string_view server_key);
// Of the worker's; of `ask` everything but the proof itself.
aws::SignedHeader worker_header(Ask const& ask);
// The same value as a tag of a token of sts:GetWebIdentityToken, and whom such a token is for.
inline constexpr char kTokenTag[] = "haagent-join";
std::string token_audience(std::string_view cluster);  // "haagent:prod.example.com"
inline constexpr std::chrono::seconds kTokenLife{60};  // the shortest that STS knows

}  // namespace haagent::bootstrap::join
