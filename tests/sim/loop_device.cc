#include "tests/sim/loop_device.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

namespace haagent::sim {
namespace {

constexpr int kMajor = 7;
constexpr int kTries = 64;  // others take loop devices at the same time
constexpr Duration kPoll{20};

// A node of our own: /dev of the machine need not have one for a number just made.
Result<FileDescriptor> open_node(std::filesystem::path const& node, int flags) {
  FileDescriptor fd(::open(node.c_str(), flags | O_CLOEXEC));
  if (!fd) return fail_errno(errno, "opening " + node.string());
  return fd;
}

}  // namespace

Result<LoopDevice> LoopDevice::attach(std::filesystem::path const& file, std::string const& name,
                                      std::filesystem::path const& nodes) {
  FileDescriptor backing(::open(file.c_str(), O_RDWR | O_CLOEXEC));
  if (!backing) return fail_errno(errno, "opening " + file.string());
  FileDescriptor control(::open("/dev/loop-control", O_RDWR | O_CLOEXEC));
  if (!control) return fail_errno(errno, "opening /dev/loop-control");

  loop_config config{};
  config.fd = static_cast<__u32>(backing.get());
  config.block_size = 512;
  config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
  std::memcpy(config.info.lo_file_name, name.data(),
              std::min(name.size(), std::size_t{LO_NAME_SIZE} - 1));
  for (int i = 0; i < kTries; ++i) {
    int free = ::ioctl(control.get(), LOOP_CTL_GET_FREE);
    if (free < 0) return fail_errno(errno, "looking for a free loop device");
    LoopDevice device;
    device.name_ = reinterpret_cast<char const*>(config.info.lo_file_name);
    device.number_ = makedev(kMajor, static_cast<unsigned>(free));
    device.node_ = nodes / fmt::format("loop{}", free);
    if (::mknod(device.node_.c_str(), S_IFBLK | 0600, device.number_) != 0 && errno != EEXIST)
      return fail_errno(errno, "making " + device.node_.string());
    auto fd = open_node(device.node_, O_RDWR);
    if (!fd) return std::unexpected(fd.error());
    if (::ioctl(fd->get(), LOOP_CONFIGURE, &config) == 0) {
      device.fd_ = std::move(*fd);
      return device;
    }
    if (errno != EBUSY) return fail_errno(errno, "attaching " + file.string());
  }
  return fail(Kind::transient, "no loop device for {}: others took each of {}", file.string(),
              kTries);
}

bool LoopDevice::held() const {
  auto exclusive = open_node(node_, O_RDONLY | O_EXCL);
  return !exclusive && exclusive.error().code.value() == EBUSY;
}

bool LoopDevice::ours(FileDescriptor const& fd) const {
  loop_info64 info{};
  return ::ioctl(fd.get(), LOOP_GET_STATUS64, &info) == 0 &&
         name_ == reinterpret_cast<char const*>(info.lo_file_name);
}

Result<void> LoopDevice::wait_until_free(Duration deadline) const {
  auto end = std::chrono::steady_clock::now() + deadline;
  while (held()) {
    if (std::chrono::steady_clock::now() >= end)
      return fail(Kind::conflict, "it is mounted or held exclusively");
    std::this_thread::sleep_for(kPoll);
  }
  return {};
}

Result<void> LoopDevice::detach(Duration deadline) {
  if (!fd_) return {};
  auto end = std::chrono::steady_clock::now() + deadline;
  if (auto free = wait_until_free(deadline); !free) return free;
  // Ours is the last descriptor, unless a program inside holds one.
  fd_.reset();
  for (;;) {
    auto fd = open_node(node_, O_RDWR);
    if (!fd || !ours(*fd)) {
      std::error_code ignored;
      std::filesystem::remove(node_, ignored);
      return {};
    }
    if (std::chrono::steady_clock::now() >= end) {
      fd_ = std::move(*fd);
      return fail(Kind::conflict, "a program holds it open");
    }
    fd->reset();
    std::this_thread::sleep_for(kPoll);
  }
}

Result<void> LoopDevice::follow_size() {
  if (::ioctl(fd_.get(), LOOP_SET_CAPACITY, 0) != 0) return fail_errno(errno, "resizing a loop");
  return {};
}

Result<void> LoopDevice::drop_caches() {
  if (::ioctl(fd_.get(), BLKFLSBUF, 0) != 0) return fail_errno(errno, "dropping a loop's caches");
  return {};
}

}  // namespace haagent::sim
