// What a mounted filesystem says of itself. How large it is, as it counts itself: statfs leaves the
// journal and other overhead out. And what ext4 does on an error.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "agent/base/result.h"

namespace haagent::volumes {

Result<std::uint64_t> ext4_bytes(std::string const& device);                // from the superblock
Result<std::uint64_t> xfs_bytes(std::filesystem::path const& mount_point);  // from the kernel

// "remount-ro", "continue" or "panic", where the mount does not say otherwise.
Result<std::string> ext4_on_error(std::string const& device);

// A difference of less than a block group is no growth.
inline constexpr std::uint64_t kWorthGrowing = 128ull << 20u;

}  // namespace haagent::volumes
