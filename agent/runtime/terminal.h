// Where a command prints to, and in which form.
#pragma once

#include <string>
#include <string_view>

#include "agent/base/tree.h"

namespace haagent {

enum class OutputFormat { text, json, yaml };

struct Terminal {
  int width = 80;
  int height = 0;  // 0: no terminal, no end
  bool colour = false;

  // Of tables (in_columns); 0 in a pipe, so that a program reads each row in one line.
  std::size_t table_width() const { return height > 0 ? static_cast<std::size_t>(width) : 0; }
};

// Of standard output: colour only on a terminal, and not where NO_COLOR or TERM=dumb asks for none.
Terminal standard_output();

// As many lines of a page as a screen has, the last one saying how many are left out; the whole
// page where it fits, or where there is no screen.
std::string top_of(std::string const& page, int height);

// The same, over what stood there: each line cleared as it is written, and whatever is
// below. Nothing is cleared first, so that nothing flickers.
std::string drawn_in_place(std::string const& page, int height);

// Line breaks, and the blanks around them, as one blank; at both ends as nothing.
std::string in_one_line(std::string_view text);

// Somebody else's bytes, for a page: in one line, and '?' for whatever could drive the reader's
// terminal (C0 and C1 control characters, a tab excepted). The page's own line breaks are put
// around it.
std::string printable(std::string_view text);

// Words, printable, wrapped to `width`; each further line indented. A command that somebody is told
// to run is never broken, so that it can be pasted as it stands: its line may be longer.
std::string wrapped(std::string const& text, std::size_t indent, std::size_t width);

// A tree as JSON with two spaces, or YAML.
std::string print_tree(Tree const& tree, OutputFormat form);

}  // namespace haagent
