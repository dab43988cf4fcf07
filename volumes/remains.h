// What an mkfs of ours leaves on a disk where it was ended halfway. It is told by comparison with
// the same mkfs, to its end, on a file of the same size: sector by sector, in the ranges that prove
// a disk blank (blank.h).
#pragma once

#include <cstdint>
#include <optional>

#include "agent/base/result.h"
#include "volumes/making.h"

namespace haagent::volumes {

// The first byte of the disk that this mkfs cannot have written: a sector that is not zero, and
// that the reference has as zeros; or one where the reference has the filesystem's UUID and the
// disk has not. Nothing: all of it is this mkfs's own. Errors: what cannot be read, of either.
Result<std::optional<std::uint64_t>> first_foreign(int disk, int reference,
                                                   std::uint64_t disk_bytes, Making const& making);

// Writes zeros over all that is not zero in the same ranges, and waits for the disk to have them.
// An interruption leaves less of the same.
Result<void> clear_remains(int disk, std::uint64_t disk_bytes);

}  // namespace haagent::volumes
