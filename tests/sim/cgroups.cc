#include "tests/sim/cgroups.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <sstream>

#include "agent/base/files.h"

namespace haagent::sim {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kRegionGroup = "haagent-sim-";

std::vector<CgroupHierarchy> mounted() {
  auto const text = read_file("/proc/self/mountinfo");
  return text && *text ? cgroup_hierarchies(**text) : std::vector<CgroupHierarchy>{};
}

Result<void> write_value(fs::path const& file, std::string const& value) {
  std::ofstream out(file);
  out << value << std::flush;
  if (!out) return fail_errno(errno, fmt::format("writing {} to {}", value, file.string()));
  return {};
}

Result<void> make_group(fs::path const& group) {
  std::error_code failed;
  fs::create_directory(group, failed);
  if (failed) return fail_errno(failed.value(), "making " + group.string());
  // A group of this controller takes nobody before it has processors and memory.
  if (!fs::exists(group / "cpuset.cpus", failed)) return {};
  for (auto const* file : {"cpuset.cpus", "cpuset.mems"}) {
    auto const above = TRY(read_file(group.parent_path() / file));
    TRY(write_value(group / file, above.value_or("0")));
  }
  return write_value(group / "cgroup.clone_children", "1");
}

// The deepest first.
void remove_tree(fs::path const& group) {
  std::error_code ignored;
  for (auto const& entry : fs::directory_iterator(group, ignored))
    if (entry.is_directory(ignored)) remove_tree(entry.path());
  ::rmdir(group.c_str());
}

}  // namespace

std::vector<CgroupHierarchy> cgroup_hierarchies(std::string_view mountinfo) {
  std::vector<CgroupHierarchy> found;
  std::istringstream lines{std::string(mountinfo)};
  for (std::string line; std::getline(lines, line);) {
    auto const dash = line.find(" - cgroup ");
    if (dash == std::string::npos) continue;
    std::string id, parent, device, root, point, type, source, options;
    std::istringstream(line) >> id >> parent >> device >> root >> point;
    std::istringstream(line.substr(dash + 3)) >> type >> source >> options;
    // "rw,memory", "rw,xattr,name=systemd": the first word is about the mount alone.
    std::string wanted;
    std::istringstream words(options);
    for (std::string word; std::getline(words, word, ',');) {
      if (word == "rw" || word == "ro" || word == "xattr" || word.starts_with("release_agent="))
        continue;
      wanted += (wanted.empty() ? word.starts_with("name=") ? "none," : "" : ",") + word;
    }
    if (!wanted.empty()) found.push_back({point, wanted});
  }
  return found;
}

Result<InstanceCgroups> InstanceCgroups::make(std::string const& marker,
                                              std::string const& instance) {
  InstanceCgroups made;
  for (auto const& hierarchy : mounted()) {
    auto const region = hierarchy.mount / fmt::format("{}{}", kRegionGroup, marker);
    TRY(make_group(region));
    TRY(make_group(region / instance));
    made.groups_.push_back(region / instance);
  }
  if (made.groups_.empty())
    return fail(
        Kind::invalid,
        "containers in instances need cgroup version 1, which this machine has not mounted; "
        "use a whole machine instead (MACHINES.md)");
  return made;
}

Result<void> InstanceCgroups::enter(pid_t pid) const {
  for (auto const& group : groups_) TRY(write_value(group / "cgroup.procs", std::to_string(pid)));
  return {};
}

std::vector<pid_t> InstanceCgroups::members() const {
  std::vector<pid_t> pids;
  if (groups_.empty()) return pids;
  auto read = [&](fs::path const& group) {
    std::ifstream file(group / "cgroup.procs");
    for (pid_t pid = 0; file >> pid;) pids.push_back(pid);
  };
  std::error_code ignored;
  read(groups_.front());
  for (auto const& entry : fs::recursive_directory_iterator(groups_.front(), ignored))
    if (entry.is_directory(ignored)) read(entry.path());
  return pids;
}

void InstanceCgroups::remove() const {
  for (auto const& group : groups_) {
    remove_tree(group);
    ::rmdir(group.parent_path().c_str());  // with the last instance
  }
}

Result<void> mount_cgroups(fs::path const& target) {
  for (auto const& hierarchy : mounted()) {
    auto const point = target / hierarchy.mount.filename();
    std::error_code failed;
    fs::create_directories(point, failed);
    if (failed) return fail_errno(failed.value(), "making " + point.string());
    if (::mount("cgroup", point.c_str(), "cgroup", MS_NOSUID | MS_NODEV | MS_NOEXEC,
                hierarchy.options.c_str()) != 0)
      return fail_errno(errno, "mounting " + point.string());
  }
  return {};
}

void sweep_cgroups() {
  std::error_code ignored;
  for (auto const& hierarchy : mounted())
    for (auto const& entry : fs::directory_iterator(hierarchy.mount, ignored)) {
      auto const name = entry.path().filename().string();
      if (!name.starts_with(kRegionGroup)) continue;
      auto const pid = std::atoi(name.substr(kRegionGroup.size()).c_str());
      if (pid > 0 && ::kill(pid, 0) != 0 && errno == ESRCH) remove_tree(entry.path());
    }
}

std::vector<fs::path> cgroups_of(std::string_view marker) {
  std::vector<fs::path> found;
  std::error_code ignored;
  for (auto const& hierarchy : mounted()) {
    auto const group = hierarchy.mount / fmt::format("{}{}", kRegionGroup, marker);
    if (fs::exists(group, ignored)) found.push_back(group);
  }
  return found;
}

}  // namespace haagent::sim
