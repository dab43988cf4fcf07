#include "volumes/blank.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <set>

#include "agent/base/side_by_side.h"

namespace haagent::volumes {
namespace {

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kMiB = 1024 * kKiB;
constexpr std::uint64_t kEnds = 16 * kMiB;
constexpr std::uint64_t kWhole = 64 * kMiB;
constexpr std::uint64_t kSamples = 256;
constexpr std::uint64_t kSampleBytes = 64 * kKiB;
// A read of EBS takes a millisecond however short it is, so many are on their way at once; more of
// them than this wait for the volume's throughput.
constexpr std::size_t kReadersAtOnce = 8;

// With sparse_super, groups 1 and the powers of 3, 5 and 7 hold a backup.
std::set<std::uint64_t> backup_groups(std::uint64_t groups) {
  std::set<std::uint64_t> found{1};
  for (std::uint64_t base : {3, 5, 7})
    for (auto group = base; group < groups; group *= base) found.insert(group);
  return found;
}

bool all_zero(char const* bytes, std::size_t length) {
  // Compares the buffer with itself, one byte on: as fast as memcmp.
  return bytes[0] == 0 && std::equal(bytes + 1, bytes + length, bytes);
}

// The first byte of the piece that is not zero.
Result<std::optional<std::uint64_t>> stray_in(int fd, Range const& piece) {
  // One a thread: memory that is new for each piece would cost more than the read.
  thread_local std::vector<char> buffer;
  TRY(read_whole(fd, "the disk", piece, buffer));
  if (all_zero(buffer.data(), buffer.size())) return std::nullopt;
  auto const first = std::ranges::find_if(buffer, [](char c) { return c != 0; });
  return piece.offset + static_cast<std::uint64_t>(first - buffer.begin());
}

}  // namespace

std::vector<Range> pieces_of(std::vector<Range> const& ranges) {
  std::vector<Range> pieces;
  for (auto const& range : ranges)
    for (std::uint64_t done = 0; done < range.length; done += kPieceBytes)
      pieces.push_back({range.offset + done, std::min(kPieceBytes, range.length - done)});
  return pieces;
}

Result<void> read_whole(int fd, std::string_view what, Range const& piece,
                        std::vector<char>& into) {
  into.resize(piece.length);
  for (std::uint64_t done = 0; done < piece.length;) {
    auto const got = ::pread(fd, into.data() + done, piece.length - done,
                             static_cast<off_t>(piece.offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      auto error = errno_error(
          errno, fmt::format("reading {} bytes of {} at {}", piece.length, what, piece.offset));
      error.kind = Kind::refused;  // what cannot be read may be data
      error.message.reason = Reason::DiskNotBlank;
      return std::unexpected(std::move(error));
    }
    if (got == 0)
      return fail(Kind::internal, "{} ends before the {} bytes at {}", what, piece.length,
                  piece.offset);
    done += static_cast<std::uint64_t>(got);
  }
  return {};
}

std::vector<Range> probed_ranges(std::uint64_t disk_bytes) {
  if (disk_bytes <= kWhole) return {{0, disk_bytes}};
  std::vector<Range> ranges{{0, kEnds}, {disk_bytes - kEnds, kEnds}};
  for (std::uint64_t block : {1 * kKiB, 2 * kKiB, 4 * kKiB}) {
    // A group has as many blocks as its bitmap, one block, has bits. With blocks of 1 KiB the first
    // block is the boot block, so everything is one block later: still within the range.
    auto group_bytes = block * 8 * block;
    for (auto group : backup_groups(disk_bytes / group_bytes + 1))
      ranges.push_back({group * group_bytes, 4 * kKiB});
  }
  for (std::uint64_t i = 0; i < kSamples; ++i)
    ranges.push_back({disk_bytes / kSamples * i / (4 * kKiB) * (4 * kKiB), kSampleBytes});

  std::ranges::sort(ranges, {}, &Range::offset);
  std::vector<Range> merged;
  for (auto range : ranges) {
    if (range.offset >= disk_bytes) continue;
    range.length = std::min(range.length, disk_bytes - range.offset);
    if (merged.empty() || range.offset > merged.back().offset + merged.back().length) {
      merged.push_back(range);
      continue;
    }
    auto& last = merged.back();
    last.length = std::max(last.length, range.offset + range.length - last.offset);
  }
  return merged;
}

Result<std::optional<std::uint64_t>> first_non_zero(int fd, std::vector<Range> const& ranges) {
  auto const pieces = pieces_of(ranges);
  // What comes after the first piece that settles it need not be read.
  std::atomic<std::size_t> settled = pieces.size();
  std::vector<Result<std::optional<std::uint64_t>>> found(pieces.size());
  side_by_side(
      pieces.size(),
      [&](std::size_t i) {
        if (i > settled) return;
        found[i] = stray_in(fd, pieces[i]);
        if (found[i] && !*found[i]) return;
        auto first = settled.load();
        while (i < first && !settled.compare_exchange_weak(first, i)) {
        }
      },
      kReadersAtOnce);
  if (settled == pieces.size()) return std::nullopt;
  return found[settled];
}

Result<Probe> probe_disk(int fd, std::uint64_t disk_bytes) {
  auto probe = probe_signatures(fd);
  if (!probe || !std::holds_alternative<Blank>(*probe)) return probe;
  auto stray = TRY(first_non_zero(fd, probed_ranges(disk_bytes)));
  if (stray)
    return Foreign{fmt::format("data at byte {}, though no signature that is known", *stray)};
  return probe;
}

}  // namespace haagent::volumes
