#include "agent/commands/explain.h"

#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <regex>
#include <set>
#include <sstream>

#include "agent/base/files.h"
#include "agent/runtime/exit_codes.h"
#include "agent/runtime/log.h"
#include "tests/support/source_dir.h"
#include "tests/support/temporary_directory.h"

namespace haagent {
namespace {

namespace fs = std::filesystem;

// The product's sources, each with its text.
std::vector<std::pair<fs::path, std::string>> sources() {
  std::vector<std::pair<fs::path, std::string>> found;
  for (auto const* folder : {"agent", "bootstrap", "volumes"})
    for (auto const& entry : fs::recursive_directory_iterator(test::source_dir() / folder))
      if (auto const kind = entry.path().extension(); kind == ".cc" || kind == ".h")
        found.emplace_back(entry.path(), test::bytes_of(entry.path()));
  return found;
}

// One that is used and not explained does not compile: both come from one table.
TEST(Reasons, EachThatIsExplainedIsUsed) {
  std::set<std::string> used;
  for (auto const& [path, text] : sources()) {
    constexpr std::string_view kBefore = "Reason::";
    for (auto at = text.find(kBefore); at != std::string::npos; at = text.find(kBefore, at + 1)) {
      auto end = at += kBefore.size();
      while (end < text.size() && std::isalnum(static_cast<unsigned char>(text[end]))) ++end;
      used.insert(text.substr(at, end - at));
    }
  }
  std::vector<std::string> unused;
  for (auto const& each : explanations())
    if (!used.contains(std::string(to_string(each.reason))))
      unused.emplace_back(to_string(each.reason));
  EXPECT_TRUE(unused.empty()) << "explained and never given: "
                              << fmt::format("{}", fmt::join(unused, " "));
}

TEST(Reasons, EachIsExplainedInSentencesOnce) {
  std::set<std::string_view> names;
  std::set<std::string> ids;
  for (auto const& each : explanations()) {
    auto const name = to_string(each.reason);
    EXPECT_TRUE(names.insert(name).second) << name;
    EXPECT_TRUE(ids.insert(log::message_id(each.reason)).second) << name;
    EXPECT_EQ(parse_reason(name), each.reason);
    EXPECT_TRUE(std::isupper(static_cast<unsigned char>(name.front()))) << name;
    for (auto text : {each.means, each.haagent_does, each.operator_does})
      EXPECT_TRUE(text.ends_with('.')) << name << ": " << text;
  }
  EXPECT_FALSE(parse_reason("NoSuchReason"));
}

// Wording may change at any time.
TEST(Reasons, NoProductCodeComparesTexts) {
  std::regex const compares(
      R"((message\.(text|advice)|sentence\(\)|message\.text\))\s*[!=]=|[!=]=\s*[\w.()>*-]*(message\.(text|advice)|sentence\(\))\b|message\.(text|advice)\.(starts_with|ends_with|contains|find)\(|sentence\(\)\.(starts_with|ends_with|contains|find)\()");
  for (auto const& [path, text] : sources()) {
    std::smatch found;
    EXPECT_FALSE(std::regex_search(text, found, compares))
        << path << " goes by wording: " << found.str();
  }
}

TEST(Explain, TheDocumentIsTheTable) {
  EXPECT_EQ(test::bytes_of(test::source_dir() / "docs/reasons.md"), explanations_markdown())
      << "make it again: haagent explain --markdown >docs/reasons.md";
}

TEST(Explain, AReasonThatThereIsNotIsUsage) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(run_explain("Quorumlost", OutputFormat::text), kExitUsage);
  EXPECT_TRUE(testing::internal::GetCapturedStderr().contains("'QuorumLost'"));
}

TEST(Explain, EachFormSaysAllThreeSentences) {
  auto const& each = explanation_of(Reason::QuorumLost);
  for (auto const& page :
       {explanation_page(each, 1000), print_tree(explanation_tree(each), OutputFormat::json),
        explanations_markdown(), message_catalog()})
    for (auto text : {each.means, each.haagent_does, each.operator_does})
      EXPECT_TRUE(page.contains(text)) << page;
}

}  // namespace
}  // namespace haagent
