#include "bootstrap/pod_network/step.h"

#include <gtest/gtest.h>

#include "tests/support/temporary_directory.h"

namespace haagent::bootstrap::pod_network {
namespace {

using namespace std::chrono_literals;

UtcTime const kNow = parse_rfc3339("2026-01-15T10:15:00Z").value();

struct Row {
  bool wanted;
  std::optional<Reason> reported;
  Duration ago;
  bool done;
  Reason told;
};

TEST(PodNetworkStep, TellsWhatTheServiceReports) {
  for (auto const& row : {
           Row{false, {}, 0s, true, Reason::PodNetworkOff},
           Row{false, Reason::PodNetworkMade, 0s, true, Reason::PodNetworkOff},
           Row{true, {}, 0s, false, Reason::PodNetworkSilent},
           Row{true, Reason::PodNetworkMade, 61s, true, Reason::PodNetworkMade},
           Row{true, Reason::PodNetworkMade, 4min, false, Reason::PodNetworkSilent},
           Row{true, Reason::PodNetworkForeign, 1s, true, Reason::PodNetworkForeign},
           Row{true, Reason::PodNetworkAwaitsRange, 1s, false, Reason::PodNetworkAwaitsRange},
           Row{true, Reason::PodNetworkAwaitsApiserver, 1s, false,
               Reason::PodNetworkAwaitsApiserver},
           Row{true, Reason::PodNetworkNotMade, 1s, false, Reason::PodNetworkNotMade},
           // It has not read its new settings yet.
           Row{true, Reason::PodNetworkOff, 1s, false, Reason::PodNetworkOff},
       }) {
    std::optional<Report> report;
    if (row.reported) report = Report{Message(*row.reported, "so it is"), kNow - row.ago};
    auto const finding = decide_pod_network(row.wanted, report, kNow);
    EXPECT_EQ(std::holds_alternative<Done>(finding), row.done) << to_string(row.told);
    EXPECT_EQ(message_of(finding).reason, row.told);
  }
}

TEST(PodNetworkReport, IsReadAsItWasWritten) {
  test::TemporaryDirectory folder;
  Root const root(folder.path());
  EXPECT_EQ(read_report(root), std::nullopt);
  Report const report{Message(Reason::PodNetworkMade, "2 routes", "nothing").about("a, b"), kNow};
  ASSERT_TRUE(write_report(root, report));
  EXPECT_EQ(read_report(root), report);
  for (auto const* bad :
       {"", "{", "{}", R"({"reason":"NoSuchReason","at":"2026-01-15T10:15:00Z"})"}) {
    test::write_bytes(folder / "run/haagent/pod-network.json", bad);
    EXPECT_EQ(read_report(root), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace haagent::bootstrap::pod_network
