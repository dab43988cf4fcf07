#include "bootstrap/hosts/hosts_file.h"

#include <fmt/format.h>

#include <algorithm>

namespace haagent::bootstrap {
namespace {

constexpr char const* kHosts = "/etc/hosts";

constexpr std::string_view kNotice = "# haagent writes these lines; changes here are lost.";

// With their line ends, so that what is kept is kept to the byte.
std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    auto end = text.find('\n');
    auto length = end == std::string_view::npos ? text.size() : end + 1;
    lines.push_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  return lines;
}

bool is_line(std::string_view line, std::string_view wanted) {
  auto last = line.find_last_not_of(" \t\r\n");
  return last != std::string_view::npos && line.substr(0, last + 1) == wanted;
}

// The words before a comment.
std::vector<std::string_view> words_of(std::string_view line) {
  line = line.substr(0, line.find('#'));
  std::vector<std::string_view> words;
  for (std::size_t at = 0;
       (at = line.find_first_not_of(" \t\r\n", at)) != std::string_view::npos;) {
    auto end = std::min(line.find_first_of(" \t\r\n", at), line.size());
    words.push_back(line.substr(at, end - at));
    at = end;
  }
  return words;
}

bool names_one_of(std::string_view line, std::vector<HostsEntry> const& entries) {
  auto words = words_of(line);
  return std::ranges::any_of(entries, [&](HostsEntry const& entry) {
    return std::ranges::find(words, entry.name) != words.end();
  });
}

// The index of the next guard at or after `from`, or the number of lines.
std::size_t next_guard(std::vector<std::string_view> const& lines, std::size_t from) {
  while (from < lines.size() && !is_line(lines[from], kHostsBegin) &&
         !is_line(lines[from], kHostsEnd))
    ++from;
  return from;
}

}  // namespace

std::string hosts_with_block(std::string_view text, std::vector<HostsEntry> const& entries) {
  std::string block = fmt::format("{}\n{}\n", kHostsBegin, kNotice);
  for (auto const& [address, name] : entries) block += fmt::format("{} {}\n", address, name);
  block += fmt::format("{}\n", kHostsEnd);

  std::string result;
  bool placed = false;
  auto place = [&] {
    if (!placed) result += block;
    placed = true;
  };
  auto lines = lines_of(text);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (is_line(lines[i], kHostsEnd)) continue;
    if (!is_line(lines[i], kHostsBegin)) {
      result += lines[i];
      continue;
    }
    place();
    auto guard = next_guard(lines, i + 1);
    if (guard < lines.size() && is_line(lines[guard], kHostsEnd)) {
      i = guard;
      continue;
    }
    for (++i; i < guard; ++i)
      if (!is_line(lines[i], kNotice) && !names_one_of(lines[i], entries)) result += lines[i];
    --i;
  }
  if (!placed && !result.empty() && !result.ends_with('\n')) result += '\n';
  place();
  return result;
}

std::map<std::string, std::string> hosts_in_block(std::string_view text) {
  std::map<std::string, std::string> found;
  auto lines = lines_of(text);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (!is_line(lines[i], kHostsBegin)) continue;
    auto guard = next_guard(lines, i + 1);
    if (guard == lines.size() || !is_line(lines[guard], kHostsEnd)) continue;
    for (++i; i < guard; ++i) {
      auto words = words_of(lines[i]);
      for (std::size_t word = 1; word < words.size(); ++word) found.emplace(words[word], words[0]);
    }
  }
  return found;
}

Result<std::map<std::string, std::string>> HostsFile::hosts() const {
  auto const text = TRY(read_file(root_(kHosts)));
  return hosts_in_block(text.value_or(""));
}

Result<bool> HostsFile::holds(std::vector<HostsEntry> const& entries) const {
  auto const text = TRY(read_file(root_(kHosts)));
  return text && hosts_with_block(*text, entries) == *text;
}

Result<void> HostsFile::write(std::vector<HostsEntry> const& entries) const {
  auto const text = TRY(read_file(root_(kHosts)));
  TRY(replace_file_if_changed(root_(kHosts), hosts_with_block(text.value_or(""), entries)));
  return {};
}

}  // namespace haagent::bootstrap
