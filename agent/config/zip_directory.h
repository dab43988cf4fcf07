// What a zip archive holds, by its directory at the end (APPNOTE.TXT 4.3): for archives of one
// file.
#pragma once

#include <cstdint>

#include "agent/base/result.h"

namespace haagent {

struct ZippedFile {
  bool deflated = false;     // else stored as it is
  std::uint32_t crc = 0;     // CRC-32 of the file
  std::uint64_t packed = 0;  // bytes
  std::uint64_t size = 0;    // bytes unpacked
  std::uint64_t begin = 0;   // of the packed bytes, in the archive
};
// Errors (invalid): no archive, cut off, encrypted, packed in another way, or of none or several
// files. `fd` can be read at any place.
Result<ZippedFile> only_file_of_zip(int fd, std::uint64_t archive_size);

}  // namespace haagent
