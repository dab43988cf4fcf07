// Files: real calls under an injected root. A file that other programs read is replaced, never
// edited.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"

namespace haagent {

// The directory that stands for "/". In the shipped agent it is "/" unless --root says otherwise.
class Root {
 public:
  explicit Root(std::filesystem::path directory = "/") : directory_(std::move(directory)) {}
  // Root("/tmp/x")("/etc/hosts") is /tmp/x/etc/hosts.
  std::filesystem::path operator()(std::filesystem::path const& absolute) const {
    return directory_ / absolute.relative_path();
  }
  std::filesystem::path const& directory() const { return directory_; }

 private:
  std::filesystem::path directory_;
};

struct FileMode {
  mode_t mode = 0644;
  std::optional<uid_t> uid;  // unset: as the process makes it
  std::optional<gid_t> gid;
};

// The whole file; nothing where it does not exist. Longer than cap is an error (invalid).
Result<std::optional<std::string>> read_file(std::filesystem::path const& path,
                                             std::size_t cap = 16u << 20u);

// `length` bytes from `offset` on; fewer where the file ends before. `doing` ("reading the
// database") stands in front of an error.
Result<std::string> read_at(int fd, std::uint64_t offset, std::size_t length,
                            std::string_view doing);

// Temp file in the same folder, mode and owner set, write, fsync, rename, fsync of the folder. The
// name never shows half a file, nor a file with the wrong mode. Parent folders must exist.
Result<void> replace_file(std::filesystem::path const& path, std::string_view bytes,
                          FileMode mode = {});

// Files that belong together, as a certificate and its key do, or that are written at the same
// time. All of them are on the disk before the first takes its name, and then one rename follows
// the other in the order of `files`: as close as names allow. After a power cut at any point each
// is the old or the new one. They are flushed side by side, so that the file system's journal is
// written once or twice and not once for each.
struct PairedFile {
  std::filesystem::path path;
  std::string bytes;
  FileMode mode;
};
Result<void> replace_files(std::span<PairedFile const> files);

// replace_file only where bytes, mode or a requested owner differ. True where it wrote.
Result<bool> replace_file_if_changed(std::filesystem::path const& path, std::string_view bytes,
                                     FileMode mode = {});
// The same of many: replace_files() of those that differ.
Result<bool> replace_files_if_changed(std::vector<PairedFile> files);

// True where the file exists with these bytes, this mode and, where requested, this owner.
Result<bool> file_matches(std::filesystem::path const& path, std::string_view bytes, FileMode mode);

// mkdir -p; folders that it creates get the mode, folders that exist are left alone.
Result<void> make_directories(std::filesystem::path const& path, mode_t mode = 0755);

}  // namespace haagent
