// Whether a text names something that has its name from elsewhere: a filesystem, a permission, what
// the kernel or etcd said. The words around it are haagent's, and no test goes by them.
#pragma once

#include <algorithm>
#include <cctype>
#include <string_view>

namespace haagent::test {

// Whatever the case of either.
inline bool mentions(std::string_view text, std::string_view name) {
  auto const same = [](unsigned char a, unsigned char b) {
    return std::tolower(a) == std::tolower(b);
  };
  return !std::ranges::search(text, name, same).empty();
}

}  // namespace haagent::test
