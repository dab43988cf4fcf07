#include "agent/base/running.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/eventually.h"
#include "tests/support/temporary_directory.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;

TEST(ProcessStat, IsReadFromBehindTheName) {
  auto const stat =
      parse_process_stat("12 (a) 3 (b) S 1 34 0 0 -1 0 0 0 0 0 0 0 0 0 20 0 9 0 5678 0 0\n");
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->group, 34);
  EXPECT_EQ(stat->start_time, 5678u);
  EXPECT_FALSE(stat->zombie);
  EXPECT_TRUE(parse_process_stat("1 (D) D 1 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 9")->held);
  EXPECT_FALSE(parse_process_stat("1 (D) S 1 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 9")->held);
  EXPECT_TRUE(parse_process_stat("1 (x) Z 1 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 9")->zombie);
  for (auto const* text : {"", ")", "1 (x", "1 (x) S 1 1", "12 (x) S "})
    EXPECT_FALSE(parse_process_stat(text)) << text;
}

TEST(RunningPrograms, AreFoundByTheirNameAndTellWhenTheyBegan) {
  test::TemporaryDirectory folder;
  auto const program = folder / "a-program-of-this-test";
  std::filesystem::create_symlink("/bin/sleep", program);
  SystemClock clock;
  auto const name = program.filename().string();
  EXPECT_TRUE(running_programs(Root(), name, clock.utc()).value().empty());
  auto const before = clock.utc();
  pid_t const child = fork();
  if (child == 0) {
    execl(program.c_str(), program.c_str(), "600", nullptr);
    _exit(127);
  }
  std::vector<RunningProgram> found;
  EXPECT_TRUE(test::eventually(
      [&] {
        found = running_programs(Root(), name, clock.utc()).value();
        return !found.empty();
      },
      20s));
  auto const after = clock.utc();
  kill(child, SIGKILL);
  // It ends, and is a zombie until somebody asks.
  EXPECT_TRUE(test::eventually(
      [&] { return running_programs(Root(), name, clock.utc()).value().empty(); }, 20s));
  waitpid(child, nullptr, 0);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].pid, child);
  EXPECT_EQ(found[0].arguments, (std::vector<std::string>{program.string(), "600"}));
  EXPECT_GE(found[0].started, before - 30ms);
  EXPECT_LE(found[0].started, after + 30ms);
  auto const up = time_since_boot(Root());
  ASSERT_TRUE(up);
  EXPECT_LE(found[0].started_after_boot, *up);
  EXPECT_GE(found[0].started_after_boot, *up - (clock.utc() - before) - 30ms);
}

TEST(RunningPrograms, WhereThereIsNoProcThereAreNone) {
  test::TemporaryDirectory root;
  SystemClock clock;
  EXPECT_TRUE(running_programs(Root(root.path()), "sh", clock.utc()).value().empty());
  EXPECT_FALSE(time_since_boot(Root(root.path())));
}

}  // namespace
}  // namespace haagent
