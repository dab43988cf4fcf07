#include "volumes/probe.h"

#include <blkid/blkid.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

namespace haagent::volumes {
namespace {

struct FreeProbe {
  void operator()(blkid_struct_probe* each) const { blkid_free_probe(each); }
};

std::string value_of(blkid_probe probe, char const* name) {
  char const* value = nullptr;
  if (blkid_probe_lookup_value(probe, name, &value, nullptr) != 0 || !value) return "";
  return value;
}

// sb_inprogress of the XFS superblock, which mkfs.xfs clears as the last of all that it writes.
// (ext4 needs none: mkfs.ext4 writes its superblock last.)
Result<bool> is_finished_xfs(int fd) {
  constexpr off_t kInProgress = 126;
  char in_progress = 1;
  if (::pread(fd, &in_progress, 1, kInProgress) != 1)
    return fail_errno(errno, "reading the superblock");
  return in_progress == 0;
}

}  // namespace

Result<Probe> probe_signatures(int fd) {
  std::unique_ptr<blkid_struct_probe, FreeProbe> owner(blkid_new_probe());
  auto* probe = owner.get();
  if (!probe) return fail(Kind::transient, "no memory for libblkid");
  errno = 0;
  if (blkid_probe_set_device(probe, fd, 0, 0) != 0)
    return fail_errno(errno == 0 ? EIO : errno, "probing the disk");
  // BADCSUM: a superblock whose checksum is wrong is still a superblock. FORCE_GPT: so is a GPT
  // that has lost its protective MBR.
  bool ready =
      blkid_probe_enable_superblocks(probe, 1) == 0 &&
      blkid_probe_set_superblocks_flags(
          probe, BLKID_SUBLKS_MAGIC | BLKID_SUBLKS_TYPE | BLKID_SUBLKS_USAGE | BLKID_SUBLKS_UUID |
                     BLKID_SUBLKS_LABEL | BLKID_SUBLKS_BADCSUM) == 0 &&
      blkid_probe_enable_partitions(probe, 1) == 0 &&
      blkid_probe_set_partitions_flags(probe, BLKID_PARTS_FORCE_GPT | BLKID_PARTS_MAGIC) == 0;
  if (!ready) return fail(Kind::internal, "libblkid does not take its flags");

  errno = 0;
  int rc = blkid_do_safeprobe(probe);
  if (rc == 1) return Blank{};
  // Newer versions answer -1 for several signatures too; both are anything but blank.
  if (rc == -2) return Foreign{"several signatures at once"};
  if (rc != 0)
    return fail(Kind::refused, Reason::DiskNotBlank,
                "libblkid cannot tell what is on the disk, which may be data: {}",
                errno == 0 ? "several signatures, or it cannot be read"
                           : std::generic_category().message(errno));

  auto type = value_of(probe, "TYPE");
  auto usage = value_of(probe, "USAGE");
  auto table = value_of(probe, "PTTYPE");
  if (!table.empty())
    return Foreign{type.empty() ? fmt::format("a {} partition table", table)
                                : fmt::format("a {} partition table and {}", table, type)};
  if (!value_of(probe, "SBBADCSUM").empty())
    return Foreign{fmt::format("{} with a wrong checksum", type)};
  if (usage != "filesystem") return Foreign{fmt::format("{} ({})", type, usage)};
  if (type == "xfs") {
    auto finished = TRY(is_finished_xfs(fd));
    if (!finished) return Foreign{"an xfs whose mkfs did not end"};
  }
  return Formatted{
      .type = type, .uuid = value_of(probe, "UUID"), .label = value_of(probe, "LABEL")};
}

}  // namespace haagent::volumes
