#include "bootstrap/join/master/ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace haagent::bootstrap::join {
namespace {

using namespace std::chrono_literals;

constexpr UtcTime kNow{std::chrono::seconds(1768472100)};

Decided decided(Reason reason, std::string id, std::string address = "10.0.0.5") {
  return {.message = Message(reason, "why"), .instance_id = std::move(id), .address = address};
}

TEST(JoinLedger, CountsByReason) {
  JoinLedger ledger;
  for (auto reason : {Reason::JoinBusy, Reason::JoinBusy, Reason::JoinGranted})
    ledger.note(decided(reason, "i-1"), kNow);
  auto const counted = ledger.facts(kNow).decisions;
  EXPECT_EQ(counted, (std::map<std::string, std::uint64_t>{{"JoinBusy", 2}, {"JoinGranted", 1}}));
}

TEST(JoinLedger, WhoIsLetInWaitsNoLonger) {
  JoinLedger ledger;
  ledger.note(decided(Reason::JoinRequestInvalid, ""), kNow);
  ledger.note(decided(Reason::JoinBusy, "i-1"), kNow + 1s);
  ledger.note(decided(Reason::JoinDenied, "i-2", "10.0.0.6"), kNow + 2s);
  auto const waiting = ledger.facts(kNow + 2s).waiting;
  ASSERT_EQ(waiting.size(), 2u);
  EXPECT_EQ(waiting[0].instance_id, "i-2");
  EXPECT_EQ(waiting[0].message.reason, Reason::JoinDenied);
  EXPECT_EQ(waiting[1].instance_id, "i-1") << "its address is known by its name now";
  EXPECT_EQ(waiting[1].at, kNow + 1s);
  ledger.note(decided(Reason::JoinGranted, "i-1"), kNow + 3s);
  ledger.note(decided(Reason::CertificatesRenewed, "i-2", "10.0.0.6"), kNow + 3s);
  EXPECT_THAT(ledger.facts(kNow + 3s).waiting, testing::IsEmpty());
}

// A load balancer that hides addresses has one for all.
TEST(JoinLedger, ANamelessRefusalForgetsNobodyElse) {
  JoinLedger ledger;
  ledger.note(decided(Reason::JoinDenied, "i-1"), kNow);
  ledger.note(decided(Reason::JoinBusy, ""), kNow);
  ledger.note(decided(Reason::JoinRequestInvalid, ""), kNow);
  ledger.note(decided(Reason::JoinGranted, "i-2"), kNow);
  auto const waiting = ledger.facts(kNow).waiting;
  ASSERT_EQ(waiting.size(), 1u);
  EXPECT_EQ(waiting[0].instance_id, "i-1");
}

// Anyone may have a copy of an instance's document.
TEST(JoinLedger, WhoCallsItselfAnInstanceHidesNobody) {
  JoinLedger ledger;
  auto real = decided(Reason::InstanceProfileUnfit, "i-1");
  real.proven = true;
  ledger.note(real, kNow);
  ledger.note(decided(Reason::JoinProofRejected, "i-1", "10.0.0.9"), kNow + 1s);
  auto waiting = ledger.facts(kNow + 1s).waiting;
  ASSERT_EQ(waiting.size(), 2u);
  EXPECT_FALSE(waiting[0].proven);
  EXPECT_TRUE(waiting[1].proven);
  for (int i = 0; i < 200; ++i)
    ledger.note(decided(Reason::JoinProofRejected, fmt::format("i-{}", i + 2)), kNow + 2s);
  waiting = ledger.facts(kNow + 2s).waiting;
  EXPECT_EQ(waiting.size(), JoinLedger::kMostWaiting);
  EXPECT_EQ(waiting.back().instance_id, "i-1");
  auto granted = decided(Reason::JoinGranted, "i-1");
  granted.proven = true;
  ledger.note(granted, kNow + 3s);
  for (auto const& each : ledger.facts(kNow + 3s).waiting) EXPECT_NE(each.instance_id, "i-1");
}

TEST(JoinLedger, AReasonHasSoManyLinesOfTheJournal) {
  JoinLedger ledger;
  using Line = JoinLedger::Line;
  std::map<Line, int> lines;
  for (int i = 0; i < 1000; ++i) ++lines[ledger.note(decided(Reason::JoinBusy, "i-1"), kNow)];
  EXPECT_EQ(lines,
            (std::map<Line, int>{{Line::written, 19}, {Line::last, 1}, {Line::left_out, 980}}));
  // Of another reason, of who has proven itself, and of who is let in, nothing is lost.
  auto proven = decided(Reason::JoinBusy, "i-1");
  proven.proven = true;
  EXPECT_EQ(ledger.note(proven, kNow), Line::written);
  EXPECT_EQ(ledger.note(decided(Reason::JoinDenied, "i-1"), kNow), Line::written);
  for (int i = 0; i < 1000; ++i)
    EXPECT_EQ(ledger.note(decided(Reason::JoinGranted, "i-1"), kNow), Line::written);
  EXPECT_EQ(ledger.note(decided(Reason::JoinBusy, "i-1"), kNow + 2s), Line::left_out);
  EXPECT_EQ(ledger.note(decided(Reason::JoinBusy, "i-1"), kNow + 3s), Line::last);
  EXPECT_EQ(ledger.note(decided(Reason::JoinBusy, "i-1"), kNow + 1h), Line::written);
  // A clock that is set back makes nobody silent for good.
  EXPECT_EQ(ledger.note(decided(Reason::JoinBusy, "i-1"), kNow - 1h), Line::written);
}

TEST(JoinLedger, WhoAsksNoMoreIsForgotten) {
  JoinLedger ledger;
  ledger.note(decided(Reason::JoinDenied, "i-1"), kNow);
  EXPECT_EQ(ledger.facts(kNow + JoinLedger::kWaits).waiting.size(), 1u);
  EXPECT_THAT(ledger.facts(kNow + JoinLedger::kWaits + 1s).waiting, testing::IsEmpty());
}

TEST(JoinLedger, ManyWhoAskCostAFixedAmount) {
  JoinLedger ledger;
  auto flood = decided(Reason::JoinRequestInvalid, "");
  flood.message.text = std::string(1u << 20u, 'x');
  for (int i = 0; i < 2000; ++i) {
    flood.address = fmt::format("10.0.{}.{}", i / 250, i % 250);
    ledger.note(flood, kNow);
  }
  auto const waiting = ledger.facts(kNow).waiting;
  EXPECT_EQ(waiting.size(), JoinLedger::kMostWaiting);
  EXPECT_EQ(waiting.front().address, "10.0.7.249");
  EXPECT_LT(waiting.front().message.text.size(), 1000u);
}

}  // namespace
}  // namespace haagent::bootstrap::join
