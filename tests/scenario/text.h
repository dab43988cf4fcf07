#pragma once

#include <string>

namespace haagent::scenario {

inline std::string replaced(std::string text, std::string const& what, std::string const& with) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size())
    text.replace(at, what.size(), with);
  return text;
}

}  // namespace haagent::scenario
