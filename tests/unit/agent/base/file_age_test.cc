#include "agent/base/file_age.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "agent/base/files.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temporary_directory.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;

TEST(FileAge, GrowsBySteadyTimeWhateverTheClockDoes) {
  test::FakeClock clock;
  FileAge file;
  EXPECT_TRUE(file.see("one", clock.utc() - 10min, clock));
  EXPECT_EQ(file.age(clock), 10min);
  EXPECT_EQ(file.seen_for(clock), 0min);
  clock.advance(1min);
  clock.step(-24h);
  EXPECT_FALSE(file.see("one", clock.utc() - 1s, clock));
  EXPECT_EQ(file.age(clock), 11min);
  EXPECT_EQ(file.seen_for(clock), 1min);
  clock.step(48h);
  EXPECT_EQ(file.age(clock), 11min);
}

TEST(FileAge, BeginsAgainWithWhatElseStandsInTheFile) {
  test::FakeClock clock;
  FileAge file;
  EXPECT_TRUE(file.see("one", clock.utc() - 10min, clock));
  clock.advance(5min);
  auto const written = clock.utc() - 3s;
  EXPECT_TRUE(file.see("two", written, clock));
  EXPECT_EQ(file.written(), written);
  EXPECT_EQ(file.age(clock), 3s);
  EXPECT_EQ(file.seen_for(clock), 0s);
}

TEST(FileAge, AFileOfTheFutureIsNew) {
  test::FakeClock clock;
  FileAge file;
  file.see("one", clock.utc() + 24h, clock);
  EXPECT_EQ(file.age(clock), 0s);
}

TEST(FileStamp, IsAnotherOnceTheFileIsReplacedOrWrittenAgain) {
  test::TemporaryDirectory folder;
  auto const path = folder / "manifest.yaml";
  EXPECT_FALSE(file_stamp(path));
  timespec const times[] = {{.tv_sec = 1'700'000'000, .tv_nsec = 0},
                            {.tv_sec = 1'700'000'000, .tv_nsec = 5'000'000}};
  test::write_bytes(path, "one");
  ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  auto const first = file_stamp(path);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->written, UtcTime(1'700'000'000'005ms));
  EXPECT_EQ(file_stamp(path)->which, first->which);
  // The same bytes and time, in another file.
  test::write_bytes(folder / "next", "one");
  ASSERT_EQ(::utimensat(AT_FDCWD, (folder / "next").c_str(), times, 0), 0);
  std::filesystem::rename(folder / "next", path);
  EXPECT_NE(file_stamp(path)->which, first->which);
}

}  // namespace
}  // namespace haagent
