#include "agent/commands/pki_files.h"

#include <vector>

#include "agent/base/new_file.h"

namespace haagent {

namespace fs = std::filesystem;

ClientFiles client_files(fs::path const& folder, std::string const& name) {
  return {folder / (name + ".crt"), folder / (name + ".key"), folder / (name + ".ca.crt")};
}

Result<void> write_client_files(ClientFiles const& files,
                                bootstrap::pki::IssuedClient const& issued) {
  auto const folder = files.key.parent_path();
  std::error_code error;
  if (!fs::is_directory(folder.empty() ? "." : folder, error))
    return fail(Kind::invalid, "there is no folder {}", folder.string());
  auto const exists = [](fs::path const& path) {
    return fail(
        Kind::refused,
        "{} exists, and is not overwritten: move it away, or give another folder with --out",
        path.string());
  };
  struct Row {
    fs::path const& path;
    std::string_view bytes;
    mode_t mode;
  };
  Row const rows[] = {{files.key, issued.pair.key.reveal(), 0600},
                      {files.certificate, issued.pair.certificate, 0644},
                      {files.trust, issued.trust, 0644}};
  for (auto const& row : rows)
    if (fs::exists(fs::symlink_status(row.path, error))) return exists(row.path);
  std::vector<fs::path> made;
  auto write = [&](Row const& row) -> Result<void> {
    auto file = TRY(NewFile::beside(row.path, row.mode));
    TRY(file.append(row.bytes));
    auto done = TRY(file.become_target_if_absent());
    if (!done) return exists(row.path);
    made.push_back(row.path);
    return {};
  };
  for (auto const& row : rows) {
    auto written = write(row);
    if (written) continue;
    // All three or none: a key without its certificate is in the way of the next try.
    for (auto const& path : made) fs::remove(path, error);
    return written;
  }
  return {};
}

}  // namespace haagent
