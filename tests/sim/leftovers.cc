#include "tests/sim/leftovers.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/loop.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <filesystem>

#include "agent/base/file_descriptor.h"
#include "agent/base/files.h"
#include "tests/sim/cgroups.h"

namespace haagent::sim {
namespace {

// Files of /proc may go while they are read: then they are empty.
std::string text_of(std::filesystem::path const& path) {
  auto const text = read_file(path);
  return text && *text ? **text : "";
}

bool is_number(std::string const& text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::vector<std::string> leftovers(std::string_view marker) {
  std::vector<std::string> found;
  std::error_code ignored;
  // Every mount of a region's carries its name as the source, and every process of its lives among
  // such mounts or was started with the marker.
  auto source = fmt::format(" haagent-sim-{} ", marker);
  auto variable = fmt::format("HAAGENT_SIM={}", marker);
  for (auto const& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    auto pid = entry.path().filename().string();
    if (!is_number(pid)) continue;
    auto comm = text_of(entry.path() / "comm");
    if (!comm.empty()) comm.pop_back();
    auto environment = '\0' + text_of(entry.path() / "environ");
    if (text_of(entry.path() / "mountinfo").contains(source) ||
        environment.contains('\0' + variable + '\0') || comm == fmt::format("simkeep-{}", marker))
      found.push_back(fmt::format("process {} ({})", pid, comm));
  }
  auto name = fmt::format("haagent-sim-{}/", marker);
  for (auto const& entry : std::filesystem::directory_iterator("/sys/block", ignored)) {
    auto device = entry.path().filename().string();
    if (!device.starts_with("loop") || !std::filesystem::exists(entry.path() / "loop", ignored))
      continue;
    FileDescriptor fd(::open(("/dev/" + device).c_str(), O_RDONLY | O_CLOEXEC));
    loop_info64 info{};
    if (!fd || ::ioctl(fd.get(), LOOP_GET_STATUS64, &info) != 0) continue;
    std::string_view file(reinterpret_cast<char const*>(info.lo_file_name));
    if (file.starts_with(name)) found.push_back(fmt::format("{} holds {}", device, file));
  }
  for (auto const& group : cgroups_of(marker)) found.push_back(group.string());
  return found;
}

}  // namespace haagent::sim
