#include "volumes/disks.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "agent/base/file_descriptor.h"
#include "agent/base/filesystem_space.h"
#include "agent/base/last_words.h"
#include "agent/base/progress.h"
#include "volumes/blank.h"
#include "volumes/ebs_page.h"
#include "volumes/filesystem_size.h"
#include "volumes/remains.h"

namespace haagent::volumes {
namespace {

constexpr Duration kLockDeadline{10'000};
constexpr Duration kFreeDeadline{2'000};

// The node, held against the device that was found: a path is only a name.
Result<FileDescriptor> open_disk(BlockDevice const& device, int flags) {
  FileDescriptor fd(::open(device.path.c_str(), O_CLOEXEC | flags));
  if (!fd) {
    auto error = errno_error(errno, fmt::format("opening {}", device.path));
    if (errno == EBUSY) {
      error.kind = Kind::transient;
      error.message.reason = Reason::VolumeInUse;
      error.message.text += worded(" (mounted, or held by another program)");
    }
    return std::unexpected(std::move(error));
  }
  struct stat status;
  if (::fstat(fd.get(), &status) != 0)
    return fail_errno(errno, fmt::format("looking at {}", device.path));
  if (!S_ISBLK(status.st_mode) || status.st_rdev != device.number)
    return fail(Kind::refused, Reason::DiskChanged,
                "{} is not the disk any more that was found there", device.path);
  return fd;
}

// udevd and well-behaved tools leave a disk alone whose node is locked.
Result<void> lock_disk(int fd, BlockDevice const& device, Clock& clock, std::stop_token stop) {
  auto deadline = clock.steady() + kLockDeadline;
  while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR)
      return fail_errno(errno, fmt::format("locking {}", device.path));
    if (clock.steady() >= deadline)
      return fail(Kind::transient, Reason::VolumeInUse, "{} is locked by another program",
                  device.path);
    if (!clock.sleep(Duration(100), stop))
      return fail(Kind::interrupted, "stopped while waiting for the lock of {}", device.path);
  }
  return {};
}

Result<FileDescriptor> open_locked(BlockDevice const& device, Clock& clock, std::stop_token stop) {
  auto fd = TRY(open_disk(device, O_RDONLY));
  TRY(lock_disk(fd.get(), device, clock, std::move(stop)));
  return fd;
}

// A program that another thread starts holds all that this process has open until its own exec, our
// own claim of the disk with it: mkfs, which wants the disk alone, would find it in use.
Result<void> wait_until_free(BlockDevice const& device, Clock& clock, std::stop_token stop) {
  auto const deadline = clock.steady() + kFreeDeadline;
  while (true) {
    auto const alone = open_disk(device, O_EXCL);
    if (alone) return {};
    if (alone.error().kind != Kind::transient || clock.steady() >= deadline)
      return std::unexpected(alone.error());
    if (!clock.sleep(Duration(5), stop))
      return fail(Kind::interrupted, "stopped while waiting for {}", device.path);
  }
}

Result<void> demand_writable_and_whole(int fd, BlockDevice const& device) {
  int read_only = 0;
  std::uint64_t bytes = 0;
  if (::ioctl(fd, BLKROGET, &read_only) != 0 || ::ioctl(fd, BLKGETSIZE64, &bytes) != 0)
    return fail_errno(errno, fmt::format("asking {} for its size", device.path));
  if (read_only) return fail(Kind::refused, Reason::DiskReadOnly, "{} is read-only", device.path);
  if (bytes != device.bytes)
    return fail(Kind::refused, Reason::DiskChanged, "{} has {} bytes, not the {} that were found",
                device.path, bytes, device.bytes);
  return {};
}

// The disk's own sector where it is larger than what it can be asked for: XFS must not be made for
// less. Never more than its block.
Result<unsigned> sector_bytes(int fd, BlockDevice const& device) {
  unsigned bytes = 0;
  if (::ioctl(fd, BLKPBSZGET, &bytes) != 0)
    return fail_errno(errno, fmt::format("asking {} for its sector's size", device.path));
  return std::clamp(bytes, 512u, 4096u);
}

// The layout must depend on nothing but this and the size: not on the disk's kind nor on the number
// of processors. The same mkfs on a file is what remains are told by (remains.h).
std::vector<std::string> mkfs_argv(Making const& making, std::string const& label, unsigned sector,
                                   std::uint64_t bytes, std::string const& path) {
  // Never with force. The tables are written now, so that no thread of the kernel disturbs etcd's
  // fsync later; with few inodes (etcd keeps a handful of files) that is quick.
  if (making.type == "xfs") {
    constexpr std::uint64_t kLargestGroup = (1ull << 40u) - 4096;  // 1 TiB without a block
    auto groups = std::max<std::uint64_t>(4, (bytes + kLargestGroup - 1) / kLargestGroup);
    return {"mkfs.xfs",
            "-q",
            "-K",
            "-s",
            fmt::format("size={}", sector),
            "-d",
            fmt::format("agcount={},noalign", groups),
            "-l",
            "size=64m",
            "-m",
            "uuid=" + making.uuid,
            "-L",
            label,
            path};
  }
  std::vector<std::string> argv{
      "mkfs.ext4", "-q",         "-b", "4096",
      "-m",        "0",          "-i", "262144",
      "-e",        "remount-ro", "-E", "nodiscard,lazy_itable_init=0,lazy_journal_init=0",
      "-U",        making.uuid,  "-L", label};
  // mkfs' own choice, 1 GiB on a disk of 64 GiB, takes 8 s to write on a gp3 volume; etcd changes
  // so few names and sizes that it never fills a sixteenth of it. On small disks mkfs takes less.
  constexpr std::uint64_t kLarge = 4ull << 30u;
  if (bytes >= kLarge) argv.insert(argv.end(), {"-J", "size=64"});
  argv.push_back(path);
  return argv;
}

// All of it in one line: of mkfs, fsck and what grows a filesystem the cause may stand at the
// beginning, in front of a page of usage.
std::string in_one_line(ProcessOutcome const& outcome) {
  auto text = outcome.said();
  while (text.ends_with('\n') || text.ends_with(' ')) text.pop_back();
  std::ranges::replace(text, '\n', ' ');
  return shortened(text, 500);
}

}  // namespace

Result<Probe> SystemDisks::probe(BlockDevice const& device, std::optional<Making> const& making) {
  // While an mkfs runs, perhaps one of an agent that has died, the disk is in no state to judge.
  // mkfs has the disk for itself, and its lock before that.
  auto fd = TRY(open_disk(device, making ? O_EXCL : 0));
  if (making && ::flock(fd.get(), LOCK_SH | LOCK_NB) != 0)
    return fail(Kind::transient, Reason::VolumeInUse,
                "{} is locked by another program, perhaps its mkfs", device.path);
  auto probe = TRY_DURING(
      making ? probe_held(fd.get(), device, *making) : probe_disk(fd.get(), device.bytes),
      "probing {}", device.path);
  return probe;
}

Result<Probe> SystemDisks::probe_held(int disk, BlockDevice const& device, Making const& making) {
  auto probe = probe_disk(disk, device.bytes);
  if (!probe || !std::holds_alternative<Foreign>(*probe)) return probe;
  auto half = TRY(is_half_made(disk, device, making));
  return half ? Probe(HalfMade{making.type, making.uuid}) : probe;
}

Result<bool> SystemDisks::is_half_made(int disk, BlockDevice const& device, Making const& making) {
  auto sector = TRY(sector_bytes(disk, device));
  FileDescriptor reference(::memfd_create("haagent-mkfs", MFD_CLOEXEC));
  if (!reference || ::ftruncate(reference.get(), static_cast<off_t>(device.bytes)) != 0)
    return fail_errno(errno, "making a file in memory");
  auto const path = fmt::format("/proc/{}/fd/{}", ::getpid(), reference.get());
  // The label is no part of what is compared.
  TRY(run(mkfs_argv(making, "reference", sector, device.bytes, path), -1, {}));
  auto foreign = TRY(first_foreign(disk, reference.get(), device.bytes, making));
  return !foreign;
}

Result<Formatted> SystemDisks::make_filesystem(BlockDevice const& device, Making const& making,
                                               std::string const& label, std::stop_token stop) {
  auto locked = TRY(open_locked(device, clock_, stop));
  auto sector = TRY(sector_bytes(locked.get(), device));
  {
    // O_EXCL fails for what is mounted or claimed. mkfs opens the disk so too, hence the end of the
    // scope; the lock stays.
    auto alone = open_disk(device, O_EXCL);
    if (!alone) return std::unexpected(alone.error());
    TRY(demand_writable_and_whole(alone->get(), device));
    auto probe = probe_held(alone->get(), device, making);
    if (probe && std::holds_alternative<HalfMade>(*probe)) {
      alone->reset();
      TRY(wait_until_free(device, clock_, stop));
      alone = open_disk(device, O_EXCL | O_RDWR);
      if (!alone) return std::unexpected(alone.error());
      TRY_DURING(clear_remains(alone->get(), device.bytes), "clearing {}", device.path);
      probe = probe_disk(alone->get(), device.bytes);
    }
    if (!probe) return fail(probe.error(), "probing {} under its lock", device.path);
    if (auto const* formatted = std::get_if<Formatted>(&*probe);
        formatted && formatted->type == making.type && formatted->uuid == making.uuid)
      return *formatted;  // it had come to its end after all
    if (!std::holds_alternative<Blank>(*probe))
      return fail(Kind::refused, Reason::DiskNotBlank,
                  "{} is not blank any more: no filesystem is made on it", device.path);
  }
  TRY(wait_until_free(device, clock_, stop));
  TRY(run(mkfs_argv(making, label, sector, device.bytes, device.path), locked.get(), stop));
  if (::fsync(locked.get()) != 0) return fail_errno(errno, fmt::format("flushing {}", device.path));

  auto after = TRY(open_disk(device, 0));
  auto probe = TRY_DURING(probe_signatures(after.get()), "probing {} after mkfs", device.path);
  if (probe != Probe(Formatted{making.type, making.uuid, label}))
    return fail(Kind::refused, Reason::DiskChanged,
                "mkfs on {} ended well, but left no {} labelled '{}'", device.path, making.type,
                label);
  return std::get<Formatted>(probe);
}

Result<void> SystemDisks::check(BlockDevice const& device, std::string const& type,
                                std::stop_token stop) {
  if (type != "ext4") return {};
  auto locked = TRY(open_locked(device, clock_, stop));
  auto outcome =
      TRY_DURING(to_its_end({"e2fsck", "-p", device.path}, locked.get(), std::move(stop)),
                 "checking the filesystem on {}", device.path);
  return judge_fsck(outcome.exit_code, device.path, in_one_line(outcome));
}

Result<std::uint64_t> SystemDisks::filesystem_bytes(BlockDevice const& device,
                                                    std::string const& type,
                                                    std::filesystem::path const& mount_point) {
  return type == "xfs" ? xfs_bytes(mount_point) : ext4_bytes(device.path);
}

Result<std::string> SystemDisks::ext4_on_error(BlockDevice const& device) {
  return volumes::ext4_on_error(device.path);
}

// As statvfs says it: the kernel grows a mounted ext4 group by group.
Result<void> grow_filesystem(Disks& disks, BlockDevice const& device, std::string const& type,
                             std::filesystem::path const& mount_point, std::stop_token stop) {
  SampledWork const work("growth of the filesystem of " + device.path, Progress::Unit::bytes,
                         device.bytes, [&mount_point]() -> std::optional<std::uint64_t> {
                           auto const space = SystemFilesystems().space(mount_point);
                           return space ? std::optional(space->size) : std::nullopt;
                         });
  return disks.grow(device, type, mount_point, std::move(stop));
}

Result<void> SystemDisks::grow(BlockDevice const& device, std::string const& type,
                               std::filesystem::path const& mount_point, std::stop_token stop) {
  auto locked = TRY(open_locked(device, clock_, stop));
  if (type == "xfs") return run({"xfs_growfs", mount_point.string()}, locked.get(), stop);
  return run({"resize2fs", device.path}, locked.get(), stop);
}

Result<std::optional<std::string>> SystemDisks::ebs_page(BlockDevice const& device,
                                                         std::filesystem::path const&) {
  auto fd = TRY(open_disk(device, O_RDONLY));
  return read_ebs_page(fd.get());
}

// What writes to a disk is never ended halfway, and keeps the disk locked for as long as it runs,
// anyone who started it and has died since.
Result<ProcessOutcome> SystemDisks::to_its_end(std::vector<std::string> argv, int lock,
                                               std::stop_token stop) {
  return process_.run({.argv = std::move(argv), .to_its_end = true, .inherits = lock},
                      std::move(stop));
}

Result<void> SystemDisks::run(std::vector<std::string> argv, int lock, std::stop_token stop) {
  auto outcome = TRY(to_its_end(argv, lock, std::move(stop)));
  if (outcome.exit_code != 0)
    return fail(Kind::internal, "{} ended with {}: {}", to_words(argv), outcome.exit_code,
                in_one_line(outcome));
  return {};
}

Result<void> judge_fsck(int exit_code, std::string_view device, std::string_view output) {
  constexpr int kCorrected = 1 | 2;
  constexpr int kUncorrected = 4;
  if ((exit_code & ~kCorrected) == 0) return {};
  if (exit_code & kUncorrected)
    return std::unexpected(Error(
        Kind::refused,
        Message(Reason::FilesystemDamaged,
                fmt::format("e2fsck found errors on {} that it must not repair by itself ({})",
                            device, output),
                fmt::format("make a snapshot of the volume, then run 'e2fsck -f {}'", device))));
  return fail(Kind::internal, "e2fsck on {} ended with {}: {}", device, exit_code, output);
}

}  // namespace haagent::volumes
