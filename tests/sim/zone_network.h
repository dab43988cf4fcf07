// The region's network: a bridge a zone, routing between them, the metadata and the load balancer's
// address on the region itself, and partitions as nftables rules.
#pragma once

#include <sys/types.h>

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "agent/base/result.h"
#include "tests/sim/hosts.h"

namespace haagent::sim {

class ZoneNetwork {
 public:
  // Inside the region's namespaces. Takes 169.254.169.254 and the addresses given as its own.
  Result<void> set_up(std::vector<std::string> const& own_addresses);
  Result<void> create_zone(ZoneSpec const& zone);
  // Gives the network namespace of `pid` an eth0 with that address on the zone's bridge. Returns
  // the name of the link's end on the bridge. `alias` is what `ip link` shows beside it.
  Result<std::string> connect(std::string const& zone, std::string const& address, pid_t pid,
                              std::string const& alias);
  // The same for a machine: a tap device, which QEMU opens. The machine asks for its address
  // itself.
  Result<std::string> connect_machine(std::string const& zone, std::string const& alias);
  void disconnect(std::string const& link);
  std::vector<std::string> gateways();

  Result<void> partition(std::vector<std::string> const& one,
                         std::vector<std::string> const& other);
  Result<void> heal();

 private:
  struct Zone {
    std::string bridge;
    std::string gateway;
  };
  std::mutex mutex_;
  std::map<std::string, Zone> zones_;
  int links_ = 0;
};

}  // namespace haagent::sim
