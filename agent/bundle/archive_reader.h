// Reads an archive that another node has made (archive.h): bytes from outside, so strictly and
// within bounds.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"

namespace haagent::bundle {

struct ArchivedFile {
  std::string path;  // below the archive's one folder
  std::string bytes;
};

// Of a tar through zstd, with files in one folder and nothing else: no links, no path that leads
// anywhere else. Errors (invalid): anything else, an archive that is not whole, more than `most`
// bytes of tar.
Result<std::vector<ArchivedFile>> read_archive(std::string_view bytes, std::size_t most);
// The same of the tar alone.
Result<std::vector<ArchivedFile>> read_tar(std::string_view tar);

}  // namespace haagent::bundle
