#include "agent/base/one_line.h"

#include <algorithm>

namespace haagent {

std::string one_line(std::string_view text, std::size_t most) {
  std::string line(text.substr(0, most));
  std::ranges::replace_if(line, [](char c) { return c < ' ' || c >= '\x7f'; }, '?');
  return line;
}

}  // namespace haagent
