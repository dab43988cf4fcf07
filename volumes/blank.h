// The proof that nothing stands on a disk. libblkid's "nothing found" is half of it; the other half
// is that every byte of the probed ranges can be read and is zero, as on a fresh EBS volume.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
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

// Ranges in reads of at most this many bytes: whole sectors, but for the end of a range.
inline constexpr std::uint64_t kPieceBytes = 1u << 20u;
std::vector<Range> pieces_of(std::vector<Range> const& ranges);

// All of the piece. `what` ("the disk") stands in an error. Errors: refused where it cannot be
// read, since that may be data; internal where the disk ends before.
Result<void> read_whole(int fd, std::string_view what, Range const& piece, std::vector<char>& into);

// The offset of the first byte that is not zero in one of the ranges, which are read side by side.
// Errors: a range in front of it that cannot be read in full (refused, internal).
Result<std::optional<std::uint64_t>> first_non_zero(int fd, std::vector<Range> const& ranges);

// Signatures and bytes together: Blank is proven blank.
Result<Probe> probe_disk(int fd, std::uint64_t disk_bytes);

}  // namespace haagent::volumes
