// What the region asks of the machine that it runs on: zones as bridges, instances as namespaces,
// volumes as loop devices, a load balancer as haproxy. The region decides; this only does.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/result.h"
#include "tests/sim/machine_spec.h"
#include "tests/sim/service_spec.h"

namespace haagent::sim {

struct InstanceSpec {
  std::string id;        // "i-0123456789abcdef0"
  std::string zone;      // "eu-west-1a"
  std::string address;   // "10.0.0.10": in the zone's subnet
  std::string hostname;  // "ip-10-0-0-10.eu-west-1.compute.internal"
  // Files laid over the host's root before the first program starts: absolute path to content.
  std::vector<std::pair<std::string, std::string>> files;
  // What pid 1 runs and starts again when it ends with another code than 0, 77 or 78.
  std::vector<std::string> argv;
  // Beside it, in this order, and started again whatever they end with.
  std::vector<ServiceSpec> services;
  // What a container runtime and a kubelet need: control groups, device nodes, mounts that are
  // shared with containers, a /var/lib/containerd that takes overlays. The stand-in for the kubelet
  // does not run then.
  bool containers = false;
  // Set: it boots this, and `files` and `argv` are empty; what it does is up to its image and to
  // its user-data.
  std::optional<MachineSpec> machine;
  std::string type;  // "m6i.large"
};

struct ZoneSpec {
  std::string name;     // "eu-west-1a"
  std::string gateway;  // "10.0.0.1"; the subnet is gateway/20
};

class Hosts {
 public:
  virtual ~Hosts() = default;

  virtual Result<void> create_zone(ZoneSpec const& zone) = 0;

  // Power on. Returns when pid 1 runs. `on_exit` is called once, from any thread, when the
  // instance's pid 1 is gone for another reason than stop().
  virtual Result<void> start(InstanceSpec const& spec, std::function<void()> on_exit) = 0;
  enum class Stop {
    shutdown,   // ACPI's power button: SIGTERM to pid 1, up to 30 s, then as power_cut
    reboot,     // Ctrl-Alt-Del: SIGINT to pid 1, else as shutdown; start() is to follow
    power_cut,  // everything stops at once; what was not flushed to a volume is lost
  };
  // Its volumes stay plugged in, are without a loop device until the next start(), and leave by
  // unplug() or destroy(); the root disk is kept for a reboot.
  // Nothing to do where it is off, or its first start failed.
  virtual Result<void> stop(std::string const& id, Stop how) = 0;
  virtual Result<void> destroy(
      std::string const& id) = 0;  // stop(power_cut) if running, forget the root disk
  virtual Result<void> freeze(std::string const& id,
                              bool frozen) = 0;  // SIGSTOP/SIGCONT for all inside
  // The words to put before a program's own, so that it runs inside the instance's namespaces.
  virtual Result<std::vector<std::string>> way_into(std::string const& id) = 0;
  // Runs a program there and returns its output (stdout then stderr).
  virtual Result<std::string> execute(std::string const& id,
                                      std::vector<std::string> const& argv) = 0;
  virtual Result<std::filesystem::path> root_of(std::string const& id) = 0;  // /proc/<pid>/root

  // Volumes. create makes a sparse file; from copies one (a snapshot).
  virtual Result<void> create_volume(std::string const& volume_id, std::uint64_t bytes,
                                     std::filesystem::path const& from = {}) = 0;
  // Larger than it is; where it is plugged in, the device grows at once.
  virtual Result<void> grow_volume(std::string const& volume_id, std::uint64_t bytes) = 0;
  virtual Result<void> delete_volume(std::string const& volume_id) = 0;
  virtual std::filesystem::path volume_file(std::string const& volume_id) = 0;
  // Shows the volume inside the instance as an NVMe device with the EBS serial, and tells libudev's
  // listeners there. device_name is what EC2 calls it ("/dev/sdf").
  virtual Result<void> plug(std::string const& volume_id, std::string const& instance_id,
                            std::string const& device_name) = 0;
  virtual Result<void> unplug(std::string const& volume_id, std::string const& instance_id) = 0;

  // The load balancer: TCP to address:port of each target, health-checked. Replaces the targets.
  virtual Result<void> set_targets(std::vector<std::string> const& addresses) = 0;

  // Traffic between the two sets of addresses is dropped, both ways, until healed. The metadata and
  // API addresses stay reachable.
  virtual Result<void> partition(std::vector<std::string> const& one,
                                 std::vector<std::string> const& other) = 0;
  virtual Result<void> heal() = 0;
};

}  // namespace haagent::sim
