// Brings the kernel and the container runtime's configuration to what is wanted, by iproute2 and
// nftables.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "agent/base/files.h"
#include "agent/base/process.h"
#include "bootstrap/pod_network/plan.h"

namespace haagent::bootstrap::pod_network {

// The container runtime takes the first file of this folder by name.
inline constexpr char kCniFolder[] = "/etc/cni/net.d";
inline constexpr char kCniFile[] = "/etc/cni/net.d/10-haagent.conflist";

class KernelNetwork {
 public:
  KernelNetwork(Root root, Process& process) : root_(std::move(root)), process_(process) {}

  Result<int> mtu_of(std::string const& address, std::stop_token stop);
  // Makes it so, and looks again: transient where it is not so afterwards. True where anything had
  // to be done. The runtime's configuration is the last: with it the node becomes Ready.
  Result<bool> make(Wanted const& wanted, std::stop_token stop);
  // Takes all of it away again.
  Result<void> remove(std::stop_token stop);

  // Configurations of another pod network, by their paths.
  Result<std::vector<std::string>> others() const;

 private:
  Result<Seen> look(int port, std::stop_token stop);
  Result<std::string> run(std::vector<std::string> argv, std::string input, bool may_fail,
                          std::stop_token stop);
  Result<bool> forward();
  Result<bool> make_rules(Wanted const& wanted, std::stop_token stop);

  Root root_;
  Process& process_;
  std::string rules_;   // asked for
  std::string listed_;  // as nft then lists them
};

}  // namespace haagent::bootstrap::pod_network
