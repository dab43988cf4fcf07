// A directory of a test's own, gone with the object.
#pragma once

#include <filesystem>
#include <string>

namespace haagent::test {

class TemporaryDirectory {
 public:
  // In the system's folder for such, or below another.
  explicit TemporaryDirectory(
      std::filesystem::path const& below = std::filesystem::temp_directory_path());
  ~TemporaryDirectory();
  TemporaryDirectory(TemporaryDirectory const&) = delete;
  TemporaryDirectory& operator=(TemporaryDirectory const&) = delete;

  std::filesystem::path const& path() const { return path_; }
  std::filesystem::path operator/(std::filesystem::path const& below) const {
    return path_ / below;
  }

 private:
  std::filesystem::path path_;
};

// The file's bytes; fails the test where it cannot be read.
std::string bytes_of(std::filesystem::path const& path);
// Writes a file, folders included.
void write_bytes(std::filesystem::path const& path, std::string_view bytes);

}  // namespace haagent::test
