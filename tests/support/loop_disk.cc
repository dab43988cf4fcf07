#include "tests/support/loop_disk.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <vector>

namespace haagent::test {
namespace {

[[noreturn]] void give_up(std::string const& doing) {
  throw std::runtime_error(doing + ": " + strerror(errno));
}

std::string enter_own_mounts() {
  if (::geteuid() != 0) return "needs root for loop devices and mounts";
  if (::access("/dev/loop-control", R_OK | W_OK) != 0) return "there is no /dev/loop-control";
  if (::unshare(CLONE_NEWNS) != 0) return "no mount namespace of its own";
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return "the mount namespace cannot be made private";
  return "";
}

}  // namespace

std::string LoopDisk::why_not() {
  static std::string const why = enter_own_mounts();
  return why;
}

LoopDisk::LoopDisk(std::uint64_t bytes, bool read_only)
    : bytes_(bytes), backing_(::memfd_create("haagent-test-disk", MFD_CLOEXEC)) {
  if (!backing_ || ::ftruncate(backing_.get(), static_cast<off_t>(bytes)) != 0)
    give_up("making a disk of memory");
  FileDescriptor control(::open("/dev/loop-control", O_RDWR | O_CLOEXEC));
  if (!control) give_up("opening /dev/loop-control");
  // Others take loop devices too: between asking and taking, ours may be gone.
  for (int attempt = 0; attempt < 100; ++attempt) {
    int free = ::ioctl(control.get(), LOOP_CTL_GET_FREE);
    if (free < 0) give_up("looking for a free loop device");
    path_ = "/dev/loop" + std::to_string(free);
    device_ = FileDescriptor(::open(path_.c_str(), O_RDWR | O_CLOEXEC));
    if (!device_) {
      // Where nothing watches /dev, the node of a new device is ours to make.
      if (errno != ENOENT || ::mknod(path_.c_str(), S_IFBLK | 0600, makedev(7, free)) != 0)
        give_up("opening " + path_);
      continue;
    }
    loop_config config{};
    config.fd = static_cast<unsigned>(backing_.get());
    config.info.lo_flags = LO_FLAGS_AUTOCLEAR | (read_only ? unsigned{LO_FLAGS_READ_ONLY} : 0u);
    if (::ioctl(device_.get(), LOOP_CONFIGURE, &config) == 0) {
      struct stat status;
      ::fstat(device_.get(), &status);
      number_ = status.st_rdev;
      return;
    }
    if (errno != EBUSY) give_up("configuring " + path_);
  }
  give_up("taking a loop device");
}

void LoopDisk::write(std::uint64_t offset, std::string_view data) {
  auto wrote = ::pwrite(device_.get(), data.data(), data.size(), static_cast<off_t>(offset));
  if (wrote != static_cast<ssize_t>(data.size()) || ::fsync(device_.get()) != 0)
    give_up("writing to " + path_);
}

std::string LoopDisk::read(std::uint64_t offset, std::size_t length) {
  std::string data(length, '\0');
  auto got = ::pread(device_.get(), data.data(), length, static_cast<off_t>(offset));
  if (got != static_cast<ssize_t>(length)) give_up("reading from " + path_);
  return data;
}

void LoopDisk::grow(std::uint64_t bytes) {
  resize_file(bytes);
  if (::ioctl(device_.get(), LOOP_SET_CAPACITY) != 0) give_up("growing " + path_);
  bytes_ = bytes;
}

void LoopDisk::resize_file(std::uint64_t bytes) {
  drop_caches();
  if (::ftruncate(backing_.get(), static_cast<off_t>(bytes)) != 0) give_up("resizing " + path_);
}

void LoopDisk::drop_caches() {
  ::fsync(device_.get());
  if (::ioctl(device_.get(), BLKFLSBUF) != 0) give_up("dropping the cache of " + path_);
}

std::size_t LoopDisk::contents_hash() {
  drop_caches();
  constexpr std::size_t kPiece = 64u << 10u;
  std::string const zeros(kPiece, '\0');
  std::string piece(kPiece, '\0');
  std::size_t hash = 14695981039346656037u;
  auto mix = [&](std::size_t value) { hash = (hash ^ value) * 1099511628211u; };
  // Holes read as zeros; zeros that were written count as much as holes: not at all.
  for (off_t at = 0; (at = ::lseek(backing_.get(), at, SEEK_DATA)) >= 0;) {
    at -= at % static_cast<off_t>(kPiece);
    auto got = ::pread(backing_.get(), piece.data(), kPiece, at);
    if (got <= 0) break;
    std::string_view read(piece.data(), static_cast<std::size_t>(got));
    if (read != std::string_view(zeros).substr(0, read.size())) {
      mix(static_cast<std::size_t>(at));
      mix(std::hash<std::string_view>{}(read));
    }
    at += static_cast<off_t>(kPiece);
  }
  return hash;
}

}  // namespace haagent::test
