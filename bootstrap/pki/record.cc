#include "bootstrap/pki/record.h"

#include <fmt/ranges.h>

#include <mutex>
#include <sstream>

namespace haagent::bootstrap::pki {
namespace {

std::mutex writes;  // of two rows

}  // namespace

Result<void> add_to_pki_record(Root const& root, std::set<std::string> paths) {
  std::scoped_lock const lock(writes);
  auto const path = root(kPkiRecord);
  auto had = TRY(read_file(path));
  std::istringstream text(had.value_or(""));
  for (std::string line; std::getline(text, line);) paths.insert(line);
  TRY(make_directories(path.parent_path()));
  TRY(replace_file_if_changed(path, fmt::format("{}\n", fmt::join(paths, "\n"))));
  return {};
}

}  // namespace haagent::bootstrap::pki
