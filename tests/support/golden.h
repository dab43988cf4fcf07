// Golden files: what a test prints, held against a file in tests/golden that people read in review.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string_view>

namespace haagent::test {

// tests/golden/<below> in the sources: golden_path("config/unknown_key.yaml").
std::filesystem::path golden_path(std::filesystem::path const& below);

// EXPECT_TRUE(matches_golden("config/unknown_key.expected", page));
// The file's bytes must be `actual`; the failure names the first line that differs. With
// HAAGENT_ACCEPT=1 in the environment the file is rewritten instead, folders included.
[[nodiscard]] testing::AssertionResult matches_golden(std::filesystem::path const& below,
                                                      std::string_view actual);

}  // namespace haagent::test
