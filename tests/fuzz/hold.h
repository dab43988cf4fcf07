// What a fuzz target demands beyond "no crash". One sentence a demand: it is what the finding says.
#pragma once

#include <initializer_list>
#include <source_location>
#include <stdexcept>
#include <string_view>

#include "agent/base/result.h"
#include "agent/base/tree.h"

namespace haagent::fuzz {

// Thrown where something does not hold. libFuzzer sees an uncaught exception and keeps the input,
// the replay program names the corpus file.
struct Broken : std::logic_error {
  using std::logic_error::logic_error;
};

void hold(bool holds, std::string_view what,
          std::source_location where = std::source_location::current());

// The error is one of these kinds and says something, in one sentence that fits on a screen however
// long the input was.
void hold_error(Error const& error, std::initializer_list<Kind> kinds,
                std::source_location where = std::source_location::current());

// The mark stands in the text: a line that it has, a column of that line or just behind it. {} is
// no place and holds.
void hold_mark(Mark mark, std::string_view text,
               std::source_location where = std::source_location::current());

// Nothing in what a terminal will show moves its cursor or changes its colours.
void hold_printable(std::string_view page,
                    std::source_location where = std::source_location::current());

}  // namespace haagent::fuzz
