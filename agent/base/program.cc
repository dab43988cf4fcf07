#include "agent/base/program.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ranges>
#include <string_view>

namespace haagent {
namespace {

constexpr std::string_view kPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::string_view name_of(std::string_view entry) {
  return entry.substr(0, entry.find('='));
}

// The files that a name may stand for, in the order of `path`.
std::vector<std::string> candidates(std::string_view path, std::string const& name) {
  std::vector<std::string> files;
  for (auto folder : std::views::split(path, ':')) {
    std::string_view text(folder.begin(), folder.end());
    // POSIX reads "" as the current directory; nobody means that.
    if (!text.empty()) files.push_back(fmt::format("{}/{}", text, name));
  }
  return files;
}

bool is_program(std::string const& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         ::access(path.c_str(), X_OK) == 0;
}

}  // namespace

std::vector<std::string> clean_environment(std::vector<std::string> const& added) {
  std::vector<std::string> environment = {fmt::format("PATH={}", kPath), "LC_ALL=C.UTF-8"};
  for (auto const& entry : added) {
    std::erase_if(environment, [&](auto const& had) { return name_of(had) == name_of(entry); });
    environment.push_back(entry);
  }
  return environment;
}

Result<std::string> find_program(std::string const& name,
                                 std::vector<std::string> const& environment) {
  if (name.contains('/')) return name;
  std::string_view path;
  for (auto const& entry : environment) {
    if (entry.starts_with("PATH=")) path = std::string_view(entry).substr(5);
  }
  for (auto const& candidate : candidates(path, name))
    if (is_program(candidate)) return candidate;
  Error error{Kind::internal,
              fmt::format("'{}' is not installed: no executable file of that name in {}", name,
                          path.empty() ? "an empty PATH" : path),
              std::error_code(ENOENT, std::generic_category())};
  return std::unexpected(std::move(error));
}

std::string find_program_below(Root const& root, std::string const& name) {
  auto const files = name.contains('/') ? std::vector{name} : candidates(kPath, name);
  auto const found =
      std::ranges::find_if(files, [&](auto const& file) { return is_program(root(file)); });
  return found == files.end() ? "" : *found;
}

std::vector<char*> exec_array(std::vector<std::string> const& words) {
  std::vector<char*> array;
  array.reserve(words.size() + 1);
  // exec takes char* for history's sake and does not write through it.
  for (auto const& word : words) array.push_back(const_cast<char*>(word.c_str()));
  array.push_back(nullptr);
  return array;
}

}  // namespace haagent
