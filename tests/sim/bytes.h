// The bytes of an object or of a large request: small ones in memory, large ones in a file without
// a name, which goes with its last owner, however the process ends.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/file_descriptor.h"
#include "agent/base/result.h"

namespace haagent::sim {

// Where large bytes go: /var/tmp, which is a disk where /tmp may be memory.
std::filesystem::path folder_for_bytes();

// Written by one thread, then read by many.
class Bytes {
 public:
  static constexpr std::size_t kMostInMemory = 256u << 10u;

  explicit Bytes(std::filesystem::path folder = folder_for_bytes()) : folder_(std::move(folder)) {}

  Result<void> append(std::string_view more);
  Result<void> append(Bytes const& other);
  std::uint64_t size() const { return size_; }
  bool is_in_file() const { return static_cast<bool>(file_); }

  // Pieces in their order; ends early where one returns false. Asking for more than there is gives
  // what there is.
  Result<void> each(std::uint64_t offset, std::uint64_t length,
                    std::function<bool(std::string_view)> const& piece) const;
  std::string text() const;  // all of it; for what is small
  std::string md5() const;   // 16 bytes
  std::string sha256() const;
  std::uint32_t crc32() const;

 private:
  std::filesystem::path folder_;
  std::string memory_;
  FileDescriptor file_;
  std::uint64_t size_ = 0;
};

std::string md5(std::string_view bytes);

}  // namespace haagent::sim
