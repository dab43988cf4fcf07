// An instance that is a whole machine, in QEMU, instead of namespaces. See MACHINES.md.
#pragma once

#include <filesystem>

namespace haagent::sim {

struct MachineSpec {
  std::filesystem::path image;  // a folder with root.img, vmlinuz and initrd.img
  int memory = 1024;            // MiB
  int processors = 1;
  bool operator==(MachineSpec const&) const = default;
};

}  // namespace haagent::sim
