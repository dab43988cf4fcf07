// The commands in what haagent has printed for an operator: those in quotes, and what stands behind
// "run: " at the end of a sentence.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace haagent::test {

inline std::vector<std::string> printed_commands(std::string_view text, std::string_view program) {
  std::vector<std::string> found;
  auto const begin = std::string(program) + " ";
  for (std::size_t at = 0; (at = text.find("'" + begin, at)) != std::string_view::npos; ++at)
    found.emplace_back(text.substr(at + 1, text.find('\'', at + 1) - at - 1));
  for (std::size_t at = 0; (at = text.find("run: " + begin, at)) != std::string_view::npos; ++at) {
    auto const from = at + std::string_view("run: ").size();
    found.emplace_back(text.substr(from, text.find_first_of(";\n", from) - from));
  }
  return found;
}

}  // namespace haagent::test
