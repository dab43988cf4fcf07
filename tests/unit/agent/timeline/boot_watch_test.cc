#include "agent/timeline/boot_watch.h"

#include <gtest/gtest.h>

#include <thread>

#include "agent/timeline/boot_history.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temporary_directory.h"

namespace haagent::timeline {
namespace {

using namespace std::chrono_literals;
using State = RowStatus::State;

std::string in_words(std::vector<Span> const& spans) {
  std::string words;
  for (auto const& each : spans)
    words += fmt::format("{}{}{}{} {}..{}", words.empty() ? "" : ", ", to_string(each.kind),
                         each.reason.empty() ? "" : " ", each.reason, each.begin.count(),
                         each.end.count());
  return words;
}

RowStatus row_in(State state, Reason reason = Reason::InternalError, std::string subject = "") {
  RowStatus row;
  row.name = "volume";
  row.state = state;
  row.message = Message(reason, "it is so").about(std::move(subject));
  row.began = UtcTime();
  if (state == State::done) row.finished = UtcTime();
  return row;
}

TEST(SpanWriter, SaysWhatARowDidWithItsTime) {
  SpanWriter writer;
  writer.enters(row_in(State::looking), {}, 0ms);
  writer.enters(row_in(State::acting), {{WaitFor::request, 20ms, 50ms}}, 100ms);
  writer.enters(row_in(State::waiting, Reason::VolumeStuckAttaching, "vol-1"),
                {{WaitFor::program, 150ms, 180ms}}, 200ms);
  writer.enters(row_in(State::waiting, Reason::VolumeStuckAttaching, "vol-1"),
                {{WaitFor::request, 700ms, 720ms}}, 900ms);
  writer.enters(row_in(State::retrying, Reason::AttachmentNotKnown),
                {{WaitFor::throttle, 950ms, 1s}}, 1s);
  writer.enters(row_in(State::done), {}, 2s);
  EXPECT_EQ(in_words(writer.spans(9s)),
            "own 0..20, request 20..50, own 50..150, program 150..180, own 180..200, "
            "waiting VolumeStuckAttaching 200..950, throttle 950..1000, "
            "retrying AttachmentNotKnown 1000..2000");
}

TEST(SpanWriter, SaysWhatGoesOn) {
  SpanWriter writer;
  writer.enters(row_in(State::looking), {}, 1s);
  writer.enters(row_in(State::waiting, Reason::QuorumLost), {}, 2s);
  EXPECT_EQ(in_words(writer.spans(5s)), "own 1000..2000, waiting QuorumLost 2000..5000");
  EXPECT_EQ(in_words(writer.spans(6s)), "own 1000..2000, waiting QuorumLost 2000..6000");
}

TEST(SpanWriter, KeepsARowThatRetriesForHoursSmall) {
  SpanWriter writer;
  for (int i = 0; i < 10'000; ++i)
    writer.enters(row_in(i % 2 ? State::looking : State::retrying), {}, i * 1s);
  auto const spans = writer.spans(10'000s);
  EXPECT_LE(spans.size(), 64U);
  EXPECT_EQ(spans.back().end, 10'000s);
  for (std::size_t i = 1; i < spans.size(); ++i) EXPECT_EQ(spans[i].begin, spans[i - 1].end);
}

class BootWatchTest : public testing::Test {
 protected:
  void SetUp() override {
    test::write_bytes(root_("/proc/uptime"), "10.00 5.00\n");
    boots_as("aaaaaaaa-1111");
  }
  void boots_as(std::string const& id) {
    test::write_bytes(root_("/proc/sys/kernel/random/boot_id"), id + "\n");
    std::error_code ignored;
    std::filesystem::remove(root_(kRunning), ignored);
  }
  void boot(Duration takes, std::string const& version = "1") {
    BootWatch watch(root_, clock_, facts_, version);
    auto observe = watch.role();
    std::vector<RowStatus> rows = {row_in(State::looking)};
    rows[0].began = clock_.utc();
    observe(rows, 0);
    clock_.advance(takes);
    rows[0] = row_in(State::done);
    observe(rows, 0);
    watch.ready();
    watch.tick();
  }
  std::vector<BootRecord> boots() { return read_history(root_)->boots; }

  test::TemporaryDirectory directory_;
  Root const root_{directory_.path()};
  test::FakeClock clock_;
  Duration up_ = 10s;
  Facts facts_;
};

TEST_F(BootWatchTest, ABootIsKeptWithItsTimes) {
  boot(3s);
  auto const all = boots();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].boot_id, "aaaaaaaa-1111");
  EXPECT_EQ(all[0].agent_started, 10s);
  EXPECT_EQ(all[0].ready, 13s);
  ASSERT_EQ(all[0].rows.size(), 1U);
  EXPECT_EQ(in_words(all[0].rows[0].spans), "own 10000..13000");
}

// Else the path to Ready would end before it.
TEST_F(BootWatchTest, WhatTheRoleBeginsWithComesAfterTheConfig) {
  BootWatch watch(root_, clock_, facts_, "1");
  auto opening = watch.opening(), role = watch.role();
  auto config = row_in(State::done);
  config.name = "config";
  opening({config}, 0);
  role({row_in(State::done)}, 0);
  watch.ready();
  watch.tick();
  EXPECT_EQ(boots().at(0).rows.at(1).after, std::vector<std::string>{"config"});
}

TEST_F(BootWatchTest, AClockThatIsSetMeanwhileMovesNothing) {
  BootWatch watch(root_, clock_, facts_, "1");
  auto observe = watch.role();
  observe({row_in(State::looking)}, 0);
  clock_.step(-24h * 365);
  clock_.advance(2s);
  observe({row_in(State::done)}, 0);
  watch.ready();
  watch.tick();
  EXPECT_EQ(boots().at(0).ready, 12s);
}

TEST_F(BootWatchTest, AnAgentThatIsStartedAgainMakesNoBoot) {
  boot(3s);
  clock_.advance(1h);
  boot(1s, "2");
  auto const all = boots();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].version, "1");
  EXPECT_EQ(all[0].ready, 13s);
}

TEST_F(BootWatchTest, TheLastTenBootsAreKeptAndFoundAgain) {
  for (int i = 0; i < 13; ++i) {
    boots_as(fmt::format("{:08x}-2222", i + 160));
    boot(std::chrono::seconds(i));
    clock_.advance(1h);
  }
  auto const all = boots();
  ASSERT_EQ(all.size(), kBootsKept);
  EXPECT_EQ(find_boot(all, "0")->ready, 22s);
  EXPECT_EQ(find_boot(all, "-1")->ready, 21s);
  EXPECT_EQ(find_boot(all, "9")->ready, 13s);
  EXPECT_EQ(find_boot(all, "000000a5")->ready, 15s);
  for (auto const* wrong : {"10", "-10", "000000", "a5", "", "-"})
    EXPECT_FALSE(find_boot(all, wrong)) << wrong;
}

// The kernel's start is the same, as in a simulated instance: the later agent's is the newest.
TEST_F(BootWatchTest, BootsAreInTheOrderInWhichTheirAgentsBegan) {
  for (auto const* id : {"cccccccc-1", "aaaaaaaa-2", "bbbbbbbb-3"}) {
    boots_as(id);
    boot(3s);
    clock_.advance(1min);
    up_ += 63s;
    test::write_bytes(
        root_("/proc/uptime"),
        fmt::format("{}.00 5.00\n", std::chrono::floor<std::chrono::seconds>(up_).count()));
  }
  std::vector<std::string> ids;
  for (auto const& each : boots()) ids.push_back(each.boot_id);
  EXPECT_EQ(ids, (std::vector<std::string>{"bbbbbbbb-3", "aaaaaaaa-2", "cccccccc-1"}));
}

TEST_F(BootWatchTest, TheElectionOfEachEtcdIsOnRecordOnce) {
  BootWatch watch(root_, clock_, facts_, "1");
  auto observe = watch.role();
  EtcdMemberFacts member;
  member.name = "etcd-a";
  facts_.main.member.set(member);
  observe({row_in(State::looking)}, 0);
  for (auto const* leader : {"etcd-b", "etcd-c"}) {
    clock_.advance(1s);
    member.leader = leader;
    facts_.main.member.set(member);
    observe({row_in(State::waiting, Reason::EtcdStarting)}, 0);
  }
  clock_.advance(1s);
  observe({row_in(State::done)}, 0);
  watch.ready();
  watch.tick();
  auto const moments = boots().at(0).moments;
  ASSERT_EQ(moments.size(), 1U);
  EXPECT_EQ(moments[0].name, "leader-main");
  EXPECT_EQ(moments[0].at, 11s);
}

TEST_F(BootWatchTest, ABootThatNeverEndsIsOnRecord) {
  BootWatch watch(root_, clock_, facts_, "1");
  auto observe = watch.role();
  observe({row_in(State::looking)}, 0);
  clock_.advance(1s);
  observe({row_in(State::waiting, Reason::QuorumLost)}, 0);
  watch.tick();
  ASSERT_EQ(boots().size(), 1U);
  EXPECT_FALSE(boots()[0].ready);
  EXPECT_FALSE(std::filesystem::exists(root_(kHistory)));
  clock_.advance(2min);
  observe({row_in(State::waiting, Reason::QuorumLost)}, 0);
  watch.tick();
  // What /run held is gone after a power cut.
  std::filesystem::remove(root_(kRunning));
  ASSERT_EQ(boots().size(), 1U);
  EXPECT_EQ(in_words(boots()[0].rows[0].spans),
            "own 10000..11000, waiting QuorumLost 11000..131000");
}

TEST_F(BootWatchTest, AFileThatIsNoRecordIsToldAndTheOthersAreRead) {
  boot(3s);
  test::write_bytes(root_(std::string(kHistory) + "/20260101T000000Z-bbbbbbbb.json"), "{");
  auto const history = read_history(root_);
  EXPECT_EQ(history->boots.size(), 1U);
  EXPECT_EQ(history->unreadable.size(), 1U);
}

TEST_F(BootWatchTest, ThreadsWaitsAreInTheRowsTime) {
  SystemClock clock;
  BootWatch watch(root_, clock, facts_, "1");
  auto observe = watch.role();
  observe({row_in(State::looking)}, 0);
  {
    AccountedWait wait(WaitFor::throttle);
    std::this_thread::sleep_for(60ms);
  }
  observe({row_in(State::done)}, 0);
  watch.ready();
  watch.tick();
  auto const spans = boots().at(0).rows.at(0).spans;
  auto const found = std::ranges::find(spans, SpanKind::throttle, &Span::kind);
  ASSERT_NE(found, spans.end()) << in_words(spans);
  EXPECT_GE(found->end - found->begin, 55ms);
}

}  // namespace
}  // namespace haagent::timeline
