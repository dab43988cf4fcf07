// Hosts on one Linux machine: instances are namespaces, zones are bridges, volumes are sparse files
// on loop devices, the load balancer is haproxy. See HOSTS.md for what is real and what is not.
// All methods may be called from any thread; those on one instance wait for each other.
#pragma once

#include <memory>
#include <utility>

#include "agent/base/clock.h"
#include "tests/sim/hosts.h"
#include "tests/sim/region_namespaces.h"
#include "tests/sim/zone_network.h"

namespace haagent::sim {

// The machine image: what every instance sees over the host's own root file system.
struct MachineImage {
  // Path inside to file outside: copied once, with its mode. {"/usr/sbin/haagent", "build/haagent"}
  std::vector<std::pair<std::string, std::filesystem::path>> files;
};

struct LoadBalancerOptions {
  std::string address = "10.255.0.10";
  std::vector<std::uint16_t> ports = {443, 6443};
  std::uint16_t target_port = 6443;
  std::uint16_t join_port = 3998;  // the second listener, to the same port of the targets
  bool tls_health_check = true;    // GET /readyz over TLS, else in plain text
  Duration health_interval{500};
};

// How the next plug() shows a volume. Each is a thing that happens on EC2.
struct DeviceOptions {
  bool udev = true;              // false: no uevents, no udev database, no /run/udev/control
  bool swap_nvme_order = false;  // numbers count down, so that NVMe order is not attach order
  Duration node_delay{0};        // plug() returns, the device comes that much later
};

enum class DiskFault {
  unreadable,  // reads fail with EIO, the size stays
  dead,        // reads and writes fail with EIO
};

class NamespaceHosts final : public Hosts {
 public:
  struct Options {
    MachineImage image;
    LoadBalancerOptions load_balancer;
    // The stand-in for kubelet and apiserver that instances run. Empty: haagent-sim-apiserver
    // beside the program that runs.
    std::filesystem::path apiserver_standin;
    // Where each instance has a folder that is its /var/log, which outlives it. Empty: none.
    std::filesystem::path logs;
  };

  // 169.254.169.254 and the load balancer's address are the region's own once this returns.
  static Result<std::unique_ptr<NamespaceHosts>> create(RegionNamespaces const& region,
                                                        Options const& options);
  ~NamespaceHosts() override;  // power_cut for all

  Result<void> create_zone(ZoneSpec const& zone) override;
  Result<void> start(InstanceSpec const& spec, std::function<void()> on_exit) override;
  Result<void> stop(std::string const& id, Stop how) override;
  Result<void> destroy(std::string const& id) override;
  Result<void> freeze(std::string const& id, bool frozen) override;
  Result<std::vector<std::string>> way_into(std::string const& id) override;
  Result<std::string> execute(std::string const& id, std::vector<std::string> const& argv) override;
  Result<std::filesystem::path> root_of(std::string const& id) override;

  Result<void> create_volume(std::string const& volume_id, std::uint64_t bytes,
                             std::filesystem::path const& from = {}) override;
  Result<void> grow_volume(std::string const& volume_id, std::uint64_t bytes) override;
  Result<void> delete_volume(std::string const& volume_id) override;
  std::filesystem::path volume_file(std::string const& volume_id) override;
  Result<void> plug(std::string const& volume_id, std::string const& instance_id,
                    std::string const& device_name) override;
  // conflict while the device is mounted or otherwise held, as EC2 leaves it `busy`.
  Result<void> unplug(std::string const& volume_id, std::string const& instance_id) override;

  Result<void> set_targets(std::vector<std::string> const& addresses) override;
  Result<void> partition(std::vector<std::string> const& one,
                         std::vector<std::string> const& other) override;
  Result<void> heal() override;

  // Beyond Hosts: faults and facts.
  void set_device_options(DeviceOptions const& options);
  Result<void> break_volume(std::string const& volume_id, DiskFault fault);  // for good
  Result<std::string> execute(std::string const& id, std::vector<std::string> const& argv,
                              Duration deadline);
  std::string const& load_balancer_address() const;
  ZoneNetwork& network();

 private:
  struct Machine;
  explicit NamespaceHosts(std::unique_ptr<Machine> machine);
  std::unique_ptr<Machine> machine_;
};

}  // namespace haagent::sim
