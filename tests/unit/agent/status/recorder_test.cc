#include "agent/status/recorder.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "agent/runtime/log.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temporary_directory.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

std::size_t times(std::string const& text, std::string_view what) {
  std::size_t count = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

RowStatus row(std::string name, std::string sentence) {
  RowStatus made;
  made.name = std::move(name);
  made.state = RowStatus::State::done;
  made.message.text = std::move(sentence);
  return made;
}

class StatusKeeperTest : public testing::Test {
 protected:
  test::TemporaryDirectory root;
  test::FakeClock clock;
  Facts facts;
  StatusRecorder keeper{Root(root.path()), clock, facts, /*stays=*/true};
  Runner::Observer observe = keeper.role();
  std::vector<RowStatus> rows = {row("hosts", "a is 10.0.0.1"), row("etcd-main", "etcd-a serves")};
};

// A boot's hundreds of transitions, of which nobody sees each in the file.
TEST_F(StatusKeeperTest, TransitionsInAHurryAreWrittenTogether) {
  auto const file = root / std::filesystem::path(kStatusFile).relative_path();
  auto const says = [&](std::string_view text) {
    return std::filesystem::exists(file) && test::bytes_of(file).contains(text);
  };
  {
    StatusRecorder slow(Root(root.path()), clock, facts, /*stays=*/true, /*pace=*/1h);
    auto const changed = slow.role();
    changed(rows, 0);
    EXPECT_TRUE(test::eventually([&] { return says("a is 10.0.0.1"); }));
    struct stat first{};
    ASSERT_EQ(::stat(file.c_str(), &first), 0);
    for (int i = 0; i < 100; ++i) {
      rows[0].message.text = "a is 10.0.0." + std::to_string(i + 2);
      changed(rows, 0);
    }
    struct stat then{};
    ASSERT_EQ(::stat(file.c_str(), &then), 0);
    EXPECT_EQ(then.st_ino, first.st_ino) << "it was written again";
    // booted() writes the file. Only then does the agent tell systemd that the node is ready.
    slow.booted();
    EXPECT_TRUE(says("a is 10.0.0.101"));
    rows[0].message.text = "a is 10.0.0.200";
    changed(rows, 0);
  }
  EXPECT_TRUE(says("a is 10.0.0.200")) << "the last word";
}

// Standing duties look again every few seconds, in turn; only what has changed is worth a line.
TEST_F(StatusKeeperTest, WhatStaysTheSameIsLoggedOnce) {
  testing::internal::CaptureStderr();
  log::start("info");
  for (int i = 0; i < 3; ++i) {
    observe(rows, 0);
    observe(rows, 1);
  }
  rows[1].message = Message(Reason::EtcdMemberDown, "etcd-a serves; c does not answer").about("c");
  observe(rows, 1);
  auto const log = testing::internal::GetCapturedStderr();
  EXPECT_EQ(times(log, "step=hosts"), 1u) << log;
  EXPECT_EQ(times(log, "step=etcd-main"), 2u) << log;
  EXPECT_THAT(log, HasSubstr("reason=EtcdMemberDown"));
}

// Each write is a new file under the same name.
TEST_F(StatusKeeperTest, IsWrittenWhereSomethingIsNew) {
  auto const file = root.path() / std::filesystem::path(kStatusFile).relative_path();
  // Held open, so that no later file gets its inode number.
  std::vector<int> held;
  auto const written = [&] {
    held.push_back(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status{};
    EXPECT_EQ(::fstat(held.back(), &status), 0);
    return status.st_ino;
  };
  observe(rows, 0);
  auto const first = written();
  observe(rows, 1);
  EXPECT_EQ(written(), first);

  facts.pki.set({.certificates = {}, .warning = "the store does not answer"});
  observe(rows, 1);
  auto const with_fact = written();
  EXPECT_NE(with_fact, first);
  rows[1].message = Message(Reason::EtcdMemberDown, "etcd-a serves; c does not answer").about("c");
  observe(rows, 1);
  auto const with_row = written();
  EXPECT_NE(with_row, with_fact);
  std::filesystem::remove(file);
  observe(rows, 1);
  EXPECT_NE(written(), with_row);
  for (int each : held) ::close(each);
}

// A row of the boot that has taken three seconds, or of what was done again.
class BootTime : public StatusKeeperTest {
 protected:
  void make_ready() {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      rows[i].after = i == 0 ? std::vector<std::string>() : std::vector{rows[i - 1].name};
      rows[i].began = clock.utc();
      clock.advance(3s);
      rows[i].finished = clock.utc();
      rows[i].own = 1s;
      rows[i].outside = 2s;
      observe(rows, i);
    }
    keeper.booted();
  }
};

TEST_F(BootTime, IsFromTheStartToTheFirstReady) {
  EXPECT_EQ(keeper.report().boot_took, std::nullopt);
  make_ready();
  EXPECT_EQ(keeper.report().boot_took, 6s);
  EXPECT_EQ(keeper.report().boot_path, (std::vector<std::string>{"hosts", "etcd-main"}));
}

// The volumes were given away for an hour, and it takes them back.
TEST_F(BootTime, IsNotWhatComesAfterAHandover) {
  make_ready();
  auto const boot = keeper.report();
  clock.advance(10min);
  keeper.handing_over("asked by an operator");
  keeper.handed_over();
  clock.advance(1h);
  keeper.handing_over("");
  EXPECT_EQ(phase_of(keeper.report()), Phase::working);
  clock.advance(20s);
  std::swap(rows[0].name, rows[1].name);  // it goes another way
  make_ready();
  auto const again = keeper.report();
  EXPECT_EQ(phase_of(again), Phase::ready);
  EXPECT_EQ(again.booted, clock.utc()) << "it is ready since then";
  EXPECT_EQ(again.boot_took, boot.boot_took);
  EXPECT_EQ(again.boot_path, boot.boot_path);
  for (auto const& row : again.rows) {
    auto const& before = *std::ranges::find(boot.rows, row.name, &RowStatus::name);
    EXPECT_EQ(row.began, before.began) << row.name;
    EXPECT_EQ(row.finished, before.finished) << row.name;
  }
}

// An agent that starts where the volumes are given away, or the node is in the warm pool.
TEST_F(BootTime, BeginsWhereTheWaitOnPurposeEnds) {
  keeper.handing_over("asked by an operator");
  keeper.handed_over();
  clock.advance(1h);
  keeper.handing_over("");
  keeper.in_warm_pool(true);
  clock.advance(24h);
  keeper.in_warm_pool(false);
  make_ready();
  EXPECT_EQ(keeper.report().boot_took, 6s);
}

}  // namespace
}  // namespace haagent
