#include "agent/check/certs.h"

#include <gtest/gtest.h>

#include "tests/unit/agent/check/pages.h"

namespace haagent::check {
namespace {

using namespace test;

class CheckCerts : public testing::TestWithParam<Case> {};
TEST_P(CheckCerts, Is) {
  auto page = master();
  GetParam().change(page);
  auto const result = check_certs(page, GetParam().thresholds);
  EXPECT_EQ(result.state(), GetParam().state) << output_of(result, true);
  EXPECT_EQ(reason_of(result), GetParam().reason) << output_of(result, true);
}

void leaf(Page& page, UtcTime not_after, UtcTime renew_at) {
  page.report.pki.certificates[0].not_after = not_after;
  page.report.pki.certificates[0].renew_at = renew_at;
}
void authority(Page& page, UtcTime not_after, UtcTime renew_at) {
  page.report.pki.certificates[1].not_after = not_after;
  page.report.pki.certificates[1].renew_at = renew_at;
}

INSTANTIATE_TEST_SUITE_P(
    Cases, CheckCerts,
    testing::Values(
        Case{"well", [](Page&) {}, State::ok},
        // A worker's, of hours.
        Case{"short_and_not_due", [](Page& p) { leaf(p, kNow + 2h, kNow + 10min); }, State::ok},
        Case{"just_due", [](Page& p) { leaf(p, kNow + 4h, kNow - 10min); }, State::ok},
        Case{"overdue", [](Page& p) { leaf(p, kNow + 2h, kNow - 1h); }, State::warning,
             Reason::CertificatesNotRenewed},
        Case{"about_to_end", [](Page& p) { leaf(p, kNow + 20min, kNow - 2h); }, State::critical,
             Reason::CertificatesNotRenewed},
        Case{"ended", [](Page& p) { leaf(p, kNow - 1h, kNow - 2h); }, State::critical,
             Reason::CertificatesNotRenewed},
        Case{"cannot_be_renewed",
             [](Page& p) {
               p.report.pki.warning = "the store does not answer";
               row_in(p, "pki").message = {Reason::RenewalNotPossible, "it does not answer"};
             },
             State::warning, Reason::RenewalNotPossible},
        Case{"an_authority_to_rotate", [](Page& p) { authority(p, kNow + 300 * 24h, kNow - 1h); },
             State::warning},
        Case{"an_authority_about_to_end",
             [](Page& p) { authority(p, kNow + 10 * 24h, kNow - 300 * 24h); }, State::critical},
        Case{"thresholds", [](Page&) {}, State::warning, {}, limits("61:", "30:")},
        Case{"thresholds_add", [](Page& p) { leaf(p, kNow + 2h, kNow - 1h); }, State::warning,
             Reason::CertificatesNotRenewed, limits("0:", "")},
        Case{"by_the_stores_clock",
             [](Page& p) {
               leaf(p, kNow + 2h, kNow + 1h);
               p.report.clock = ClockFacts{.ahead = -1h - 45min};
             },
             State::critical, Reason::CertificatesNotRenewed},
        Case{"none_of_a_boot",
             [](Page& p) {
               p.report.pki = {};
               booting(p, "pki", Reason::CertificatesToWrite, 10s);
             },
             State::warning, Reason::CertificatesToWrite},
        Case{"none", [](Page& p) { p.report.pki = {}; }, State::unknown,
             Reason::CertificatesToWrite},
        Case{"worker", [](Page& p) { p.report.role = "worker"; }, State::ok},
        Case{"agent_gone", [](Page& p) { p.writer = Writer::gone; }, State::unknown,
             Reason::AgentNotRunning},
        Case{"bootstrap_ended", [](Page& p) { p.writer = Writer::ended; }, State::ok}),
    [](auto const& tested) { return tested.param.name; });

TEST(CheckCertsFigures, AreDaysThatAreLeft) {
  auto const result = check_certs(master(), limits("30:", "7:"));
  auto const days = figure(result, "etcd/server_days");
  ASSERT_TRUE(days);
  EXPECT_EQ(days->value, 60);
  EXPECT_EQ(days->thresholds.warning->text, "30:");
}

}  // namespace
}  // namespace haagent::check
