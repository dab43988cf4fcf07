// Holds tests/traps.md against the sources, so that no row speaks of a file or a test that is gone.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <string>
#include <vector>

#include "tests/support/source_dir.h"

namespace {

namespace fs = std::filesystem;

std::string bytes_of(fs::path const& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> cells_of(std::string const& line) {
  std::vector<std::string> cells;
  for (std::size_t begin = 1, end; (end = line.find('|', begin)) != line.npos; begin = end + 1)
    cells.push_back(line.substr(begin, end - begin));
  return cells;
}

std::vector<std::string> quoted_in(std::string const& cell) {
  static std::regex const quoted("`([^`]+)`");
  std::vector<std::string> found;
  for (std::sregex_iterator each(cell.begin(), cell.end(), quoted), end; each != end; ++each)
    found.push_back((*each)[1]);
  return found;
}

class Traps : public testing::Test {
 protected:
  Traps() {
    for (auto const* folder : {"unit", "model", "scenario", "integration", "vm"})
      for (auto const& entry : fs::recursive_directory_iterator(root_ / "tests" / folder))
        if (entry.path().extension() == ".cc") read_tests(bytes_of(entry.path()));
  }

  void read_tests(std::string const& source) {
    static std::regex const test(R"(\bTEST(?:_F|_P)?\(\s*(\w+)\s*,\s*(\w+)\s*\))");
    for (std::sregex_iterator each(source.begin(), source.end(), test), end; each != end; ++each)
      sources_[(*each)[1].str() + "." + (*each)[2].str()] += source;
  }

  // "Suite.Name", or "Suite.Name/row" where the row is named in the same source.
  bool exists(std::string const& name) const {
    auto const slash = name.find('/');
    auto const found = sources_.find(name.substr(0, slash));
    if (found == sources_.end()) return false;
    return slash == name.npos || found->second.contains('"' + name.substr(slash + 1) + '"');
  }

  // The rows below a heading, without the table's own two lines.
  std::vector<std::vector<std::string>> rows_below(std::string const& heading) const {
    std::ifstream file(root_ / "tests/traps.md");
    std::vector<std::vector<std::string>> rows;
    bool below = false;
    for (std::string line; std::getline(file, line);) {
      if (line.starts_with("## ")) below = line == "## " + heading;
      if (below && line.starts_with("|")) rows.push_back(cells_of(line));
    }
    if (rows.size() < 2) return {};
    rows.erase(rows.begin(), rows.begin() + 2);
    return rows;
  }

  void expect_true(std::string const& what, std::string const& guards, std::string const& tests) {
    SCOPED_TRACE(what);
    for (auto const& path : quoted_in(guards))
      EXPECT_TRUE(fs::is_regular_file(root_ / path)) << "there is no file " << path;
    auto const names = quoted_in(tests);
    EXPECT_EQ(names.empty(), guards.starts_with(" later: "))
        << "a guard has a test, and what has none says ' later: ' and why";
    for (auto const& name : names)
      EXPECT_TRUE(exists(name)) << "there is no test " << name << ": was it renamed or taken out?";
  }

  fs::path const root_ = haagent::test::source_dir();
  std::map<std::string, std::string> sources_;  // by "Suite.Name"
};

TEST_F(Traps, EachHasAGuardAndATestThatExist) {
  auto const rows = rows_below("The traps");
  ASSERT_FALSE(rows.empty()) << "tests/traps.md has no table of the traps";
  for (std::size_t i = 0; i < rows.size(); ++i) {
    ASSERT_EQ(rows[i].size(), 4u) << "row " << i + 1;
    EXPECT_EQ(rows[i][0], " " + std::to_string(i + 1) + " ") << "a trap was left out";
    expect_true(rows[i][1], rows[i][2], rows[i][3]);
  }
}

TEST_F(Traps, EachConditionBeforeMkfsHasATestThatExists) {
  auto const rows = rows_below("Before mkfs");
  ASSERT_FALSE(rows.empty()) << "tests/traps.md has no table of the conditions before mkfs";
  for (auto const& row : rows) {
    ASSERT_EQ(row.size(), 3u) << row.front();
    expect_true(row[0], row[1], row[2]);
  }
}

}  // namespace
