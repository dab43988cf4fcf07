#include "tests/fuzz/hold.h"

#include <algorithm>

namespace haagent::fuzz {
namespace {

constexpr std::size_t kLongestSentence = 4096;

}  // namespace

void hold(bool holds, std::string_view what, std::source_location where) {
  if (holds) return;
  throw Broken(fmt::format("{}:{}: does not hold: {}", where.file_name(), where.line(), what));
}

void hold_error(Error const& error, std::initializer_list<Kind> kinds, std::source_location where) {
  auto said =
      fmt::format("the error '{}: {}'", to_string(error.kind), error.message.text.substr(0, 500));
  hold(!error.message.text.empty(), "an error says what is wrong", where);
  hold(error.message.text.size() <= kLongestSentence, said + " is short enough to be read", where);
  hold(std::ranges::find(kinds, error.kind) != kinds.end(), said + " is of an expected kind",
       where);
}

void hold_mark(Mark mark, std::string_view text, std::source_location where) {
  if (mark == Mark{}) return;
  auto said = fmt::format("the place {}:{}", mark.line, mark.column);
  hold(mark.line >= 1 && mark.column >= 1, said + " counts from 1", where);
  hold(mark.line <= std::ranges::count(text, '\n') + 1, said + " is a line of the text", where);
  for (int line = 1; line < mark.line; ++line) text.remove_prefix(text.find('\n') + 1);
  hold(static_cast<std::size_t>(mark.column) <= text.substr(0, text.find('\n')).size() + 1,
       said + " is a column of its line", where);
}

void hold_printable(std::string_view page, std::source_location where) {
  auto drives = [](unsigned char c) { return (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f; };
  hold(std::ranges::none_of(page, drives), "a page holds no control characters", where);
}

}  // namespace haagent::fuzz
