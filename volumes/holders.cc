#include "volumes/holders.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/base/files.h"

namespace haagent::volumes {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMost = 5;

bool is_below(fs::path const& link, std::string const& folder) {
  std::error_code error;
  auto const target = fs::read_symlink(link, error).string();
  return !error && (target == folder || target.starts_with(folder + "/"));
}

bool holds(fs::path const& process, std::string const& folder) {
  for (auto const* link : {"cwd", "root", "exe"})
    if (is_below(process / link, folder)) return true;
  std::error_code error;
  for (fs::directory_iterator each(process / "fd", error), end; !error && each != end;
       each.increment(error))
    if (is_below(each->path(), folder)) return true;
  return false;
}

}  // namespace

std::vector<std::string> holders_of(fs::path const& mount_point, fs::path const& proc) {
  std::vector<std::string> found;
  std::error_code error;
  for (fs::directory_iterator each(proc, error), end; !error && each != end;
       each.increment(error)) {
    auto const pid = each->path().filename().string();
    if (pid.empty() || !std::ranges::all_of(pid, [](char c) { return c >= '0' && c <= '9'; }))
      continue;
    if (!holds(each->path(), mount_point.string())) continue;
    auto name = read_file(each->path() / "comm");
    auto text = name && *name ? **name : std::string("?");
    while (text.ends_with('\n')) text.pop_back();
    found.push_back(fmt::format("{} (pid {})", text, pid));
    if (found.size() == kMost) break;
  }
  return found;
}

}  // namespace haagent::volumes
