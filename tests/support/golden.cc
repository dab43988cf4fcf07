#include "tests/support/golden.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/support/source_dir.h"
#include "tests/support/temporary_directory.h"

namespace haagent::test {
namespace {

std::string_view line_at(std::string_view text, std::size_t at) {
  if (at >= text.size()) return "(end of file)";
  auto begin = at == 0 ? 0 : text.rfind('\n', at - 1) + 1;  // npos + 1 is 0
  return text.substr(begin, text.find('\n', at) - begin);
}

// In a build that has every text in capitals the words have to be the same all the same.
bool is_same(std::string_view expected, std::string_view actual) {
#ifdef HAAGENT_UPPER_CASE_TEXTS
  return std::ranges::equal(expected, actual, {}, ::toupper, ::toupper);
#else
  return expected == actual;
#endif
}

}  // namespace

std::filesystem::path golden_path(std::filesystem::path const& below) {
  return test::source_dir() / "tests/golden" / below;
}

testing::AssertionResult matches_golden(std::filesystem::path const& below,
                                        std::string_view actual) {
  auto path = golden_path(below);
  if (auto const* accept = std::getenv("HAAGENT_ACCEPT");
      accept && std::string_view(accept) == "1") {
    write_bytes(path, actual);
    return testing::AssertionSuccess();
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return testing::AssertionFailure()
           << path << " is missing; HAAGENT_ACCEPT=1 writes it. It would hold:\n"
           << actual;
  }
  std::string const expected{std::istreambuf_iterator<char>(file), {}};
  if (is_same(expected, actual)) return testing::AssertionSuccess();
  auto differ = std::ranges::mismatch(expected, actual).in1 - expected.begin();
  auto at = static_cast<std::size_t>(differ);
  return testing::AssertionFailure()
         << path << " differs at line "
         << std::count(expected.begin(), expected.begin() + differ, '\n') + 1
         << "\n  expected: " << line_at(expected, at) << "\n  actual:   " << line_at(actual, at)
         << "\nHAAGENT_ACCEPT=1 rewrites it. All of it is now:\n"
         << actual;
}

}  // namespace haagent::test
