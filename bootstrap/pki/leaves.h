// What a master has on its disk: each authority's trusted certificates and each leaf, at kubeadm's
// paths and names.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "agent/base/facts.h"
#include "agent/base/files.h"
#include "agent/base/http.h"
#include "agent/base/node_config.h"
#include "bootstrap/layout/paths.h"
#include "bootstrap/pki/authority.h"

namespace haagent::bootstrap::pki {

// The certificates that are trusted, and where a program needs it, the signing key too.
struct TrustFile {
  Authority authority;
  char const* name;  // "etcd/ca": as a person says it
  char const* path;  // every trusted certificate
  char const* key;   // of the authority that signs; null: in the agent's memory alone
};
std::span<TrustFile const> trust_files();
// Whether a rotation may change it.
bool rotates(Authority const& authority);
TrustFile const& trust_file(Authority const& authority);

// Whom the certificates are for.
struct Subject {
  NodeConfig const& config;
  Identity const& identity;
  std::vector<std::string> members;  // this master's, of both etcd clusters: "a"
};

struct Leaf {
  Authority authority;
  std::string name;         // "etcd/server"
  std::string certificate;  // its path
  std::string key;          // its path; the same one: the kubelet's pair (kubelet_pair.h)
  LeafSpec spec;
  bool etcd_reads_key = false;  // which may be another user
};
// Errors (invalid) where the config gives no name that a certificate must carry.
Result<std::vector<Leaf>> leaves_of(Subject const& subject);

// What the listener of the join port shows.
inline constexpr kube::ClientCertificate kJoinServer{"/etc/haagent/pki/join.crt",
                                                     "/etc/haagent/pki/join.key"};

inline constexpr char kServiceAccountKey[] = "/etc/kubernetes/pki/sa.key";
inline constexpr char kServiceAccountPublic[] = "/etc/kubernetes/pki/sa.pub";

// What an agent shows to the others, and by what it knows them.
HttpTls agent_tls(Root const& root);

}  // namespace haagent::bootstrap::pki
