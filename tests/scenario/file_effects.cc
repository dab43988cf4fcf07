#include "tests/scenario/file_effects.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace haagent::scenario {
namespace {

struct Roots {
  std::mutex mutex;
  std::map<std::string, test::Power*> by_path;
};

Roots& roots() {
  static Roots all;
  return all;
}

struct Owner {
  test::Power* power = nullptr;  // null: no machine's file
  std::string path;              // as the machine has it
};

// Where a path through a descriptor of this process leads: "/proc/self/fd/17/x".
std::string led(std::string_view path) {
  constexpr std::string_view kThrough = "/proc/self/fd/";
  if (!path.starts_with(kThrough)) return std::string(path);
  auto const end = std::min(path.find('/', kThrough.size()), path.size());
  char where[PATH_MAX];
  auto const size = ::readlink(std::string(path.substr(0, end)).c_str(), where, sizeof where);
  if (size < 0) return std::string(path);
  return std::string(where, static_cast<std::size_t>(size)) + std::string(path.substr(end));
}

Owner owner_of(std::string_view given) {
  auto const path = led(given);
  auto& all = roots();
  std::lock_guard lock(all.mutex);
  for (auto const& [root, power] : all.by_path)
    if (path.starts_with(root)) return {power, path.substr(root.size())};
  return {};
}

bool is_off(char const* path) {
  auto owner = owner_of(path);
  return owner.power && owner.power->off();
}

int refuse() {
  errno = EIO;
  return -1;
}

}  // namespace

FilesUnderPower::FilesUnderPower(std::filesystem::path root, test::Power& power)
    : root_(std::move(root)) {
  auto& all = roots();
  std::lock_guard lock(all.mutex);
  all.by_path[root_] = &power;
}

FilesUnderPower::~FilesUnderPower() {
  auto& all = roots();
  std::lock_guard lock(all.mutex);
  all.by_path.erase(root_);
}

}  // namespace haagent::scenario

// In place of libc's: the linker takes a program's own first.
extern "C" {

int rename(char const* from, char const* to) noexcept {
  auto owner = haagent::scenario::owner_of(to);
  if (owner.power && !owner.power->reach("before writing " + owner.path))
    return haagent::scenario::refuse();
  return static_cast<int>(::syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}

int unlink(char const* path) noexcept {
  if (haagent::scenario::is_off(path)) return haagent::scenario::refuse();
  return static_cast<int>(::syscall(SYS_unlinkat, AT_FDCWD, path, 0));
}

int unlinkat(int folder, char const* path, int flags) noexcept {
  // fs::remove_all walks from folder to folder.
  char where[PATH_MAX];
  auto const link = "/proc/self/fd/" + std::to_string(folder);
  auto const size = *path == '/' ? -1 : ::readlink(link.c_str(), where, sizeof where);
  auto const whole = size < 0 ? std::string(path)
                              : std::string(where, static_cast<std::size_t>(size)) + "/" + path;
  if (haagent::scenario::is_off(whole.c_str())) return haagent::scenario::refuse();
  return static_cast<int>(::syscall(SYS_unlinkat, folder, path, flags));
}

int symlink(char const* target, char const* path) noexcept {
  if (haagent::scenario::is_off(path)) return haagent::scenario::refuse();
  return static_cast<int>(::syscall(SYS_symlinkat, target, AT_FDCWD, path));
}

int mkdir(char const* path, mode_t mode) noexcept {
  if (haagent::scenario::is_off(path)) return haagent::scenario::refuse();
  return static_cast<int>(::syscall(SYS_mkdirat, AT_FDCWD, path, mode));
}

}  // extern "C"
