#include "tests/sim/sparse_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "agent/base/file_descriptor.h"

namespace haagent::sim {
namespace {

Result<FileDescriptor> create(std::filesystem::path const& path, std::uint64_t bytes) {
  FileDescriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd && errno == EEXIST) return fail(Kind::conflict, "{} exists", path.string());
  if (!fd) return fail_errno(errno, "making " + path.string());
  if (::ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0)
    return fail_errno(errno, fmt::format("making {} of {} bytes", path.string(), bytes));
  return fd;
}

Result<void> copy_range(FileDescriptor const& to, FileDescriptor const& from, off_t begin,
                        off_t end) {
  std::vector<char> buffer(1u << 20u);
  while (begin < end) {
    auto want = std::min(static_cast<std::size_t>(end - begin), buffer.size());
    auto got = ::pread(from.get(), buffer.data(), want, begin);
    if (got < 0) return fail_errno(errno, "reading");
    if (got == 0) return {};  // it was cut short meanwhile; the rest is hole
    if (::pwrite(to.get(), buffer.data(), static_cast<std::size_t>(got), begin) != got)
      return fail_errno(errno, "writing");
    begin += got;
  }
  return {};
}

}  // namespace

Result<void> make_sparse_file(std::filesystem::path const& path, std::uint64_t bytes) {
  auto made = create(path, bytes);
  if (!made) return std::unexpected(made.error());
  return {};
}

Result<void> copy_sparse_file(std::filesystem::path const& path, std::uint64_t bytes,
                              std::filesystem::path const& from) {
  FileDescriptor source(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status{};
  if (!source || ::fstat(source.get(), &status) != 0)
    return fail_errno(errno, "opening " + from.string());
  if (static_cast<std::uint64_t>(status.st_size) > bytes)
    return fail(Kind::invalid, "{} has {} bytes, more than the {} of its copy", from.string(),
                status.st_size, bytes);
  auto target = create(path, bytes);
  if (!target) return std::unexpected(target.error());
  for (off_t at = 0;;) {
    auto data = ::lseek(source.get(), at, SEEK_DATA);
    if (data < 0) return {};  // ENXIO: holes to the end
    at = ::lseek(source.get(), data, SEEK_HOLE);
    if (auto done = copy_range(*target, source, data, at); !done) {
      std::error_code ignored;
      std::filesystem::remove(path, ignored);
      return fail(done.error(), "copying {}", from.string());
    }
  }
}

}  // namespace haagent::sim
