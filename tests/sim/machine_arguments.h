// QEMU's command line for an instance that is a whole machine. Pure.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "agent/base/tree.h"
#include "tests/sim/hosts.h"

namespace haagent::sim {

inline constexpr int kMachinePorts = 16;  // NVMe disks that a machine has room for, the root's not

struct MachineDisk {
  std::string volume;  // "vol-0a1b.."
  std::filesystem::path file;
  int port = 0;  // 1 to kMachinePorts
};

struct MachinePlaces {
  std::filesystem::path monitor;  // sockets of QEMU's
  std::filesystem::path agent;
  std::filesystem::path root;     // the root disk, qcow2
  std::filesystem::path console;  // what comes out of the serial port, appended
  std::string link;               // the tap device
};

std::vector<std::string> machine_arguments(InstanceSpec const& spec, MachinePlaces const& places,
                                           std::vector<MachineDisk> const& disks);

// What the monitor is told to plug a disk: arguments of blockdev-add and of device_add.
std::string drive_name(std::string const& volume);
std::string device_name(std::string const& volume);
Tree drive_of(MachineDisk const& disk);
Tree device_of(MachineDisk const& disk);

}  // namespace haagent::sim
