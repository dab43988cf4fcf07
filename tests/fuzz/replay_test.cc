// Each target over each file of its corpus: what broke once stays repaired, and the seeds show that
// the targets do something. With GCC, in the ordinary tests and under their sanitizers.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"
#include "tests/support/source_dir.h"
#include "tests/support/temporary_directory.h"

namespace haagent::fuzz {
namespace {

namespace fs = std::filesystem;

fs::path const kFolder = test::source_dir() / "tests/fuzz";

std::vector<fs::path> corpus_of(std::string_view target) {
  std::vector<fs::path> files;
  std::error_code missing;
  for (auto const& entry : fs::directory_iterator(kFolder / "corpus" / target, missing))
    files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

// Ends the program, and says at which file, where that takes so much of the processor that it may
// never end.
class ProcessorTime {
 public:
  explicit ProcessorTime(fs::path const& file) {
    current_ = file.c_str();
    ::signal(SIGPROF, [](int) {
      constexpr std::string_view kSays = "takes more than a minute of the processor: ";
      if (::write(STDERR_FILENO, kSays.data(), kSays.size()) >= 0 &&
          ::write(STDERR_FILENO, current_, std::strlen(current_)) >= 0) {
        ::_exit(1);
      }
    });
    set(60);
  }
  ~ProcessorTime() { set(0); }

 private:
  static void set(time_t seconds) {
    itimerval timer{};
    timer.it_value.tv_sec = seconds;
    ::setitimer(ITIMER_PROF, &timer, nullptr);
  }
  static inline char const* current_ = "";
};

class FuzzReplay : public testing::TestWithParam<Target> {};

TEST_P(FuzzReplay, HoldsOverItsCorpus) {
  auto files = corpus_of(GetParam().name);
  ASSERT_FALSE(files.empty()) << "corpus/" << GetParam().name << " has no file";
  for (auto const& file : files) {
    SCOPED_TRACE(file.string());
    auto bytes = test::bytes_of(file);
    EXPECT_LE(bytes.size(), 64u << 10u) << "a corpus file is small";
    ProcessorTime limit(file);
    EXPECT_NO_THROW(GetParam().run(bytes));
  }
}

TEST_P(FuzzReplay, HoldsOverNothing) {
  EXPECT_NO_THROW(GetParam().run(""));
}

INSTANTIATE_TEST_SUITE_P(Targets, FuzzReplay, testing::ValuesIn(targets()),
                         [](auto const& target) { return std::string(target.param.name); });

TEST(FuzzTargets, EachHasARowAFileAndACorpus) {
  std::vector<std::string> rows, corpora;
  for (auto const& target : targets()) {
    rows.emplace_back(target.name);
    EXPECT_TRUE(fs::exists(kFolder / (rows.back() + ".cc"))) << target.name;
  }
  for (auto const& entry : fs::directory_iterator(kFolder / "corpus"))
    corpora.push_back(entry.path().filename());
  std::ranges::sort(rows);
  std::ranges::sort(corpora);
  EXPECT_EQ(rows, corpora);
}

TEST(FuzzTargets, WhatDoesNotHoldIsTold) {
  EXPECT_NO_THROW(hold(true, ""));
  EXPECT_THROW(hold(false, ""), Broken);
  EXPECT_THROW(hold_error({Kind::invalid, "", {}}, {Kind::invalid}), Broken);
  EXPECT_THROW(hold_error({Kind::internal, "what", {}}, {Kind::invalid}), Broken);
  EXPECT_THROW(hold_error({Kind::invalid, std::string(5000, 'x'), {}}, {Kind::invalid}), Broken);
  EXPECT_NO_THROW(hold_mark({}, ""));
  EXPECT_NO_THROW(hold_mark({2, 3}, "a\nbc"));
  EXPECT_THROW(hold_mark({2, 4}, "a\nbc"), Broken);
  EXPECT_THROW(hold_mark({3, 1}, "a\nbc"), Broken);
  EXPECT_THROW(hold_printable("a\033[2J"), Broken);
}

}  // namespace
}  // namespace haagent::fuzz
