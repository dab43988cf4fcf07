// What a unit wrote to systemd's journal, where its output goes.
#pragma once

#include <filesystem>
#include <string>

namespace haagent {

// The last lines of one run of a unit, oldest first, `most` bytes at the most. The run is told by
// its invocation id, 32 hexadecimal digits. Empty where it wrote nothing, or where the journal
// cannot be read: the words make a sentence better, and nothing hangs on them. `folder` holds the
// journal's files; empty: this machine's own.
std::string journal_of_run(std::string const& invocation_id, std::size_t most,
                           std::filesystem::path const& folder = {});

}  // namespace haagent
