// Whether a machine that asks to join is a worker of this cluster: pure functions, one for each
// question, in the order in which they are asked. What costs nothing comes first; whoever gets no
// further costs no call to AWS.
//
// Errors: denied with the reason that the machine, its journal and the counters see; invalid for
// what cannot be read; transient where nobody can say now.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/aws/caller_identity.h"
#include "agent/aws/ec2.h"
#include "agent/base/clock.h"
#include "agent/base/node_name.h"
#include "agent/base/result.h"
#include "bootstrap/join/exchange/identity_document.h"
#include "bootstrap/join/exchange/messages.h"
#include "bootstrap/pki/certificate_request.h"
#include "bootstrap/pki/x509.h"

namespace haagent::bootstrap::join {

// This master, and whom it lets join.
struct Cluster {
  std::string name;
  std::string partition;  // "aws"
  std::string account;
  std::string region;
  std::vector<std::string> worker_roles;     // names or ARNs
  std::vector<std::string> worker_profiles;  // the same, of instance profiles
};

// How the question came here.
struct Connection {
  std::string nonce;       // that this connection was offered
  std::string server_key;  // that it was shown, as Offer has it
  std::string address;     // the other end's
};

// Signatures are as old as this at most, and certificates begin so long before now.
inline constexpr Duration kProofAge{300'000};

Result<void> check_ask(Ask const& ask, Cluster const& cluster, Connection const& connection);

struct Requests {
  pki::CertificateRequest kubelet, kubelet_serving, kube_proxy;
};
// A request may name its subject as it will be, or not at all, and asks for nothing else.
Result<pki::CertificateRequest> check_request(std::string_view pem, std::string_view common_name,
                                              std::string_view organization);

Result<void> check_time(aws::SignedCall const& proof, UtcTime now);

Result<void> check_document(IdentityDocument const& document, Cluster const& cluster);

// Whether STS' word fits the document's instance.
Result<void> check_caller(aws::AssumedRole const& caller, IdentityDocument const& document,
                          Cluster const& cluster);

// `instance`: EC2's word; null: there is none of that id. `address`: the other end's; empty: a load
// balancer hides it, and the callback alone decides.
Result<void> check_instance(aws::Instance const* instance, std::string_view instance_id,
                            Cluster const& cluster, std::string_view address);

// What /haagent.io/nodes/<instance id> in etcd main says.
struct NodeRecord {
  std::string node;
  std::string key_hash;  // of the client key that was signed last
  UtcTime since{};       // when that key was first signed
  UtcTime not_after{};   // of what was signed last
  bool operator==(NodeRecord const&) const = default;
};
enum class NodeState {
  absent,     // there is no such Node
  ready,      // its kubelet has told the apiserver so within its grace period
  not_ready,  // there is one, and it is not
  anothers,   // there is one, of another instance by its provider id
  unknown,    // the apiserver does not say
};
enum class RecordMove {
  create,   // nobody has joined from this instance
  keep,     // the same key again
  replace,  // another key, and nobody serves with the old one
};
// For so long after a key was signed, no other is: of two masters that one machine asks at once
// with two keys, only the first signs, though there is no Node yet.
inline constexpr Duration kKeySettles{120'000};
// A Node that is Ready keeps its key, whatever its record's end: the kubelet renews its certificate
// through the apiserver, of which the record does not hear.
Result<RecordMove> decide_record(std::optional<NodeRecord> const& record, std::string_view key_hash,
                                 NodeState state, UtcTime now);

// Who renews shows the node's client certificate, which the kubelet may have got from the
// apiserver. One that is older than what was signed here last is somebody's who had that name
// before.
Result<void> check_renewal(std::optional<NodeRecord> const& record, pki::Certificate const& shown);

// Whom a client certificate of a node is for: "ip-10-0-0-5" of CN system:node:ip-10-0-0-5 in the
// group system:nodes. Errors: denied where it is no node's.
Result<std::string> node_of(pki::Certificate const& certificate);

// Who gets what, by EC2's word alone.
struct NodeSpecs {
  NodeName node;
  pki::LeafSpec kubelet, kubelet_serving, kube_proxy;
};
NodeSpecs specs_of(aws::Instance const& instance);

}  // namespace haagent::bootstrap::join
