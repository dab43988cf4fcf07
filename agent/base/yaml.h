#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/base/tree.h"

namespace haagent::yaml {

// A syntax error: where, and what the parser says. Turned into a caret page by agent/diagnostics.
struct SyntaxError {
  Mark mark;
  std::string what;
};

// One document, in UTF-8. Plain scalars get YAML 1.2's core types (true/false, integers, floats,
// null); quoted ones are strings, and so are those with a tag other than those types'. A key that
// stands twice in one map is a syntax error. Anchors and aliases are expanded within a bound, and
// merge keys (<<: *anchor) are applied: a map's own keys win, then the earlier of several maps.
// Documents that hold nothing are passed over ("---" at the end); a second one that holds something
// is a syntax error.
std::expected<Tree, SyntaxError> parse(std::string_view text);
// The same of several documents, each by its place: one that holds nothing is null.
std::expected<std::vector<Tree>, SyntaxError> parse_documents(std::string_view text);

// Block style, two spaces, "\n" at the end; strings are quoted where they would read as another
// type. The same tree always gives the same bytes.
std::string print(Tree const& tree);

}  // namespace haagent::yaml
