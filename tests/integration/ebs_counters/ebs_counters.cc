// EBS' counters for the disks of one simulated instance, which are loop devices. Named in its
// /etc/ld.so.preload, it stands where the kernel's NVMe driver would: it carries out Get Log Page
// 0xD0 on a block device, with the 4096 bytes in /etc/ebs-counters. Everything else is the
// kernel's.
#include <fcntl.h>
#include <linux/ioctl.h>
#include <linux/nvme_ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstring>

namespace {

constexpr unsigned kPage = 4096;
constexpr int kInvalidField = 0x4002;  // of a controller: do not retry

bool is_disk(int fd) {
  struct stat status{};
  return ::fstat(fd, &status) == 0 && S_ISBLK(status.st_mode);
}

// As a controller checks it: the page, how many words less one, the one namespace.
bool is_well_asked(nvme_admin_cmd const& command) {
  return command.opcode == 0x02 && command.nsid == 1 && command.data_len == kPage &&
         command.cdw10 == (0xd0u | ((kPage / 4 - 1) << 16u)) && command.cdw11 == 0;
}

}  // namespace

extern "C" int ioctl(int fd, unsigned long request, ...) {
  va_list arguments;
  va_start(arguments, request);
  void* const argument = va_arg(arguments, void*);
  va_end(arguments);
  if (request == NVME_IOCTL_ADMIN_CMD && is_disk(fd)) {
    int const file =
        static_cast<int>(::syscall(SYS_openat, AT_FDCWD, "/etc/ebs-counters", O_RDONLY));
    if (file >= 0) {
      auto const& command = *static_cast<nvme_admin_cmd*>(argument);
      char page[kPage] = {};
      (void)::read(file, page, sizeof page);
      ::close(file);
      if (!is_well_asked(command)) return kInvalidField;
      std::memcpy(reinterpret_cast<void*>(command.addr), page, sizeof page);
      return 0;
    }
  }
  return static_cast<int>(::syscall(SYS_ioctl, fd, request, argument));
}
