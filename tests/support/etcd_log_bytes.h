// The bytes of etcd's write-ahead log, as etcd writes them: enough of them for what reads them.
#pragma once

#include <cstdint>
#include <string>

namespace haagent::test::etcd_log {

inline std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7u) bytes += static_cast<char>(value | 0x80u);
  return bytes + static_cast<char>(value);
}

inline std::string number(unsigned field, std::uint64_t value) {
  return varint(field << 3u) + varint(value);
}

inline std::string text(unsigned field, std::string const& bytes) {
  return varint(field << 3u | 2u) + varint(bytes.size()) + bytes;
}

// A frame of the log, padded to eight bytes as etcd does it.
inline std::string framed(std::string const& record) {
  auto const padding = (8 - record.size() % 8) % 8;
  std::uint64_t length = record.size();
  if (padding) length |= (0x80u | padding) << 56u;
  std::string bytes;
  for (unsigned i = 0; i < 8; ++i) bytes += static_cast<char>(length >> 8 * i);
  return bytes + record + std::string(padding, '\0');
}

inline std::string metadata(std::uint64_t member_id, std::uint64_t cluster_id) {
  return framed(number(1, 1) + text(3, number(1, member_id) + number(2, cluster_id)));
}

// An empty one, as a new leader writes it.
inline std::string entry_at(std::uint64_t term, std::uint64_t index) {
  return framed(number(1, 2) + text(3, number(1, 0) + number(2, term) + number(3, index)));
}

// The hard state: what is committed.
inline std::string state(std::uint64_t commit) {
  return framed(number(1, 3) + text(3, number(1, 9) + number(2, 0xa1) + number(3, commit)));
}

}  // namespace haagent::test::etcd_log
