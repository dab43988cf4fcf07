#include "tests/sim/dhcp_server.h"

#include <signal.h>

#include "agent/base/files.h"
#include "tests/sim/daemon.h"
#include "tests/sim/ids.h"

namespace haagent::sim {

using namespace std::chrono_literals;

Result<std::unique_ptr<DhcpServer>> DhcpServer::start(std::vector<std::string> const& gateways,
                                                      std::filesystem::path const& work) {
  auto const hosts = work / "hosts";
  if (auto made = make_directories(hosts); !made) return std::unexpected(made.error());
  std::vector<std::string> argv = {"dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null",
                                   "--user=root", "--pid-file", "--log-facility=-", "--log-dhcp",
                                   // Names of its own machines and no others: nothing is forwarded.
                                   "--no-resolv", "--no-hosts", "--except-interface=lo",
                                   "--bind-interfaces", "--dhcp-authoritative",
                                   "--dhcp-hostsdir=" + hosts.string(),
                                   "--dhcp-leasefile=" + (work / "leases").string()};
  for (auto const& gateway : gateways) {
    auto const subnet = format_ipv4(subnet_of(parse_ipv4(gateway).value_or(0)));
    argv.push_back(fmt::format("--listen-address={}", gateway));
    argv.push_back(fmt::format("--dhcp-range={},static,255.255.240.0,1h", subnet));
  }
  auto const pid = start_daemon({argv, {}, work / "log"});
  if (!pid) return fail(pid.error(), "machines need dnsmasq for their addresses");
  return std::unique_ptr<DhcpServer>(new DhcpServer(*pid, hosts));
}

DhcpServer::~DhcpServer() {
  end_daemon(pid_, 2s);
}

Result<void> DhcpServer::know(std::string const& mac, std::string const& address,
                              std::string const& hostname) {
  // It watches the folder: a file that is moved there is read at once.
  return replace_file(hosts_ / address, fmt::format("{},{},{}\n", mac, address, hostname));
}

}  // namespace haagent::sim
