#include "agent/base/remembered.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace haagent {
namespace {

TEST(RememberedByHash, AsksOnceForTheSameAndAgainForWhatFailed) {
  RememberedByHash<std::size_t> lengths(2);
  std::vector<std::string> asked;
  auto const length = [&](std::string const& text) -> Result<std::size_t> {
    return lengths.of(text, [&]() -> Result<std::size_t> {
      asked.push_back(text);
      if (text.empty()) return fail(Kind::invalid, "nothing to measure");
      return text.size();
    });
  };
  EXPECT_EQ(length("one").value(), 3u);
  EXPECT_EQ(length("four").value(), 4u);
  EXPECT_EQ(length("one").value(), 3u);
  EXPECT_EQ(asked, (std::vector<std::string>{"one", "four"}));
  EXPECT_FALSE(length(""));
  EXPECT_FALSE(length(""));
  EXPECT_EQ(length("seven").value(), 5u);  // of three the oldest goes
  EXPECT_EQ(length("one").value(), 3u);
  EXPECT_EQ(asked, (std::vector<std::string>{"one", "four", "", "", "seven", "one"}));
}

TEST(RememberedByHash, AnswersManyThreadsAsItAnswersOne) {
  RememberedByHash<std::size_t> lengths(4);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      for (int k = 0; k < 500; ++k) {
        auto const text = std::string(static_cast<std::size_t>((i + k) % 8), 'x');
        EXPECT_EQ(lengths.of(text, [&]() -> Result<std::size_t> { return text.size(); }).value(),
                  text.size());
      }
    });
}

}  // namespace
}  // namespace haagent
