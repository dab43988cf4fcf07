// What stands on a disk, as far as libblkid knows. Reads only.
#pragma once

#include <string>
#include <variant>

#include "agent/base/result.h"

namespace haagent::volumes {

// Nothing was found, and (where blank.h made it) the probed ranges are all zero.
struct Blank {
  bool operator==(Blank const&) const = default;
};
// One filesystem, whole, and nothing else.
struct Formatted {
  std::string type;  // "ext4"
  std::string uuid;
  std::string label;
  bool operator==(Formatted const&) const = default;
};
// Anything else: partition tables, LUKS, RAID, two signatures, bad checksums, stray bytes.
struct Foreign {
  std::string what;  // "a gpt partition table"
  bool operator==(Foreign const&) const = default;
};
// What an mkfs of haagent's own left when it was ended halfway, and nothing else (remains.h): never
// mounted, nobody's data. Only where the volume's tag says which mkfs (making.h).
struct HalfMade {
  std::string type;
  std::string uuid;
  bool operator==(HalfMade const&) const = default;
};
using Probe = std::variant<Blank, Formatted, Foreign, HalfMade>;

// The signatures on an open disk. `Blank` here means only that libblkid knows none of them, which
// is no proof: random data and an ext4 without its first 4 KiB look the same to it. An XFS whose
// superblock says that its mkfs is under way is Foreign: no kernel mounts it. Errors:
// internal where libblkid fails (a disk that cannot be read is never blank).
Result<Probe> probe_signatures(int fd);

}  // namespace haagent::volumes
