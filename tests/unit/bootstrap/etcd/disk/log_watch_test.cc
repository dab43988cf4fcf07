#include "bootstrap/etcd/disk/log_watch.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>

#include "tests/support/etcd_log_bytes.h"
#include "tests/support/temporary_directory.h"

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;
using namespace test::etcd_log;
namespace fs = std::filesystem;

class LogWatchTest : public testing::Test {
 protected:
  // The log's only file, its last entry at this place, as if written this long ago.
  void write(std::uint64_t index, Duration ago) {
    test::write_bytes(file_, metadata(0xa1, 0xc1) + entry_at(2, index));
    fs::last_write_time(file_, std::chrono::file_clock::from_sys(now_ - ago));
  }
  std::uint64_t index() {
    auto const end = watch_.look(volume_.path(), now_);
    EXPECT_TRUE(end) << end.error().message.text;
    return end ? end->index : 0;
  }

  UtcTime const now_ = std::chrono::floor<UtcTime::duration>(std::chrono::system_clock::now());
  test::TemporaryDirectory volume_;
  fs::path const file_ = volume_.path() / "data/member/wal/0000000000000000-0000000000000000.wal";
  LogWatch watch_;
};

TEST_F(LogWatchTest, ALogThatNobodyWritesIsReadOnce) {
  write(5, 1min);
  EXPECT_EQ(index(), 5u);
  write(6, 1min);  // under the same time, which no etcd does: so it is seen that nothing is read
  EXPECT_EQ(index(), 5u);
}

TEST_F(LogWatchTest, AWriteIsSeen) {
  write(5, 1min);
  EXPECT_EQ(index(), 5u);
  write(6, 59s);
  EXPECT_EQ(index(), 6u);
}

// Two writes within one tick of the clock leave one time.
TEST_F(LogWatchTest, WhatWasJustWrittenIsReadAgain) {
  for (auto const ago : {Duration(0s), Duration(900ms), Duration(-1min)}) {
    write(5, ago);
    EXPECT_EQ(index(), 5u);
    write(6, ago);
    EXPECT_EQ(index(), 6u);
  }
}

TEST_F(LogWatchTest, AnotherFileIsSeen) {
  write(5, 1min);
  EXPECT_EQ(index(), 5u);
  auto const next = file_.parent_path() / "0000000000000001-0000000000000006.wal";
  test::write_bytes(next, metadata(0xa1, 0xc1) + entry_at(2, 7));
  fs::last_write_time(next, std::chrono::file_clock::from_sys(now_ - 1min));
  EXPECT_EQ(index(), 7u);
}

TEST_F(LogWatchTest, AFailureIsNotKept) {
  EXPECT_FALSE(watch_.look(volume_.path(), now_));
  write(5, 1min);
  EXPECT_EQ(index(), 5u);
  test::write_bytes(file_, "no log");
  EXPECT_FALSE(watch_.look(volume_.path(), now_));
}

}  // namespace
}  // namespace haagent::bootstrap
