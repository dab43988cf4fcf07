// What is wrong with a configuration, and the page that says so: every problem at once, each with
// its place, the line and a caret.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/nearest.h"
#include "agent/base/tree.h"

namespace haagent {

// The texts that a configuration was read from. Marks of all of them live in one numbering, in the
// order in which the sources were added, so that a value keeps its origin through every merge.
class SourceMap {
 public:
  struct Place {
    std::string source;  // "/etc/haagent/haagent.yaml", "user-data part 2", "--set"
    int line = 0;        // from 1
    int column = 0;
  };

  // Returns what has to be added to the lines of marks inside this text; see shift().
  int add(std::string name, std::string text);
  // Adds the offset to every mark of the tree, those of keys included.
  static void shift(Tree& tree, int offset);

  // The place behind a shifted mark; an empty source where the mark is from nowhere.
  Place locate(Mark mark) const;
  // The line of text that the mark stands in; empty where there is none.
  std::string_view line_at(Mark mark) const;
  std::vector<std::string> names() const;

 private:
  struct Source {
    std::string name;
    std::string text;
    int offset;  // the line before its first
  };
  Source const* find(Mark mark) const;
  std::vector<Source> sources_;
  int next_offset_ = 0;
};

// "/etc/haagent/haagent.yaml:5:9"; a --set has one line, so its name says enough.
std::string to_string(SourceMap::Place const& place);

enum class Severity { error, warning };

struct Diagnostic {
  Severity severity = Severity::error;
  Mark mark{};             // shifted; {} where it is about no place
  std::size_t length = 1;  // of what the caret underlines, in bytes
  std::string path{};      // "cluster.name"; may be empty
  std::string message{};   // without a full stop
  std::string hint{};      // one line: printed in parentheses; several: indented below
  bool hidden = false;     // the line holds a secret: it is not printed
};

using Diagnostics = std::vector<Diagnostic>;

std::size_t count(Diagnostics const& diagnostics, Severity severity);

// The page, in the order of the sources, ending with a line of counts; empty without diagnostics.
// Reports a hundred; of more than that, how many.
//   /etc/haagent/haagent.yaml:4:3: error: cluster.nam: unknown key (did you mean 'name'?)
//     nam: prod
//     ^~~
//   1 error
std::string print_page(SourceMap const& sources, Diagnostics diagnostics, bool colour = false);
// The last line of the page: "2 errors, 1 warning".
std::string count_line(Diagnostics const& diagnostics);
// For -o json: [{severity, source, line, column, path, message, hint}], in the order of the page.
Tree to_tree(SourceMap const& sources, Diagnostics diagnostics);

}  // namespace haagent
