// What the kubelet of a worker serves with where its certificates are brought, and whether the
// apiserver takes it. Of others haagent makes it (leaves.h, bootstrap/join).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "agent/base/facts.h"
#include "agent/base/files.h"
#include "agent/base/node_config.h"
#include "bootstrap/pki/x509.h"

namespace haagent::bootstrap::pki {

// What the apiserver has against it, where it reaches the kubelet at the identity's address; empty:
// nothing. Pure.
std::string serving_flaw(std::string_view certificate, Secret const& key, std::string_view trust,
                         Identity const& identity, UtcTime now);

struct KubeletServing {
  std::string flaw;  // as above, or that there is none
  std::optional<Certificate> certificate;
};
// Nothing where the config says that the kubelet gets it elsewhere (kube/cautions.h has said what
// that takes), or where the authority is not here to tell.
Result<std::optional<KubeletServing>> read_kubelet_serving(NodeConfig const& config,
                                                           Root const& root,
                                                           Identity const& identity, UtcTime now);

}  // namespace haagent::bootstrap::pki
