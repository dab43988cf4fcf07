// How large a mounted filesystem is, as the filesystem itself counts: statfs leaves the journal and
// other overhead out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "agent/base/result.h"

namespace haagent::volumes {

Result<std::uint64_t> ext4_bytes(std::string const& device);                // from the superblock
Result<std::uint64_t> xfs_bytes(std::filesystem::path const& mount_point);  // from the kernel

// A difference of less than a block group is no growth.
inline constexpr std::uint64_t kWorthGrowing = 128ull << 20u;

}  // namespace haagent::volumes
