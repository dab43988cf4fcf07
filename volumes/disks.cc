#include "volumes/disks.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/base/file_descriptor.h"
#include "agent/base/last_words.h"
#include "volumes/blank.h"
#include "volumes/filesystem_size.h"

namespace haagent::volumes {
namespace {

constexpr Duration kLockDeadline{10'000};
constexpr Duration kMakeDeadline{300'000};
constexpr Duration kCheckDeadline{600'000};
constexpr Duration kGrowDeadline{600'000};

// The node, held against the device that was found: a path is only a name.
Result<FileDescriptor> open_disk(BlockDevice const& device, int flags) {
  FileDescriptor fd(::open(device.path.c_str(), O_RDONLY | O_CLOEXEC | flags));
  if (!fd) {
    auto error = errno_error(errno, fmt::format("opening {}", device.path));
    if (errno == EBUSY) {
      error.kind = Kind::transient;
      error.what += " (mounted, or held by another program)";
    }
    return std::unexpected(std::move(error));
  }
  struct stat status;
  if (::fstat(fd.get(), &status) != 0)
    return fail_errno(errno, fmt::format("looking at {}", device.path));
  if (!S_ISBLK(status.st_mode) || status.st_rdev != device.number)
    return fail(Kind::refused, "{} is not the disk any more that was found there", device.path);
  return fd;
}

// udevd and well-behaved tools leave a disk alone whose node is locked.
Result<void> lock_disk(int fd, BlockDevice const& device, Clock& clock, std::stop_token stop) {
  auto deadline = clock.steady() + kLockDeadline;
  while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR)
      return fail_errno(errno, fmt::format("locking {}", device.path));
    if (clock.steady() >= deadline)
      return fail(Kind::transient, "{} is locked by another program", device.path);
    if (!clock.sleep(Duration(100), stop))
      return fail(Kind::interrupted, "stopped while waiting for the lock of {}", device.path);
  }
  return {};
}

Result<void> demand_writable_and_whole(int fd, BlockDevice const& device) {
  int read_only = 0;
  std::uint64_t bytes = 0;
  if (::ioctl(fd, BLKROGET, &read_only) != 0 || ::ioctl(fd, BLKGETSIZE64, &bytes) != 0)
    return fail_errno(errno, fmt::format("asking {} for its size", device.path));
  if (read_only) return fail(Kind::refused, "{} is read-only", device.path);
  if (bytes != device.bytes)
    return fail(Kind::refused, "{} has {} bytes, not the {} that were found", device.path, bytes,
                device.bytes);
  return {};
}

std::vector<std::string> mkfs_argv(std::string const& type, std::string const& label,
                                   std::string const& path) {
  // Never with force. The tables are written now, so that no thread of the kernel disturbs etcd's
  // fsync later; with few inodes (etcd keeps a handful of files) that is quick.
  if (type == "xfs") return {"mkfs.xfs", "-q", "-K", "-L", label, path};
  return {
      "mkfs.ext4", "-q",  "-m",         "0",  "-i",
      "262144",    "-e",  "remount-ro", "-E", "nodiscard,lazy_itable_init=0,lazy_journal_init=0",
      "-L",        label, path};
}

std::string last_words(ProcessOutcome const& outcome) {
  auto text = outcome.err.empty() ? outcome.out : outcome.err;
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  for (auto& c : text)
    if (c == '\n') c = ' ';
  return shortened(text, 500);
}

}  // namespace

Result<Probe> SystemDisks::probe(BlockDevice const& device) {
  auto fd = open_disk(device, 0);
  if (!fd) return std::unexpected(fd.error());
  auto probe = probe_disk(fd->get(), device.bytes);
  if (!probe) return fail(probe.error(), "probing {}", device.path);
  return probe;
}

Result<Formatted> SystemDisks::make_filesystem(BlockDevice const& device, std::string const& type,
                                               std::string const& label, std::stop_token stop) {
  auto locked = open_disk(device, 0);
  if (!locked) return std::unexpected(locked.error());
  if (auto got = lock_disk(locked->get(), device, clock_, stop); !got)
    return std::unexpected(got.error());
  {
    // O_EXCL fails for what is mounted or claimed. mkfs opens the disk so too, hence the end of the
    // scope; the lock stays.
    auto alone = open_disk(device, O_EXCL);
    if (!alone) return std::unexpected(alone.error());
    if (auto fit = demand_writable_and_whole(alone->get(), device); !fit)
      return std::unexpected(fit.error());
    auto probe = probe_disk(alone->get(), device.bytes);
    if (!probe) return fail(probe.error(), "probing {} under its lock", device.path);
    if (!std::holds_alternative<Blank>(*probe))
      return fail(Kind::refused, "{} is not blank any more: no filesystem is made on it",
                  device.path);
  }
  if (auto made = run(mkfs_argv(type, label, device.path), kMakeDeadline, stop); !made)
    return std::unexpected(made.error());
  if (::fsync(locked->get()) != 0)
    return fail_errno(errno, fmt::format("flushing {}", device.path));

  auto after = open_disk(device, 0);
  if (!after) return std::unexpected(after.error());
  auto probe = probe_signatures(after->get());
  if (!probe) return fail(probe.error(), "probing {} after mkfs", device.path);
  auto const* formatted = std::get_if<Formatted>(&*probe);
  if (!formatted || formatted->type != type || formatted->label != label)
    return fail(Kind::refused, "mkfs on {} ended well, but left no {} labelled '{}'", device.path,
                type, label);
  return *formatted;
}

Result<void> SystemDisks::check(BlockDevice const& device, std::string const& type,
                                std::stop_token stop) {
  if (type != "ext4") return {};
  auto outcome =
      process_.run({.argv = {"e2fsck", "-p", device.path}, .deadline = kCheckDeadline}, stop);
  if (!outcome) return fail(outcome.error(), "checking the filesystem on {}", device.path);
  return judge_fsck(outcome->exit_code, device.path, last_words(*outcome));
}

Result<std::uint64_t> SystemDisks::filesystem_bytes(BlockDevice const& device,
                                                    std::string const& type,
                                                    std::filesystem::path const& mount_point) {
  return type == "xfs" ? xfs_bytes(mount_point) : ext4_bytes(device.path);
}

Result<void> SystemDisks::grow(BlockDevice const& device, std::string const& type,
                               std::filesystem::path const& mount_point, std::stop_token stop) {
  if (type == "xfs") return run({"xfs_growfs", mount_point.string()}, kGrowDeadline, stop);
  return run({"resize2fs", device.path}, kGrowDeadline, stop);
}

Result<void> SystemDisks::run(std::vector<std::string> argv, Duration deadline,
                              std::stop_token stop) {
  auto outcome = process_.run({.argv = argv, .deadline = deadline}, std::move(stop));
  if (!outcome) return std::unexpected(outcome.error());
  if (outcome->exit_code != 0)
    return fail(Kind::internal, "{} ended with {}: {}", to_words(argv), outcome->exit_code,
                last_words(*outcome));
  return {};
}

Result<void> judge_fsck(int exit_code, std::string_view device, std::string_view output) {
  constexpr int kCorrected = 1 | 2;
  constexpr int kUncorrected = 4;
  if ((exit_code & ~kCorrected) == 0) return {};
  if (exit_code & kUncorrected)
    return fail(Kind::refused,
                "e2fsck found errors on {} that it must not mend by itself: make a snapshot of the "
                "volume, then run e2fsck by hand ({})",
                device, output);
  return fail(Kind::internal, "e2fsck on {} ended with {}: {}", device, exit_code, output);
}

}  // namespace haagent::volumes
