#include "volumes/mount.h"

#include <libmount/libmount.h>

#include <fcntl.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>

#include "agent/base/file_descriptor.h"
#include "agent/base/files.h"
#include "volumes/holders.h"

namespace haagent::volumes {
namespace {

struct FreeContext {
  void operator()(libmnt_context* context) const { mnt_free_context(context); }
};
using Context = std::unique_ptr<libmnt_context, FreeContext>;

Result<Context> new_context() {
  Context context(mnt_new_context());
  if (!context) return fail(Kind::transient, "no memory for libmount");
  mnt_context_disable_helpers(context.get(), 1);
  mnt_context_disable_mtab(context.get(), 1);
  return context;
}

// rc > 0 is an errno of the system call, rc < 0 libmount's own; the text tells both.
std::unexpected<Error> failure(Context const& context, int rc, std::string_view doing) {
  int number = mnt_context_syscall_called(context.get())
                   ? std::abs(mnt_context_get_syscall_errno(context.get()))
                   : 0;
  char text[512] = "";
  mnt_context_get_excode(context.get(), rc, text, sizeof text);
  auto error = errno_error(number == 0 ? EINVAL : number, doing);
  if (*text) error.message.text = worded(fmt::format("{}: {}", doing, text));
  if (number == EBUSY) {
    error.kind = Kind::transient;
    error.message.reason = Reason::VolumeInUse;
  }
  return std::unexpected(std::move(error));
}

Result<void> mount_with(std::string options, std::string_view doing, BlockDevice const& device,
                        std::filesystem::path const& mount_point, std::string const& filesystem) {
  auto context = TRY(new_context());
  auto* raw = context.get();
  options += kMountOptions;
  if (filesystem == "ext4") options += fmt::format(",{}", kExt4Options);
  if (mnt_context_set_source(raw, device.path.c_str()) != 0 ||
      mnt_context_set_target(raw, mount_point.c_str()) != 0 ||
      mnt_context_set_fstype(raw, filesystem.c_str()) != 0 ||
      mnt_context_set_options(raw, options.c_str()) != 0)
    return fail(Kind::transient, "no memory for libmount");
  int rc = mnt_context_mount(raw);
  if (rc != 0 || mnt_context_get_status(raw) != 1)
    return failure(context, rc,
                   fmt::format("{} {} at {}", doing, device.path, mount_point.string()));
  return {};
}

// The descriptor is gone when it returns.
Result<void> written_back(std::filesystem::path const& mount_point) {
  FileDescriptor folder(::open(mount_point.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || ::syncfs(folder.get()) != 0)
    return fail_errno(errno, fmt::format("writing {} back", mount_point.string()));
  return {};
}

}  // namespace

bool has_failed(Error const& error) {
  auto const is = [&](std::errc code) { return error.code == code; };
  return is(std::errc::io_error) || is(std::errc::read_only_file_system) ||
         is(std::errc::no_such_device) || is(std::errc::no_such_device_or_address) ||
         error.code == std::error_code(ESHUTDOWN, std::generic_category()) ||
         error.code == std::error_code(EUCLEAN, std::generic_category());
}

Result<std::vector<Mount>> SystemMounts::list() {
  auto text = TRY(read_file("/proc/self/mountinfo"));
  if (!text) return fail(Kind::internal, "/proc is not mounted: /proc/self/mountinfo is missing");
  return parsed_.of(*text, [&] { return parse_mountinfo(*text); });
}

Result<void> SystemMounts::mount(BlockDevice const& device,
                                 std::filesystem::path const& mount_point,
                                 std::string const& filesystem) {
  return mount_with("", "mounting", device, mount_point, filesystem);
}

Result<void> SystemMounts::remount(BlockDevice const& device,
                                   std::filesystem::path const& mount_point,
                                   std::string const& filesystem) {
  return mount_with("remount,", "remounting", device, mount_point, filesystem);
}

Result<void> SystemMounts::unmount(std::filesystem::path const& mount_point) {
  auto mounts = TRY(list());
  if (!mount_at(mounts, mount_point.string())) return {};
  // Whatever comes of the unmount, what was written is on the disk. A filesystem that has failed
  // says so each time: it would keep its volume from its successor for as long as this machine
  // lives.
  auto back = written_back(mount_point);
  if (!back && has_failed(back.error())) back = written_back(mount_point);
  if (!back && !has_failed(back.error())) return back;
  auto context = TRY(new_context());
  if (mnt_context_set_target(context.get(), mount_point.c_str()) != 0)
    return fail(Kind::transient, "no memory for libmount");
  int rc = mnt_context_umount(context.get());
  if (rc == 0) return {};
  auto failed = failure(context, rc, fmt::format("unmounting {}", mount_point.string()));
  if (auto const names = holders_of(mount_point); !names.empty())
    failed.error().message.text += worded(fmt::format("; in use by {}", fmt::join(names, ", ")));
  return failed;
}

Result<OpenDirectory> SystemMounts::open(std::filesystem::path const& directory) {
  OpenDirectory opened{
      .fd = FileDescriptor(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC))};
  if (!opened.fd) return fail_errno(errno, fmt::format("opening {}", directory.string()));
  struct stat status{};
  struct statvfs filesystem{};
  if (::fstat(opened.fd.get(), &status) != 0 || ::fstatvfs(opened.fd.get(), &filesystem) != 0)
    return fail_errno(errno, fmt::format("looking at {}", directory.string()));
  opened.device = status.st_dev;
  opened.read_only = (filesystem.f_flag & ST_RDONLY) != 0;
  return opened;
}

}  // namespace haagent::volumes
