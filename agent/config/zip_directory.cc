#include "agent/config/zip_directory.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/files.h"

namespace haagent {
namespace {

constexpr std::size_t kEnd = 22;  // of the record at the end, without its comment
constexpr std::size_t kLongestComment = 65'535;
constexpr std::size_t kLargestDirectory = 1u << 20u;
constexpr std::size_t kEntry = 46;
constexpr std::size_t kLocal = 30;
constexpr std::uint32_t kIn64 = 0xffffffff;  // the number stands in the extra field
constexpr std::string_view kUnpackIt = "unpack it with unzip, and name the snapshot";

template <class T>
T number(std::string_view bytes, std::size_t at) {
  T value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

Result<std::string> all_at(int fd, std::uint64_t offset, std::size_t length) {
  auto bytes = TRY(read_at(fd, offset, length, "reading the zip archive"));
  if (bytes.size() < length) return fail(Kind::invalid, "the zip archive is cut off");
  return bytes;
}

// Sizes of more than 4 GiB (4.5.3).
bool take_64(std::string_view extra, ZippedFile& file, std::uint64_t& local) {
  while (extra.size() >= 4) {
    std::size_t const length = number<std::uint16_t>(extra, 2);
    if (extra.size() < 4 + length) return false;
    if (number<std::uint16_t>(extra, 0) == 1) {
      auto rest = extra.substr(4, length);
      for (auto* each : {&file.size, &file.packed, &local}) {
        if (*each != kIn64) continue;
        if (rest.size() < 8) return false;
        *each = number<std::uint64_t>(rest, 0);
        rest.remove_prefix(8);
      }
      return true;
    }
    extra.remove_prefix(4 + length);
  }
  return false;
}

}  // namespace

Result<ZippedFile> only_file_of_zip(int fd, std::uint64_t archive_size) {
  auto const tail_size =
      static_cast<std::size_t>(std::min<std::uint64_t>(archive_size, kEnd + kLongestComment));
  auto const tail = TRY(all_at(fd, archive_size - tail_size, tail_size));
  auto const end = tail.rfind("PK\x05\x06");
  if (end == std::string::npos || tail.size() - end < kEnd)
    return fail(Kind::invalid, "the zip archive is cut off: it has no directory at its end");
  auto const directory_size = number<std::uint32_t>(tail, end + 12);
  auto const directory_at = number<std::uint32_t>(tail, end + 16);
  if (directory_at == kIn64 || directory_size > kLargestDirectory ||
      std::uint64_t{directory_at} + directory_size > archive_size)
    return fail(Kind::invalid, "the zip archive's directory is not read here: {}", kUnpackIt);
  auto const directory = TRY(all_at(fd, directory_at, directory_size));

  std::optional<ZippedFile> found;
  std::uint64_t local = 0;
  for (std::string_view rest = directory; !rest.empty();) {
    if (rest.size() < kEntry || !rest.starts_with("PK\x01\x02"))
      return fail(Kind::invalid, "the zip archive's directory is damaged");
    std::size_t const name = number<std::uint16_t>(rest, 28);
    std::size_t const extra = number<std::uint16_t>(rest, 30);
    std::size_t const comment = number<std::uint16_t>(rest, 32);
    if (rest.size() < kEntry + name + extra + comment)
      return fail(Kind::invalid, "the zip archive's directory is damaged");
    bool const folder = rest.substr(kEntry, name).ends_with('/');
    if (!folder) {
      if (found) return fail(Kind::invalid, "the zip archive holds several files: {}", kUnpackIt);
      auto const flags = number<std::uint16_t>(rest, 8);
      auto const method = number<std::uint16_t>(rest, 10);
      if ((flags & 1u) != 0)
        return fail(Kind::invalid, "the zip archive is encrypted: {}", kUnpackIt);
      if (method != 0 && method != 8)
        return fail(Kind::invalid, "the zip archive is packed by method {}: {}", method, kUnpackIt);
      found = ZippedFile{.deflated = method == 8,
                         .crc = number<std::uint32_t>(rest, 16),
                         .packed = number<std::uint32_t>(rest, 20),
                         .size = number<std::uint32_t>(rest, 24)};
      local = number<std::uint32_t>(rest, 42);
      bool const in_64 = found->packed == kIn64 || found->size == kIn64 || local == kIn64;
      if (in_64 && !take_64(rest.substr(kEntry + name, extra), *found, local))
        return fail(Kind::invalid, "the zip archive's directory is damaged");
    }
    rest.remove_prefix(kEntry + name + extra + comment);
  }
  if (!found) return fail(Kind::invalid, "the zip archive holds no file");
  if (local > archive_size || archive_size - local < kLocal)
    return fail(Kind::invalid, "the zip archive's directory is damaged");
  auto const header = TRY(all_at(fd, local, kLocal));
  if (!header.starts_with("PK\x03\x04"))
    return fail(Kind::invalid, "the zip archive's directory is damaged");
  found->begin =
      local + kLocal + number<std::uint16_t>(header, 26) + number<std::uint16_t>(header, 28);
  if (found->begin > archive_size || found->packed > archive_size - found->begin)
    return fail(Kind::invalid, "the zip archive is cut off");
  return *found;
}

}  // namespace haagent
