// What a member's etcd trusts. etcd reads those files only when it starts, so each member has
// copies of its own, which are written before each start and at no other time: anyone who reads
// them while etcd runs reads what that etcd has loaded, whatever was killed in between.
#pragma once

#include <filesystem>
#include <string>

#include "agent/base/facts.h"
#include "agent/base/files.h"

namespace haagent::bootstrap {

struct EtcdTrust {
  std::string clients;  // PEM: the authorities of those who may ask
  std::string peers;    // and of the other members
  bool operator==(EtcdTrust const&) const = default;
};

// The copies' paths, not yet under the root.
std::filesystem::path etcd_clients_trust_path(EtcdCluster cluster);
std::filesystem::path etcd_peers_trust_path(EtcdCluster cluster);

// As the step pki has written it for all of the machine. Empty where it has not.
Result<EtcdTrust> wanted_trust(Root const& root);
// As the member was last started with. Empty where it never was.
Result<EtcdTrust> loaded_trust(Root const& root, EtcdCluster cluster);
// Before a start. What pki has not written stays what it was.
Result<void> load_trust(Root const& root, EtcdCluster cluster);

// The same for the same trust, short.
std::string digest_of(EtcdTrust const& trust);

}  // namespace haagent::bootstrap
