// What an instance sees of its disks: /sys, /dev and /run/udev, made by hand the way the kernel's
// NVMe driver and udevd make them for EBS.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>

#include "agent/base/result.h"
#include "tests/sim/uevent.h"

namespace haagent::sim {

struct NvmeDisk {
  int number = 0;    // nvme<number>n1
  dev_t device = 0;  // the loop device behind it
  std::uint64_t bytes = 0;
  std::string serial;  // "vol0a1b2c3d4e5f60718", at most 20 characters
  bool node = true;    // false: no file in /dev
};

// "vol-0a1b2c3d4e5f60718" as the NVMe driver shows it: "vol0a1b2c3d4e5f60718".
std::string serial_of(std::string const& volume_id);

class NvmeTree {
 public:
  // The folders that are the instance's /sys, /dev and /run.
  NvmeTree(std::filesystem::path sys, std::filesystem::path dev, std::filesystem::path run)
      : sys_(std::move(sys)), dev_(std::move(dev)), run_(std::move(run)) {}

  // The skeleton, with nothing but a root disk nvme0n1 of that serial. The folders must be empty.
  Result<void> make(std::string const& root_serial, bool udev) const;
  // Node, tree, then (udev) links and database entry: each is whole before the next shows.
  Result<void> add(NvmeDisk const& disk, bool udev) const;
  Result<void> resize(NvmeDisk const& disk) const;
  Result<void> remove(NvmeDisk const& disk, bool udev) const;
  // What udevd says of it: action is "add", "change" or "remove".
  Properties event(NvmeDisk const& disk, std::string const& action, std::uint64_t sequence) const;

 private:
  std::filesystem::path sys_;
  std::filesystem::path dev_;
  std::filesystem::path run_;
};

}  // namespace haagent::sim
