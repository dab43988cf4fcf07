// Lines, blanks and letters of texts that people write. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace haagent::text {

// ASCII alone.
std::string lower(std::string_view text);
// Without blanks, tabs and line ends on both sides.
std::string_view trim(std::string_view text);
// The first line without its end ("\n" or "\r\n"), which is taken from the text with it.
std::string_view take_line(std::string_view& text);
// What a message quotes of a line: its first 60 bytes.
std::string shown(std::string_view line);
// Without a UTF-8 byte order mark; lines end in "\n", whether they ended in "\r\n" or "\r".
std::string normalised(std::string_view text);

// The white space that every line begins with, blank lines left out.
std::string common_indent(std::string_view text);
// Each line without its first `columns` characters; a blank line becomes empty.
std::string dedented(std::string_view text, std::size_t columns);

}  // namespace haagent::text
