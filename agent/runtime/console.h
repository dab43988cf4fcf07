// A line on the machine's console, which is the last that EC2 shows of a machine that nobody can
// reach. journald forwards what comes over a unit's streams (StandardOutput=journal+console), and
// does not forward an entry with fields of its own.
#pragma once

#include <filesystem>
#include <string_view>

namespace haagent {

// Writes one line, with '?' for what would drive a terminal, and waits for nothing: a console whose
// buffer is full loses the line's end, and one that cannot be opened loses the line. The journal
// has it all the same.
void tell_console(std::filesystem::path const& console, std::string_view line);

}  // namespace haagent
