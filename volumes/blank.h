// The proof that nothing stands on a disk. libblkid's "nothing found" is half of it; the other half
// is that every byte of the probed ranges can be read and is zero, as on a fresh EBS volume.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "volumes/probe.h"

namespace haagent::volumes {

struct Range {
  std::uint64_t offset;
  std::uint64_t length;
  bool operator==(Range const&) const = default;
};

// Sorted, without overlap: the first and the last 16 MiB; where ext4 keeps backups of its
// superblock, for blocks of 1, 2 and 4 KiB; samples at even distance, which the heads of XFS's
// allocation groups are among. All of a disk up to 64 MiB.
std::vector<Range> probed_ranges(std::uint64_t disk_bytes);

// The offset of the first byte that is not zero in one of the ranges, which are read side by side.
// Errors: a range in front of it that cannot be read in full (refused, internal).
Result<std::optional<std::uint64_t>> first_non_zero(int fd, std::vector<Range> const& ranges);

// Signatures and bytes together: Blank is proven blank.
Result<Probe> probe_disk(int fd, std::uint64_t disk_bytes);

}  // namespace haagent::volumes
