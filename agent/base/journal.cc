#include "agent/base/journal.h"

#include <sys/uio.h>
#include <systemd/sd-journal.h>

#include <memory>
#include <string_view>
#include <vector>

namespace haagent {
namespace {

struct Close {
  void operator()(sd_journal* journal) const { sd_journal_close(journal); }
};
using Journal = std::unique_ptr<sd_journal, Close>;

Journal open_journal(std::filesystem::path const& folder) {
  sd_journal* opened = nullptr;
  auto const failed = folder.empty()
                          ? sd_journal_open(&opened, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM)
                          : sd_journal_open_directory(&opened, folder.c_str(), 0);
  return Journal(failed < 0 ? nullptr : opened);
}

}  // namespace

std::string journal_of_run(std::string const& invocation_id, std::size_t most,
                           std::filesystem::path const& folder) {
  if (invocation_id.size() != 32) return {};
  auto const journal = open_journal(folder);
  if (!journal) return {};
  // What its processes wrote; systemd's own lines about it carry another field.
  auto const match = "_SYSTEMD_INVOCATION_ID=" + invocation_id;
  if (sd_journal_add_match(journal.get(), match.data(), match.size()) < 0 ||
      sd_journal_seek_tail(journal.get()) < 0)
    return {};
  sd_journal_set_data_threshold(journal.get(), most);
  std::vector<std::string> lines;  // the last one first
  for (std::size_t size = 0; size < most && sd_journal_previous(journal.get()) > 0;) {
    constexpr std::string_view kField = "MESSAGE=";
    void const* data = nullptr;
    std::size_t length = 0;
    if (sd_journal_get_data(journal.get(), "MESSAGE", &data, &length) < 0) continue;
    std::string_view const field(static_cast<char const*>(data), length);
    lines.emplace_back(field.substr(std::min(kField.size(), field.size())));
    size += lines.back().size() + 1;
  }
  std::string text;
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) text += *line + '\n';
  return text;
}

bool send_to_journal(std::vector<std::string> const& fields) {
  std::vector<iovec> parts;
  for (auto const& each : fields)
    parts.push_back({const_cast<char*>(each.data()), each.size()});  // NOLINT: iovec wants it so
  return ::sd_journal_sendv(parts.data(), static_cast<int>(parts.size())) >= 0;
}

}  // namespace haagent
