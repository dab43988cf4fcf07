#include "tests/power_cut/cut_disk.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/ioctl.h>
#include <linux/types.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <stdexcept>

#include "agent/base/process.h"

namespace haagent::test {
namespace {

constexpr std::uint64_t kSize = 24u << 20u;
constexpr int kCut = 42;  // exit codes of the process that works
constexpr int kDone = 43;

// Of the process that works.
struct Cut {
  std::atomic<int> left = 0;  // 0: never
  int filesystem = -1;
  Journal journal = Journal::lost;
};
Cut& the_cut() {
  static Cut cut;
  return cut;
}

// ext4's and xfs' own call for it (EXT4_IOC_SHUTDOWN, XFS_IOC_GOINGDOWN).
constexpr auto kShutDown = _IOR('X', 125, __u32);

[[noreturn]] void give_up(std::string const& doing) {
  throw std::runtime_error(doing + ": " + std::strerror(errno));
}

}  // namespace

// Any thread's. The others get EIO until they are gone.
void reach_effect() {
  auto& cut = the_cut();
  if (cut.filesystem < 0 || --cut.left != 0) return;
  __u32 how = cut.journal == Journal::kept ? 1 : 2;  // EXT4_GOING_FLAGS_LOGFLUSH, _NOLOGFLUSH
  bool const off = ::ioctl(cut.filesystem, kShutDown, &how) == 0;
  ::_exit(off ? kCut : 1);
}

CutDisk::CutDisk() : disk_(kSize) {
  SystemProcess process;
  auto made =
      process.run({.argv = {"mkfs.ext4", "-q", "-b", "1024", "-J", "size=2", disk_.path()}}, {});
  if (!made || made->exit_code != 0)
    throw std::runtime_error("mkfs.ext4: " + (made ? made->said() : made.error().message.text));
  mount();
  keep();
}

CutDisk::~CutDisk() {
  ::umount2(root().c_str(), MNT_DETACH);
}

void CutDisk::mount() {
  disk_.drop_caches();
  if (::mount(disk_.path().c_str(), root().c_str(), "ext4", 0, "") != 0)
    give_up("mounting " + disk_.path());
}

void CutDisk::unmount() {
  if (::umount(root().c_str()) != 0) give_up("unmounting " + disk_.path());
}

void CutDisk::keep() {
  unmount();
  disk_.drop_caches();
  kept_ = disk_.read(0, kSize);
  mount();
}

bool CutDisk::cut(int effect, Journal journal, std::function<void()> const& work) {
  unmount();
  disk_.write(0, kept_);
  mount();
  auto const child = ::fork();
  if (child < 0) give_up("fork");
  if (child == 0) {
    auto& cut = the_cut();
    cut.journal = journal;
    cut.left = effect;
    cut.filesystem = ::open(root().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    work();
    ::_exit(kDone);
  }
  int status = 0;
  if (::waitpid(child, &status, 0) != child) give_up("waitpid");
  int const code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  EXPECT_TRUE(code == kCut || code == kDone) << "status " << status;
  unmount();
  mount();
  return code == kCut;
}

}  // namespace haagent::test

// In place of libc's: the linker takes a program's own first.
extern "C" {

int fsync(int fd) {
  haagent::test::reach_effect();
  return static_cast<int>(::syscall(SYS_fsync, fd));
}

int fdatasync(int fd) {
  haagent::test::reach_effect();
  return static_cast<int>(::syscall(SYS_fdatasync, fd));
}

int rename(char const* from, char const* to) noexcept {
  haagent::test::reach_effect();
  return static_cast<int>(::syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}

int unlink(char const* path) noexcept {
  haagent::test::reach_effect();
  return static_cast<int>(::syscall(SYS_unlinkat, AT_FDCWD, path, 0));
}

int symlink(char const* target, char const* path) noexcept {
  haagent::test::reach_effect();
  return static_cast<int>(::syscall(SYS_symlinkat, target, AT_FDCWD, path));
}

}  // extern "C"
