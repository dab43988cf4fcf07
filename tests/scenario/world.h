// A region with masters' volumes and instances, whole, in memory, and what is expected of it.
#pragma once

#include <functional>
#include <string>
#include <vector>
#include "tests/support/memory_store.h"

#include "tests/scenario/machine.h"
#include "tests/support/temporary_directory.h"

namespace haagent::scenario {

class World {
 public:
  World();

  // A volume of the cluster as an operator makes it: "a" in "eu-west-1a", "vol-main-a", free.
  aws::Volume volume(EtcdCluster cluster, std::string const& member,
                     std::string const& members = "a,b,c") const;
  void add(aws::Volume const& volume, test::ModelDisk disk = {});
  void remove(std::string const& volume_id);
  // Both blank volumes of a member.
  void add_pair(std::string const& member, std::string const& members = "a,b,c");
  // A running instance in the member's zone; the first one is the one under test.
  Machine& add_machine(std::string const& instance_id, std::string const& zone_letter,
                       NodeConfig const& config);
  Machine& add_master(std::string const& instance_id, std::string const& zone_letter);
  aws::Instance instance_of(Machine const& machine) const;
  // An instance without haagent that holds these volumes.
  void add_owner(std::string const& instance_id, std::string const& state,
                 std::vector<std::string> const& held, std::string const& address = "10.0.9.9");
  // Both clusters of a, b and c as they are after a while: volumes with their data, markers and
  // tags; b and c on instances of their own, where etcd runs as long as they are `up`; a's volumes
  // free.
  enum class Peers { up, down };
  void add_formed_clusters(Peers peers);

  // Each machine's life on a thread of its own, all in one time.
  struct Life {
    Machine& machine;
    std::function<void()> live;
  };
  void run(std::vector<Life> lives);

  // The whole world as far as it must come out the same, seen from this machine: volumes, mounts,
  // members, files. What Kubernetes' files say of the instance counts on the same instance only.
  std::string state(Machine& machine, bool same_instance);
  // What must never happen, and did.
  std::vector<std::string> violations() const;

  test::TemporaryDirectory directory;
  test::VirtualClock clock;
  test::FakeEc2 ec2{clock};
  test::DiskModel disks{directory / "disks", ec2, clock};
  test::EtcdModel etcd{clock};
  test::MemoryStore store{clock};  // with the cluster's authorities
  std::vector<std::unique_ptr<Machine>> machines;
  std::vector<std::string> volume_ids;
};

NodeConfig master_config();

}  // namespace haagent::scenario
