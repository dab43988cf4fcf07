// A region whose instances are whole machines, booted from the image that tests/vm/image makes.
#pragma once

#include <gtest/gtest.h>

#include "tests/integration/cluster_region.h"

namespace haagent::sim {

// Why no machine can boot here, or empty. The image is that of HAAGENT_VM_IMAGE.
std::string no_machines_because();
// Nor one with Kubernetes, whose image is that of HAAGENT_VM_KUBERNETES_IMAGE.
std::string no_kubernetes_machines_because(std::string const& minor);

// Everything is emulated: a quiet machine boots one in a minute, one that others share has taken a
// quarter of an hour.
inline constexpr Duration kBoots{15 * 60'000};

class Machines {
 public:
  // `name`: of the folder that keeps what is left of this run, below HAAGENT_VM_ARTEFACTS.
  Machines(std::string const& name, ClusterPlan plan);
  // Keeps the journals of what still runs, and the region's timeline.
  ~Machines();

  ClusterRegion& region() const { return *region_; }

  // As the region's own, but asked every other second: each question costs the machine a shell.
  testing::AssertionResult comes_true(std::function<bool()> const& condition,
                                      Duration deadline = kBoots) const;
  // The group has an instance, another one than `than`, its `haagent status` says ready and both
  // members are healthy.
  testing::AssertionResult master_is_ready(std::string const& group, std::string const& than = {});
  // cloud-init has ended and people can get at it; what haagent waits for holds up nothing of that.
  testing::AssertionResult has_booted(std::string const& where);

  // The output alone; fails the test where the program failed.
  std::string ask(std::string const& where, std::string const& script) const;
  // A property of a unit.
  std::string of_unit(std::string const& where, std::string const& unit,
                      std::string const& property) const;
  // What the serial port has said, of one that is gone as well.
  std::string console(std::string const& instance) const;

  // Journal, status, critical chain and blame of the instance, into its folder.
  void keep(std::string const& where) const;
  std::filesystem::path const& folder() const { return folder_; }

 private:
  std::filesystem::path folder_;
  std::unique_ptr<ClusterRegion> region_;
};

// What is wrong with how the machine booted, a line each: failed units, ordering cycles, warnings
// of haagent's units other than those that hold one of `but`.
std::vector<std::string> complaints(Machines const& machines, std::string const& where,
                                    std::vector<std::string> const& but = {});

}  // namespace haagent::sim
