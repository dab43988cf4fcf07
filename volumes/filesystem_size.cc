#include "volumes/filesystem_size.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "agent/base/file_descriptor.h"

namespace haagent::volumes {
namespace {

// The kernel's struct xfs_fsop_geom_v1, which the xfs headers of user space would bring.
struct XfsGeometry {
  std::uint32_t block_bytes, realtime_extent, group_blocks, groups, log_blocks, sector_bytes,
      inode_bytes, inode_percent;
  std::uint64_t data_blocks, realtime_blocks, realtime_extents, log_start;
  std::array<unsigned char, 16> uuid;
  std::uint32_t stripe_unit, stripe_width;
  std::int32_t version;
  std::uint32_t flags, log_sector_bytes, realtime_sector_bytes, directory_block_bytes;
};
static_assert(sizeof(XfsGeometry) == 112);
constexpr unsigned long kXfsGeometry = _IOR('X', 100, XfsGeometry);

std::uint32_t little_endian(unsigned char const* at) {
  return std::uint32_t{at[0]} | std::uint32_t{at[1]} << 8u | std::uint32_t{at[2]} << 16u |
         std::uint32_t{at[3]} << 24u;
}

using Superblock = std::array<unsigned char, 1024>;

Result<Superblock> ext4_superblock(std::string const& device) {
  FileDescriptor fd(::open(device.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail_errno(errno, fmt::format("opening {}", device));
  Superblock superblock;
  auto got = ::pread(fd.get(), superblock.data(), superblock.size(), 1024);
  if (got != static_cast<ssize_t>(superblock.size()))
    return fail_errno(got < 0 ? errno : EIO, fmt::format("reading the superblock of {}", device));
  if (superblock[0x38] != 0x53 || superblock[0x39] != 0xef)
    return fail(Kind::internal, "{} has no ext4 superblock", device);
  return superblock;
}

}  // namespace

Result<std::uint64_t> ext4_bytes(std::string const& device) {
  auto superblock = TRY(ext4_superblock(device));
  constexpr std::uint32_t k64Bit = 0x80;
  std::uint64_t blocks = little_endian(&superblock[0x04]);
  if (little_endian(&superblock[0x60]) & k64Bit)
    blocks |= std::uint64_t{little_endian(&superblock[0x150])} << 32u;
  return blocks * 1024 << (little_endian(&superblock[0x18]) & 7u);
}

Result<std::string> ext4_on_error(std::string const& device) {
  auto superblock = TRY(ext4_superblock(device));
  switch (superblock[0x3c]) {  // s_errors, of which the high byte is not used
    case 2:
      return "remount-ro";
    case 3:
      return "panic";
    default:
      return "continue";
  }
}

Result<std::uint64_t> xfs_bytes(std::filesystem::path const& mount_point) {
  FileDescriptor fd(::open(mount_point.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY));
  if (!fd) return fail_errno(errno, fmt::format("opening {}", mount_point.string()));
  XfsGeometry geometry{};
  if (::ioctl(fd.get(), kXfsGeometry, &geometry) != 0)
    return fail_errno(errno,
                      fmt::format("asking the XFS at {} for its size", mount_point.string()));
  return geometry.data_blocks * geometry.block_bytes;
}

}  // namespace haagent::volumes
