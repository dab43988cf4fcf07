// The journal's files are systemd's own: written by systemd-journal-remote where it is installed.
#include "agent/base/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <vector>

#include "agent/base/process.h"
#include "tests/support/temporary_directory.h"

namespace haagent {
namespace {

constexpr auto kWriter = "/lib/systemd/systemd-journal-remote";
std::string const kRun(32, 'a');

class JournalTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(kWriter))
      GTEST_SKIP() << kWriter << " is not installed (package systemd-journal-remote)";
  }

  void say(std::string const& invocation, std::string const& message,
           std::string const& field = "_SYSTEMD_INVOCATION_ID") {
    ++number_;
    exported_ += fmt::format(
        "__REALTIME_TIMESTAMP={}\n__MONOTONIC_TIMESTAMP={}\n_BOOT_ID={}\n{}={}\nMESSAGE={}\n\n",
        1'768'472'100'000'000 + number_, 1'000'000 + number_, std::string(32, '1'), field,
        invocation, message);
  }
  void write() {
    auto const ran = SystemProcess().run(
        {.argv = {kWriter, "-o", (folder_ / "test.journal").string(), "-"}, .input = exported_},
        {});
    ASSERT_TRUE(ran) << ran.error().message.text;
    ASSERT_EQ(ran->exit_code, 0) << ran->err;
  }

  test::TemporaryDirectory temporary_;
  std::filesystem::path const folder_ = temporary_.path();
  std::string exported_;
  int number_ = 0;
};

TEST_F(JournalTest, HasWhatOneRunWroteInItsOrder) {
  say(std::string(32, 'b'), "of the run before");
  say(kRun, "first");
  say(kRun, "haagent-etcd@main.service: Main process exited", "INVOCATION_ID");
  say(kRun, R"({"level":"fatal","msg":"cannot save","error":"no space left on device"})");
  say(std::string(32, 'c'), "of another unit");
  write();
  EXPECT_EQ(journal_of_run(kRun, 64 << 10, folder_),
            "first\n{\"level\":\"fatal\",\"msg\":\"cannot save\",\"error\":\"no space left on "
            "device\"}\n");
}

TEST_F(JournalTest, GivesTheEndOfALongRun) {
  for (int i = 0; i < 500; ++i) say(kRun, fmt::format("line {}", i));
  write();
  auto const text = journal_of_run(kRun, 1'000, folder_);
  EXPECT_LE(text.size(), 1'020u);
  EXPECT_GT(text.size(), 900u);
  EXPECT_THAT(text, testing::EndsWith("line 498\nline 499\n"));
}

TEST(Journal, ThatCannotBeReadSaysNothing) {
  test::TemporaryDirectory const empty;
  EXPECT_EQ(journal_of_run(kRun, 1'000, empty.path()), "");
  EXPECT_EQ(journal_of_run(kRun, 1'000, "/no/such/folder"), "");
  EXPECT_EQ(journal_of_run("not an id", 1'000, empty.path()), "");
}

}  // namespace
}  // namespace haagent
