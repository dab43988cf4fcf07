#include "agent/base/wording.h"

#ifdef HAAGENT_UPPER_CASE_TEXTS
#include <algorithm>
#include <string_view>
#endif

namespace haagent {

#ifndef HAAGENT_UPPER_CASE_TEXTS

std::string worded(std::string text) {
  return text;
}

#else

namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Two small letters or more between spaces, but for the punctuation around them.
void in_capitals(char* begin, char* end) {
  while (begin < end && std::string_view("(").contains(*begin)) ++begin;
  while (begin < end && std::string_view(".,:;)").contains(end[-1])) --end;
  if (end - begin < 2 || !std::all_of(begin, end, is_letter)) return;
  if (std::any_of(begin + 1, end, [](char c) { return c >= 'A' && c <= 'Z'; })) return;  // GiB
  std::transform(begin, end, begin, [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
}

}  // namespace

std::string worded(std::string text) {
  auto* const end = text.data() + text.size();
  bool quoted = false;   // a command, or what somebody wrote
  bool command = false;  // behind "run: ", up to the end of that line or part
  for (auto* word = text.data(); word < end;) {
    auto* const word_end = std::find(word, end, ' ');
    std::string_view rest(word, word_end);
    bool const stays = command || rest == "run:";
    command = stays && rest.find_first_of(";\n") == std::string_view::npos;
    if (rest.starts_with('(')) rest.remove_prefix(1);
    if (!quoted && rest.starts_with('\'')) {
      quoted = true;
      rest.remove_prefix(1);
    }
    if (!quoted && !stays) in_capitals(word, word_end);
    if (quoted && rest.contains('\'')) quoted = false;
    word = word_end == end ? end : word_end + 1;
  }
  return text;
}

#endif

}  // namespace haagent
