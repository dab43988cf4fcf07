// What answers DHCP and DNS on the zones' bridges, for instances that are machines: dnsmasq,
// started with the first of them.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "agent/base/result.h"

namespace haagent::sim {

class DhcpServer {
 public:
  // `gateways`: the zones' own addresses, where it answers. `work` is a folder of its own.
  static Result<std::unique_ptr<DhcpServer>> start(std::vector<std::string> const& gateways,
                                                   std::filesystem::path const& work);
  ~DhcpServer();

  // From now on the machine with that hardware address is given this address and name.
  Result<void> know(std::string const& mac, std::string const& address,
                    std::string const& hostname);

 private:
  DhcpServer(pid_t pid, std::filesystem::path hosts) : pid_(pid), hosts_(std::move(hosts)) {}
  pid_t pid_;
  std::filesystem::path hosts_;
};

}  // namespace haagent::sim
