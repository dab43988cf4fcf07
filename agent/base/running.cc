#include "agent/base/running.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>

namespace haagent {
namespace {

namespace fs = std::filesystem;

std::string_view last_part(std::string_view path) {
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

// None where it is the kernel's, or gone.
std::vector<std::string> arguments_of(fs::path const& folder) {
  std::vector<std::string> words;
  auto const text = read_file(folder / "cmdline");
  if (!text || !*text) return words;
  for (std::string_view rest = **text; !rest.empty();) {
    auto const word = rest.substr(0, rest.find('\0'));
    words.emplace_back(word);
    rest.remove_prefix(std::min(word.size() + 1, rest.size()));
  }
  return words;
}

bool is_called(fs::path const& folder, std::vector<std::string> const& arguments,
               std::string_view name) {
  if (arguments.empty()) return false;
  if (last_part(arguments.front()) == name) return true;
  std::error_code unreadable;
  return last_part(fs::read_symlink(folder / "exe", unreadable).native()) == name;
}

Duration from_seconds(double seconds) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

}  // namespace

std::optional<Duration> time_since_boot(Root const& root) {
  auto const text = read_file(root("/proc/uptime"), 4096);
  if (!text || !*text) return std::nullopt;
  char* end = nullptr;
  double const seconds = std::strtod((*text)->c_str(), &end);
  if (end == (*text)->c_str()) return std::nullopt;
  return from_seconds(seconds);
}

std::string read_boot_id(Root const& root) {
  auto text = read_file(root("/proc/sys/kernel/random/boot_id"), 4096);
  if (!text || !*text) return "";
  auto id = **text;
  while (!id.empty() && id.back() == '\n') id.pop_back();
  return id;
}

// The name in field 2 may hold anything, so the fields are counted from its last ')'.
std::optional<ProcessStat> parse_process_stat(std::string_view rest) {
  rest.remove_prefix(std::min(rest.rfind(')'), rest.size()));
  ProcessStat stat;
  for (int field = 2; !rest.empty(); ++field) {
    auto word = rest.substr(0, rest.find(' '));
    auto number = [&](auto& value) { std::from_chars(word.begin(), word.end(), value); };
    if (field == 3) stat.zombie = word == "Z" || word == "X";
    if (field == 3) stat.held = word == "D";
    if (field == 5) number(stat.group);
    if (field == 22) {
      number(stat.start_time);
      return stat;
    }
    rest.remove_prefix(std::min(word.size() + 1, rest.size()));
  }
  return std::nullopt;
}

Result<std::vector<RunningProgram>> running_programs(Root const& root, std::string_view name,
                                                     UtcTime now) {
  std::vector<RunningProgram> found;
  auto const proc = root("/proc");
  std::error_code error;
  if (!fs::is_directory(proc, error)) return found;
  for (auto entry = fs::directory_iterator(proc, error); entry != fs::directory_iterator();
       entry.increment(error)) {
    pid_t pid = 0;
    auto const folder = entry->path().filename().native();
    auto const read = std::from_chars(folder.data(), folder.data() + folder.size(), pid);
    if (read.ec != std::errc() || read.ptr != folder.data() + folder.size()) continue;
    auto arguments = arguments_of(entry->path());
    if (!is_called(entry->path(), arguments, name)) continue;
    auto const text = read_file(entry->path() / "stat", 4096);
    if (!text || !*text) continue;  // gone meanwhile
    auto const stat = parse_process_stat(**text);
    if (!stat || stat->zombie) continue;
    auto const up = time_since_boot(root);
    if (!up)
      return fail(Kind::internal, "{} does not say how long it is since boot",
                  root("/proc/uptime").string());
    auto const began = from_seconds(static_cast<double>(stat->start_time) /
                                    static_cast<double>(::sysconf(_SC_CLK_TCK)));
    found.push_back({pid, now - std::max(Duration(0), *up - began), std::move(arguments), began});
  }
  if (error) return fail_errno(error.value(), fmt::format("listing {}", proc.string()));
  return found;
}

}  // namespace haagent
