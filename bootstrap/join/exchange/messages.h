// What a worker and a master say to each other, over TLS on the join port:
//
//   GET /v1/join/nonce   ->  Offer     who the master is, and what a proof must be bound to
//   POST /v1/join        ->  Grant     Ask: a proof, and the requests for three certificates
//   POST /v1/join/renew  ->  Renewal   two of the three, over the current client certificate
//   GET /v1/join/callback -> Callback  from the master to the worker that asks
//
// Everything is read strictly: a key that is not known, or stands twice, refuses the whole. A later
// version says so in `schema`.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "agent/aws/caller_identity.h"
#include "agent/base/clock.h"
#include "agent/base/message.h"
#include "agent/base/result.h"

namespace haagent::bootstrap::join {

inline constexpr char kNoncePath[] = "/v1/join/nonce";
inline constexpr char kJoinPath[] = "/v1/join";
inline constexpr char kRenewPath[] = "/v1/join/renew";
inline constexpr char kCallbackPath[] = "/v1/join/callback";
inline constexpr std::size_t kAskCap = 32u << 10u;    // bytes
inline constexpr std::size_t kGrantCap = 64u << 10u;  // and of every answer

// Whose certificate the join port of a master shows: its common name, and no organization.
inline constexpr char kMastersName[] = "haagent-join";

struct Offer {
  std::string nonce;          // 64 hexadecimal digits; good on this connection, once
  std::string server_key;     // SHA-256 of the TLS key's SubjectPublicKeyInfo, in hexadecimal
  std::string certificate;    // PEM: the TLS server's
  std::string ca;             // PEM: who has signed it. Believed only where it is pinned
  UtcTime time{};             // the master's
  bool takes_tokens = false;  // of sts:GetWebIdentityToken, in the place of a proof
  aws::SignedCall proof;      // of the master's role
  bool operator==(Offer const&) const = default;
};

// One for each of what a node shows; PEM. Requests for certificates, or certificates.
struct NodeCertificates {
  std::string kubelet;          // the client's
  std::string kubelet_serving;  // the server's, on port 10250
  std::string kube_proxy;       // the client's
  bool operator==(NodeCertificates const&) const = default;
};

struct Ask {
  std::string cluster;     // "prod.example.com"
  std::string nonce;       // the Offer's
  std::string server_key;  // the Offer's
  std::string document;    // the instance identity document, as metadata's item rsa2048 has it
  NodeCertificates requests;
  // One of the two.
  std::optional<aws::SignedCall> proof;
  std::string token;  // of sts:GetWebIdentityToken
  bool operator==(Ask const&) const = default;
};

struct Grant {
  std::string node;  // the Node object's name
  std::string ca;    // PEM: the cluster's authorities
  NodeCertificates certificates;
  std::string endpoint;            // "https://api.prod.example.com:443"
  std::string cluster_dns;         // "10.96.0.10"
  std::string kubernetes_version;  // of the oldest apiserver: "1.33.2"
  bool operator==(Grant const&) const = default;
};

// Of a machine that has a client certificate: requests for the other two, and what comes back.
struct RenewAsk {
  std::string cluster;
  std::string instance_id;
  std::string kubelet_serving, kube_proxy;
  bool operator==(RenewAsk const&) const = default;
};
struct Renewal {
  std::string ca;
  std::string kubelet_serving, kube_proxy;
  bool operator==(Renewal const&) const = default;
};

// Why not: any answer but 200.
struct Refusal {
  Reason reason = Reason::InternalError;
  std::string text;
  bool operator==(Refusal const&) const = default;
};

// Signed by the client key of the worker that asks.
struct Callback {
  std::string signature;  // base64, of callback_text()
  bool operator==(Callback const&) const = default;
};
std::string callback_text(std::string_view nonce);

std::string text_of(Offer const& offer);
std::string text_of(Ask const& ask);
std::string text_of(Grant const& grant);
std::string text_of(RenewAsk const& ask);
std::string text_of(Renewal const& renewal);
std::string text_of(Refusal const& refusal);
std::string text_of(Callback const& callback);

// Errors (invalid) name what is wrong. What is read is bounded, and holds nothing that moves a
// cursor.
Result<Offer> read_offer(std::string_view text);
Result<Ask> read_ask(std::string_view text);
Result<Grant> read_grant(std::string_view text);
Result<RenewAsk> read_renew_ask(std::string_view text);
Result<Renewal> read_renewal(std::string_view text);
Result<Refusal> read_refusal(std::string_view text);
Result<Callback> read_callback(std::string_view text);

// 64 hexadecimal digits in lower case.
bool is_hash(std::string_view text);

}  // namespace haagent::bootstrap::join
