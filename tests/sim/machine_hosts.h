// Hosts whose instances are namespaces, or whole machines in QEMU where their spec says so
// (MACHINES.md). Zones, volumes and the load balancer are those of the namespaces' hosts.
#pragma once

#include <memory>

#include "agent/base/clock.h"
#include "tests/sim/namespace_hosts.h"
#include "tests/sim/region_namespaces.h"

namespace haagent::sim {

// The argument by which haagent-sim runs a program in a machine: `guest-run SOCKET PROGRAM ...`.
inline constexpr char const* kGuestRun = "guest-run";
int guest_run(int argc, char** argv);

class MachineHosts final : public Hosts {
 public:
  // `logs`: where each machine has a folder with its console.log; empty: none outlives the region.
  MachineHosts(RegionNamespaces const& region, std::unique_ptr<NamespaceHosts> others,
               std::filesystem::path const& logs);
  ~MachineHosts() override;  // power_cut for all
  NamespaceHosts& others();

  Result<void> create_zone(ZoneSpec const& zone) override;
  Result<void> start(InstanceSpec const& spec, std::function<void()> on_exit) override;
  Result<void> stop(std::string const& id, Stop how) override;
  Result<void> destroy(std::string const& id) override;
  Result<void> freeze(std::string const& id, bool frozen) override;
  Result<std::vector<std::string>> way_into(std::string const& id) override;
  Result<std::string> execute(std::string const& id, std::vector<std::string> const& argv) override;
  Result<std::filesystem::path> root_of(std::string const& id) override;  // invalid for machines

  Result<void> create_volume(std::string const& volume_id, std::uint64_t bytes,
                             std::filesystem::path const& from = {}) override;
  Result<void> grow_volume(std::string const& volume_id, std::uint64_t bytes) override;
  Result<void> delete_volume(std::string const& volume_id) override;
  std::filesystem::path volume_file(std::string const& volume_id) override;
  Result<void> plug(std::string const& volume_id, std::string const& instance_id,
                    std::string const& device_name) override;
  // conflict while the guest has it mounted, and where the guest does not let it go.
  Result<void> unplug(std::string const& volume_id, std::string const& instance_id) override;

  Result<void> set_targets(std::vector<std::string> const& addresses) override;
  Result<void> partition(std::vector<std::string> const& one,
                         std::vector<std::string> const& other) override;
  Result<void> heal() override;

 private:
  struct Room;
  std::unique_ptr<Room> room_;
};

}  // namespace haagent::sim
