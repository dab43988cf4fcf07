#include "agent/timeline/boot_history.h"

#include <algorithm>
#include <charconv>

#include "agent/base/json.h"

namespace haagent::timeline {
namespace {

constexpr char kEnding[] = ".json";

// In the order of boots by its name. The same boot keeps its name however the clock was put right.
std::string ending_of(BootRecord const& record) {
  return fmt::format("-{}{}", record.boot_id.substr(0, 8), kEnding);
}

// Not the kernel's start: a container and a simulated instance share that with others.
UtcTime began(BootRecord const& record) {
  return record.kernel_started + record.agent_started;
}

std::string name_of(BootRecord const& record) {
  auto name = to_rfc3339(began(record));
  std::erase_if(name, [](char c) { return c == '-' || c == ':'; });
  return name + ending_of(record);
}

Result<std::vector<std::filesystem::path>> files_in(std::filesystem::path const& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error))
    if (entry->path().extension() == kEnding) files.push_back(entry->path());
  if (error && error != std::errc::no_such_file_or_directory)
    return fail_errno(error.value(), fmt::format("listing {}", folder.string()));
  std::ranges::sort(files, std::greater());
  return files;
}

// Nothing where there is no such file.
Result<std::optional<BootRecord>> read_record(std::filesystem::path const& path) {
  auto const text = TRY(read_file(path, kRecordCap));
  if (!text) return std::nullopt;
  auto const tree = TRY_DURING(json::parse(*text), "reading {}", path.string());
  return TRY_DURING(record_from_tree(tree), "reading {}", path.string());
}

}  // namespace

Result<void> write_running(Root const& root, BootRecord const& record) {
  auto const path = root(kRunning);
  TRY(make_directories(path.parent_path()));
  return replace_file(path, json::print(to_tree(record)));
}

Result<std::optional<BootRecord>> read_running(Root const& root) {
  return read_record(root(kRunning));
}

Result<void> keep_boot(Root const& root, BootRecord const& record) {
  auto const folder = root(kHistory);
  TRY(make_directories(folder));
  auto files = TRY(files_in(folder));
  auto const same = std::ranges::find_if(files, [&](auto const& path) {
    return path.filename().native().ends_with(ending_of(record));
  });
  auto path = folder / name_of(record);
  if (same != files.end()) path = *same;
  TRY(replace_file(path, json::print(to_tree(record))));
  if (same == files.end()) files.insert(files.begin(), path);
  std::error_code ignored;
  for (auto i = kBootsKept; i < files.size(); ++i) std::filesystem::remove(files[i], ignored);
  return {};
}

Result<History> read_history(Root const& root) {
  History history;
  auto take = [&](std::filesystem::path const& path) {
    auto record = read_record(path);
    if (!record) {
      history.unreadable.push_back(record.error().message.sentence());
    } else if (*record && std::ranges::find(history.boots, (*record)->boot_id,
                                            &BootRecord::boot_id) == history.boots.end()) {
      history.boots.push_back(**std::move(record));
    }
  };
  auto const files = TRY(files_in(root(kHistory)));
  auto const running = read_running(root);
  if (running && *running && !(*running)->ready) history.boots.push_back(**running);
  for (auto const& path : files) take(path);
  take(root(kRunning));  // where the disk has no room for it
  std::ranges::stable_sort(history.boots, std::greater(), began);
  return history;
}

Result<BootRecord> find_boot(std::vector<BootRecord> const& boots, std::string const& which) {
  if (boots.empty()) return fail(Kind::invalid, "no boot is on record");
  std::size_t back = 0;
  auto const* begin = which.data() + (which.starts_with('-') ? 1 : 0);
  auto const* end = which.data() + which.size();
  auto const [rest, error] = std::from_chars(begin, end, back);
  if (error == std::errc() && rest == end && which.size() < 4) {
    if (back < boots.size()) return boots[back];
    return fail(Kind::invalid, "{} boots are on record: the oldest is {}", boots.size(),
                boots.size() - 1);
  }
  std::vector<BootRecord const*> found;
  for (auto const& each : boots)
    if (!which.empty() && each.boot_id.starts_with(which)) found.push_back(&each);
  if (found.size() == 1) return *found.front();
  return fail(Kind::invalid,
              "{} boot on record has an id that begins with '{}': see 'haagent timeline --list'",
              found.empty() ? "no" : "more than one", which);
}

}  // namespace haagent::timeline
