#include "bootstrap/pod_network/loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/scripted_http.h"
#include "tests/support/temporary_directory.h"

namespace haagent::bootstrap::pod_network {
namespace {

using testing::IsEmpty;

constexpr char kSettingsFile[] = "etc/kubernetes/haagent-pod-network.yaml";
constexpr char kNodes[] = "GET https://api/api/v1/nodes?limit=200";

// A machine on which nothing of a pod network is: what is asked for is not there.
class BareMachine final : public Process {
 public:
  Result<ProcessOutcome> run(ProcessSpec const& spec, std::stop_token) override {
    ran.push_back(to_words(spec.argv));
    return ProcessOutcome{.exit_code = 1, .out = {}, .err = "does not exist"};
  }
  std::vector<std::string> ran;
};

class PodNetworkLoop : public testing::Test {
 protected:
  void settle() {
    test::write_bytes(folder_ / kSettingsFile,
                      "node: own\nendpoint: https://api\npodCIDR: 10.244.0.0/16\nport: 8472\n");
  }
  Reason turn() { return loop_.turn({}).message.reason; }
  bool has_cni_file() const { return std::filesystem::exists(folder_ / cni_); }

  test::TemporaryDirectory folder_;
  std::string const cni_ = std::string(kCniFile).substr(1);
  test::ScriptedHttp http_;
  BareMachine machine_;
  SystemClock clock_;
  Loop loop_{{Root(folder_.path()), http_, machine_, clock_}};
};

TEST_F(PodNetworkLoop, WithoutSettingsTakesAwayWhatIsOursAndThenRunsNothing) {
  test::write_bytes(folder_ / cni_, "of an earlier configuration");
  EXPECT_EQ(turn(), Reason::PodNetworkOff);
  EXPECT_FALSE(has_cni_file());
  machine_.ran.clear();
  EXPECT_EQ(turn(), Reason::PodNetworkOff);
  EXPECT_THAT(machine_.ran, IsEmpty());
}

TEST_F(PodNetworkLoop, GivesWayToAnotherPluginAndComesBackAfterIt) {
  settle();
  test::write_bytes(folder_ / cni_, "ours");
  test::write_bytes(folder_ / "etc/cni/net.d/05-cilium.conflist", "{}");
  EXPECT_EQ(turn(), Reason::PodNetworkForeign);
  EXPECT_FALSE(has_cni_file());
  machine_.ran.clear();
  EXPECT_EQ(turn(), Reason::PodNetworkForeign);
  EXPECT_THAT(machine_.ran, IsEmpty());
  std::filesystem::remove(folder_ / "etc/cni/net.d/05-cilium.conflist");
  http_.on(kNodes, test::answer(200, R"({"metadata":{"resourceVersion":"5"},"items":[]})"));
  EXPECT_EQ(turn(), Reason::PodNetworkAwaitsRange);
}

TEST_F(PodNetworkLoop, AsksAgainWhereNoApiserverAnswersAndLeavesTheNetwork) {
  settle();
  test::write_bytes(folder_ / cni_, "ours");
  http_.on(kNodes, fail(Kind::transient, "refused"));
  EXPECT_EQ(turn(), Reason::PodNetworkAwaitsApiserver);
  EXPECT_TRUE(has_cni_file());
  http_.on(kNodes, test::answer(200, R"({"metadata":{"resourceVersion":"5"},"items":[]})"));
  EXPECT_EQ(turn(), Reason::PodNetworkAwaitsRange);
  EXPECT_TRUE(has_cni_file());
}

TEST(PodNetworkFailure, AnApiserverThatIsSilentForAMomentIsNoNews) {
  Message const made(Reason::PodNetworkMade, "made");
  Message const silent(Reason::PodNetworkAwaitsApiserver, "refused");
  Message const wrong(Reason::PodNetworkNotMade, "no such device");
  SteadyTime const at{Duration(1'000'000)};
  struct Row {
    Message failure;
    std::optional<MadeNetwork> made;
    Duration after;
    Message told;
  };
  for (auto const& row : {
           Row{silent, std::nullopt, Duration(0), silent},
           Row{silent, MadeNetwork{made, at}, Duration(0), made},
           Row{silent, MadeNetwork{made, at}, kUnansweredFor - Duration(1), made},
           Row{silent, MadeNetwork{made, at}, kUnansweredFor, silent},
           Row{wrong, MadeNetwork{made, at}, Duration(0), wrong},
       })
    EXPECT_EQ(told_of_failure(row.failure, row.made, at + row.after), row.told)
        << to_string(row.failure.reason) << " after " << row.after.count();
}

TEST_F(PodNetworkLoop, SaysWhatTheKernelDoesNotTake) {
  settle();
  http_.on(kNodes,
           test::answer(200, R"({"metadata":{"resourceVersion":"5"},"items":[{"metadata":)"
                             R"({"name":"own"},"spec":{"podCIDR":"10.244.1.0/24"},"status":)"
                             R"({"addresses":[{"type":"InternalIP","address":"10.0.0.1"}]}}]})"));
  EXPECT_EQ(turn(), Reason::PodNetworkNotMade);
  EXPECT_FALSE(has_cni_file());
}

TEST_F(PodNetworkLoop, SettingsThatCannotBeReadMakeNothing) {
  test::write_bytes(folder_ / kSettingsFile, "node: [");
  EXPECT_EQ(turn(), Reason::PodNetworkNotMade);
  EXPECT_THAT(machine_.ran, IsEmpty());
}

}  // namespace
}  // namespace haagent::bootstrap::pod_network
