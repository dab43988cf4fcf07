// What somebody else has written, as a part of a sentence of ours: one that nobody trusts must not
// make lines of a journal, move a terminal's cursor, or be long.
#pragma once

#include <string>
#include <string_view>

namespace haagent {

// The first `most` bytes, with '?' for each that is no printable ASCII.
std::string one_line(std::string_view text, std::size_t most);

}  // namespace haagent
