// The control groups of instances that run containers: one group each, in every hierarchy of
// cgroup version 1 that the machine has mounted. Version 2 is for whole machines (MACHINES.md).
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"

namespace haagent::sim {

struct CgroupHierarchy {
  std::filesystem::path mount;  // "/sys/fs/cgroup/memory"
  std::string options;          // what mounts the same one again: "memory", "none,name=systemd"
};

// Out of the text of /proc/self/mountinfo. Pure.
std::vector<CgroupHierarchy> cgroup_hierarchies(std::string_view mountinfo);

class InstanceCgroups {
 public:
  // haagent-sim-<marker>/<instance> in each hierarchy. Errors (invalid) where the machine has no
  // cgroup version 1.
  static Result<InstanceCgroups> make(std::string const& marker, std::string const& instance);

  Result<void> enter(pid_t pid) const;
  // Everybody in them and below: an instance's containers have pid namespaces of their own.
  std::vector<pid_t> members() const;
  // Once the instance has ended. What is still held is left for sweep_cgroups().
  void remove() const;

 private:
  std::vector<std::filesystem::path> groups_;
};

// In a cgroup namespace of its own, whose root is the instance's group: mounts every hierarchy
// below `target`, which exists.
Result<void> mount_cgroups(std::filesystem::path const& target);

// The groups of regions whose process has ended without removing them (kill -9).
void sweep_cgroups();
// Those that are there of one region.
std::vector<std::filesystem::path> cgroups_of(std::string_view marker);

}  // namespace haagent::sim
