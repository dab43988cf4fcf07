// /etc/hosts, which others write to as well.
#include "bootstrap/hosts/hosts_file.h"

#include <algorithm>

#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"

namespace haagent::fuzz {
namespace {

using namespace bootstrap;

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    auto length = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.push_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  return lines;
}

std::string_view bare(std::string_view line) {
  return line.substr(0, line.find_last_not_of(" \t\r\n") + 1);
}

// What nobody may lose: every line outside guards, and after a beginning that has no end those that
// do not speak of our names.
std::vector<std::string_view> kept_lines(std::string_view text,
                                         std::vector<HostsEntry> const& entries) {
  auto lines = lines_of(text);
  std::vector<std::string_view> kept;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (bare(lines[i]) == kHostsEnd) continue;
    if (bare(lines[i]) != kHostsBegin) {
      kept.push_back(lines[i]);
      continue;
    }
    auto next = i + 1;
    while (next < lines.size() && bare(lines[next]) != kHostsBegin &&
           bare(lines[next]) != kHostsEnd)
      ++next;
    if (next < lines.size() && bare(lines[next]) == kHostsEnd) {
      i = next;
      continue;
    }
    for (++i; i < next; ++i) {
      auto speaks = [&](HostsEntry const& entry) { return lines[i].contains(entry.name); };
      if (std::ranges::none_of(entries, speaks) && !lines[i].starts_with("# haagent writes"))
        kept.push_back(lines[i]);
    }
    --i;
  }
  return kept;
}

// Everything of the one is in the other, in its order.
bool holds_all(std::vector<std::string_view> const& lines,
               std::vector<std::string_view> const& wanted) {
  auto at = lines.begin();
  for (auto line : wanted) {
    // The last line of a file may have got its line end.
    at = std::find_if(at, lines.end(), [&](auto each) {
      return each == line || (!line.ends_with('\n') && each == std::string(line) + "\n");
    });
    if (at == lines.end()) return false;
    ++at;
  }
  return true;
}

void hold_block(std::string_view text, std::vector<HostsEntry> const& entries) {
  auto written = hosts_with_block(text, entries);
  hold(holds_all(lines_of(written), kept_lines(text, entries)),
       "what is not ours is kept byte for byte: " + written);
  hold(hosts_with_block(written, entries) == written, "a second time changes nothing: " + written);
  auto found = hosts_in_block(written);
  for (auto const& [address, name] : entries)
    hold(found[name] == address, "the block holds the entries: " + written);
  hold(found.size() == entries.size(), "the block holds nothing else: " + written);
}

}  // namespace

void hosts_file(std::string_view bytes) {
  hold_block(bytes, {});
  hold_block(bytes,
             {{"10.0.0.10", "etcd-a.internal.prod"}, {"10.0.16.10", "etcd-b.internal.prod"}});
  for (auto const& [name, address] : hosts_in_block(bytes))
    hold(!name.empty() && !address.empty(), "an entry has a name and an address");
}

}  // namespace haagent::fuzz
