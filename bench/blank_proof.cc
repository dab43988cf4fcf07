// Proves a disk blank, as haagent does before mkfs, and says what was read and how long it took:
// haagent-blank-proof DISK. bench/blank_proof runs it.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include <chrono>

#include "agent/base/file_descriptor.h"
#include "volumes/blank.h"

int main(int argc, char** argv) {
  using namespace haagent;
  if (argc != 2) {
    fmt::print(stderr, "usage: haagent-blank-proof DISK\n");
    return 2;
  }
  FileDescriptor const disk(::open(argv[1], O_RDONLY | O_CLOEXEC));
  std::uint64_t bytes = 0;
  if (!disk || ::ioctl(disk.get(), BLKGETSIZE64, &bytes) != 0) {
    fmt::print(stderr, "error: {} is no disk\n", argv[1]);
    return 1;
  }
  auto const ranges = volumes::probed_ranges(bytes);
  std::uint64_t read = 0;
  for (auto const& range : ranges) read += range.length;
  auto const began = std::chrono::steady_clock::now();
  auto const probe = volumes::probe_disk(disk.get(), bytes);
  auto const took = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - began);
  bool const blank = probe && std::holds_alternative<volumes::Blank>(*probe);
  fmt::print("{} GiB: {} ranges, {:.1f} MiB in {} ms: {}\n", bytes >> 30u, ranges.size(),
             static_cast<double>(read) / (1u << 20u), took.count(), blank ? "blank" : "not blank");
  return blank ? 0 : 1;
}
