// systemd's journal: an entry with fields, and what a unit wrote there.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace haagent {

// The last lines of one run of a unit, oldest first, `most` bytes at the most. The run is told by
// its invocation id, 32 hexadecimal digits. Empty where it wrote nothing, or where the journal
// cannot be read: the words make a sentence better, and nothing hangs on them. `folder` holds the
// journal's files; empty: this machine's own.
std::string journal_of_run(std::string const& invocation_id, std::size_t most,
                           std::filesystem::path const& folder = {});

// An entry of these fields, each "NAME=value" (systemd.journal-fields(7)). False where no journal
// took it.
bool send_to_journal(std::vector<std::string> const& fields);

}  // namespace haagent
