// The rooms whose functions and classes are kept small, since they once were not: a step that
// decided in three places, with 28 members. Goes by how clang-format lays sources out.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <string>
#include <vector>

#include "tests/support/source_dir.h"

namespace {

namespace fs = std::filesystem;

constexpr char const* kSmall[] = {"bootstrap/etcd/member"};
constexpr std::size_t kMostLines = 60;
constexpr std::size_t kMostMembers = 10;

std::vector<std::string> lines_of(fs::path const& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

// What begins at the margin and ends with a brace there, with its first line.
struct Block {
  std::string first;
  std::vector<std::string> lines;
};
std::vector<Block> blocks_of(std::vector<std::string> const& lines) {
  static std::regex const apart("^(namespace|extern|using|template|#|//|\\}).*");
  std::vector<Block> blocks;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    auto const& first = lines[i];
    if (first.empty() || first.front() == ' ' || std::regex_match(first, apart)) continue;
    Block block{first, {}};
    while (i < lines.size() && !lines[i].starts_with("}") && !lines[i].ends_with(";"))
      block.lines.push_back(lines[i++]);
    if (i < lines.size() && lines[i].ends_with(";") && !lines[i].starts_with("}"))
      while (!block.lines.empty() && i < lines.size() && !lines[i].starts_with("}"))
        block.lines.push_back(lines[i++]);
    blocks.push_back(std::move(block));
  }
  return blocks;
}

std::size_t members_of(Block const& type) {
  static std::regex const member(
      "^  (?!using |static |friend |enum |return |explicit |virtual )[A-Za-z][^()]*;( *//.*)?$");
  std::size_t count = 0;
  for (auto const& line : type.lines) count += std::regex_match(line, member);
  return count;
}

TEST(Size, FunctionsAndClassesOfTheMemberStaySmall) {
  std::size_t functions = 0, types = 0;
  for (auto const* folder : kSmall)
    for (auto const& entry :
         fs::directory_iterator(fs::path(haagent::test::source_dir()) / folder)) {
      auto const extension = entry.path().extension();
      if (extension != ".h" && extension != ".cc") continue;
      for (auto const& block : blocks_of(lines_of(entry.path()))) {
        auto const where = entry.path().filename().string() + ": " + block.first;
        if (block.first.starts_with("class ") || block.first.starts_with("struct ")) {
          ++types;
          EXPECT_LE(members_of(block), kMostMembers) << where;
        } else {
          ++functions;
          EXPECT_LE(block.lines.size() + 1, kMostLines) << where;
        }
      }
    }
  EXPECT_GT(functions, 100u) << "the sources are laid out in another way by now";
  EXPECT_GT(types, 40u);
}

}  // namespace
