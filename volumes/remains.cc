#include "volumes/remains.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <vector>

#include "volumes/blank.h"

namespace haagent::volumes {
namespace {

constexpr std::size_t kSector = 512;  // the least that a disk writes whole
constexpr std::size_t kUuidBytes = 16;

bool is_zero(std::string_view bytes) {
  return bytes.find_first_not_of('\0') == bytes.npos;
}

std::array<char, kUuidBytes> uuid_bytes(std::string_view text) {
  auto digit = [](char c) { return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10); };
  std::array<char, kUuidBytes> bytes{};
  std::size_t nibbles = 0;
  for (char c : text) {
    if (c == '-' || nibbles == 2 * kUuidBytes) continue;
    auto& byte = bytes[nibbles / 2];
    byte = static_cast<char>((static_cast<unsigned char>(byte) << 4u) | digit(c));
    ++nibbles;
  }
  return bytes;
}

// For each piece of the probed ranges, until `visit` wants no more.
Result<void> each_piece(std::uint64_t disk_bytes, auto const& visit) {
  for (auto const& piece : pieces_of(probed_ranges(disk_bytes)))
    if (!TRY(visit(piece))) return {};
  return {};
}

}  // namespace

Result<std::optional<std::uint64_t>> first_foreign(int disk, int reference,
                                                   std::uint64_t disk_bytes, Making const& making) {
  auto const bytes = uuid_bytes(making.uuid);
  std::string_view const uuid(bytes.data(), bytes.size());
  std::vector<char> here, there;
  std::optional<std::uint64_t> foreign;
  TRY(each_piece(disk_bytes, [&](Range const& range) -> Result<bool> {
    auto const [at, length] = range;
    TRY(read_whole(disk, "the disk", range, here));
    if (is_zero({here.data(), length})) return true;
    TRY(read_whole(reference, "the reference", range, there));
    for (std::size_t from = 0; from < length; from += kSector) {
      auto const size = std::min(kSector, length - from);
      std::string_view const is(here.data() + from, size), would_be(there.data() + from, size);
      if (is_zero(is)) continue;
      auto const mark = would_be.find(uuid);
      bool const ours =
          !is_zero(would_be) && (mark == would_be.npos || is.substr(mark, kUuidBytes) == uuid);
      if (ours) continue;
      foreign = at + from + is.find_first_not_of('\0');
      return false;
    }
    return true;
  }));
  return foreign;
}

Result<void> clear_remains(int disk, std::uint64_t disk_bytes) {
  std::vector<char> piece;
  std::vector<char> const zeros(kPieceBytes);
  TRY(each_piece(disk_bytes, [&](Range const& range) -> Result<bool> {
    auto const [at, length] = range;
    TRY(read_whole(disk, "the disk", range, piece));
    if (is_zero({piece.data(), length})) return true;
    for (std::size_t done = 0; done < length;) {
      auto wrote = ::pwrite(disk, zeros.data(), length - done, static_cast<off_t>(at + done));
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote <= 0) return fail_errno(wrote < 0 ? errno : EIO, "clearing the disk");
      done += static_cast<std::size_t>(wrote);
    }
    return true;
  }));
  if (::fsync(disk) != 0) return fail_errno(errno, "clearing the disk");
  return {};
}

}  // namespace haagent::volumes
