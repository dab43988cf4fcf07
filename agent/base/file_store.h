#pragma once

#include <filesystem>

#include "agent/base/file_descriptor.h"
#include "agent/base/new_file.h"
#include "agent/base/state_store.h"

namespace haagent {

// The state store on a folder, of this machine or of a shared file system whose locks and links
// work between machines (NFS does). A key is a file's path in it; files are 0600, folders 0700. All
// that is written is on the disk before the call returns.
//
// The folder itself is never made: where it is the mount point of something that is not mounted
// yet, three masters would make three stores. A file cannot be a folder as well, so that of "a" and
// "a/b" one is refused.
//
// A version is the file's time of modification. ".lock" holds the latest that was given, and each
// is later than that, whatever the clock does: none comes twice. When a file was stored its change
// time (ctime) says, which the file system alone sets, by its own clock: on NFS the server's. So
// does now(), by a file without a name, or where there are none by touching ".time".
class FileStore final : public StateStore {
 public:
  FileStore(std::filesystem::path folder, Clock& clock)
      : folder_(std::move(folder)), clock_(clock) {}

  std::string where() const override { return "file://" + folder_.string(); }
  Result<std::optional<StoredObject>> get(std::string const& key, std::stop_token stop) override;
  Result<bool> create(std::string const& key, std::string const& bytes,
                      std::stop_token stop) override;
  Result<bool> replace(std::string const& key, std::string const& bytes, std::string const& version,
                       std::stop_token stop) override;
  Result<void> upload(std::string const& key, std::filesystem::path const& file,
                      std::stop_token stop) override;
  Result<void> download(std::string const& key, std::filesystem::path const& file,
                        std::stop_token stop) override;
  Result<std::vector<StoredEntry>> list(std::string const& prefix, std::stop_token stop) override;
  Result<void> remove(std::string const& key, std::stop_token stop) override;
  Result<UtcTime> now(std::stop_token stop) override;

 private:
  Result<void> check_folder() const;
  Result<FileDescriptor> lock(std::stop_token const& stop);
  // The file of a key, its folders made; under the lock.
  Result<NewFile> begin(std::string const& key);
  Result<void> stamp(NewFile& file, int lock);
  Result<bool> write(std::string const& key, std::string const& bytes, std::string const* version,
                     std::stop_token const& stop);

  std::filesystem::path folder_;
  Clock& clock_;
};

}  // namespace haagent
