// Filesystems whose room a test sets.
#pragma once

#include <map>
#include <string>

#include "agent/base/filesystem_space.h"

namespace haagent::test {

class FakeFilesystems final : public Filesystems {
 public:
  std::map<std::string, FilesystemSpace>
      below;  // by the path that they begin at; the longest counts
  FilesystemSpace root{.device = 99, .size = 100ull << 30u, .avail = 50ull << 30u};

  Result<FilesystemSpace> space(std::filesystem::path const& path) override {
    auto found = root;
    std::size_t longest = 0;
    for (auto const& [begin, each] : below) {
      bool const on_it = path.string() == begin || path.string().starts_with(begin + "/");
      if (!on_it || begin.size() < longest) continue;
      found = each;
      longest = begin.size();
    }
    return found;
  }
};

}  // namespace haagent::test
