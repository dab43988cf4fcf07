// Certificates for programs that read the agents' pages and are no part of the cluster: Prometheus.
//
// The agents' authority signs them, so that a master's server lets them in. They are good for a
// client alone, and carry no host's name and no address: nobody takes them for a master's server,
// no announcement is believed of them, and neither etcd nor the apiserver goes by that authority.
#pragma once

#include <string>
#include <string_view>

#include "agent/base/node_config.h"
#include "bootstrap/pki/bundle.h"

namespace haagent::bootstrap::pki {

inline constexpr char kClientsOrganization[] = "haagent:clients";
inline constexpr Duration kClientLifetime = std::chrono::hours(90 * 24);
inline constexpr Duration kClientLifetimeCap = std::chrono::hours(365 * 24);
inline constexpr Duration kClientLifetimeLeast = std::chrono::hours(1);

// Errors (invalid): not lower-case letters, digits, '-' and '.', or a name that a node, a member or
// a component of the cluster has.
Result<void> check_client_name(NodeConfig const& config, std::string_view name);

struct IssuedClient {
  KeyPair pair;
  std::string trust;  // by what the client knows the masters
  UtcTime not_after{};
};
// Errors: invalid for the name or the lifetime; refused while the authority is about to be dropped.
Result<IssuedClient> issue_client(NodeConfig const& config, Bundle const& agents,
                                  std::string const& name, Duration lifetime, UtcTime now);

}  // namespace haagent::bootstrap::pki
