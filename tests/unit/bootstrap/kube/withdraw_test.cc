#include "bootstrap/kube/withdraw.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/base/yaml.h"
#include "bootstrap/kube/steps.h"
#include "tests/support/fake_clock.h"
#include "tests/support/found.h"
#include "tests/support/kube_nodes.h"
#include "tests/support/temporary_directory.h"

namespace haagent::bootstrap::kube {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using test::IsAbout;
using test::IsDone;
using test::IsWaiting;
using test::Says;
using testing::AllOf;

TEST(StillToWait, EtcdGoesOnForTheApiserverAsLongAsTheEndAllows) {
  struct Row {
    std::string_view name;
    ApiserverWait in;
    Duration more;
  };
  for (auto const& row : {
           Row{"nobody is in a hurry: its grace, and what the kubelet needs", {}, 55s},
           Row{"half of it is over", {.waited = 20s}, 35s},
           Row{"all of it is over", {.waited = 55s}, 0s},
           Row{"long after", {.waited = 10min}, 0s},
           Row{"a longer grace", {.grace = 50s}, 75s},
           Row{"a grace of an hour", {.grace = 1h}, 90s},
           Row{"no grace at all", {.grace = 0s}, 25s},
           Row{"a spot notice: two minutes are enough", {.left = 118s}, 55s},
           Row{"a notice that was found late", {.left = 50s}, 20s},
           Row{"a unit that is stopped", {.waited = 10s, .left = 140s}, 45s},
           Row{"the machine goes before the rest could be done", {.left = 30s}, 0s},
           Row{"it is gone already", {.left = 0s}, 0s},
       })
    EXPECT_EQ(still_to_wait(row.in), row.more) << row.name;
}

// A master that serves, with /proc.
class WithdrawTest : public testing::Test {
 protected:
  WithdrawTest() {
    facts_.identity.set(test::kube_identity());
    NodeFiles node_files(config_);
    KubeFiles files(config_, root_, node_files);
    ControlPlane control_plane(config_, root_, node_files);
    for (Step* step : std::initializer_list<Step*>{&files, &control_plane})
      EXPECT_TRUE(test::look_and_act(*step, facts_));
    test::write_bytes(root_("/proc/uptime"), "1000.00 1.00\n");
    start(77);
  }
  void start(pid_t pid, std::string const& etcd_ca = "/etc/kubernetes/pki/etcd/ca.crt") {
    auto const folder = root_(fmt::format("/proc/{}", pid));
    test::write_bytes(folder / "cmdline",
                      std::string("kube-apiserver") + '\0' + "--etcd-cafile=" + etcd_ca + '\0');
    test::write_bytes(
        folder / "stat",
        fmt::format("{} (kube-apiserver) S 1 {} 0 0 -1 0 0 0 0 0 0 0 0 0 20 0 9 0 500 0 0\n", pid,
                    pid));
  }
  void end(pid_t pid) { fs::remove_all(root_(fmt::format("/proc/{}", pid))); }
  bool has_manifest() { return fs::exists(root_("/etc/kubernetes/manifests/kube-apiserver.yaml")); }
  std::unique_ptr<Withdraw> step(bool take, bool end_process) {
    return std::make_unique<Withdraw>(
        WithdrawDeps{.config = config_,
                     .root = root_,
                     .clock = clock_,
                     .take_manifests = take,
                     .end_process = end_process,
                     .end = [this](pid_t pid) { told_.push_back(pid); },
                     .left = [this] { return left_; }});
  }
  // As the runner has it.
  test::Found converge(Withdraw& step) {
    test::Found last;
    for (int looks = 0; looks < 5; ++looks) {
      auto looked = step.look(facts_, {});
      last = test::found(looked);
      if (last.as != test::Found::As::needed) return last;
      EXPECT_TRUE(test::act_on(looked));
    }
    return last;
  }

  test::TemporaryDirectory directory_;
  Root const root_{directory_.path()};
  test::FakeClock clock_;
  NodeConfig config_ = test::kube_master();
  Facts facts_;
  std::optional<Duration> left_;
  std::vector<pid_t> told_;
};

TEST_F(WithdrawTest, EtcdWaitsForTheProcessAndNotForThePort) {
  start(50, "/etc/cluster-in-a-pod/ca.crt");  // another cluster's
  auto withdraw = step(/*take=*/true, /*end_process=*/false);
  EXPECT_THAT(converge(*withdraw), AllOf(IsWaiting(Reason::ApiserverRunning), IsAbout("77")));
  EXPECT_FALSE(has_manifest());
  // Its shutdown delay, and requests that take their time.
  for (int second = 0; second < 29; ++second) {
    clock_.advance(1s);
    EXPECT_THAT(converge(*withdraw), IsWaiting(Reason::ApiserverRunning));
  }
  end(77);
  EXPECT_THAT(converge(*withdraw), IsDone(Reason::ApiserverEnded));
  EXPECT_TRUE(told_.empty()) << "the kubelet ends it";
}

TEST_F(WithdrawTest, AKubeletThatIsDownHoldsNothingUpForEver) {
  auto withdraw = step(true, false);
  converge(*withdraw);
  clock_.advance(54s);
  EXPECT_THAT(converge(*withdraw), IsWaiting(Reason::ApiserverRunning));
  clock_.advance(1s);
  EXPECT_THAT(converge(*withdraw), AllOf(IsDone(Reason::ApiserverNotEnded), IsAbout("77"),
                                         Says("'systemctl status kubelet'")));
}

TEST_F(WithdrawTest, ALongerGraceIsWaitedFor) {
  config_.apiserver.config = yaml::parse("spec: {terminationGracePeriodSeconds: 60}").value();
  auto withdraw = step(true, false);
  converge(*withdraw);
  clock_.advance(84s);
  EXPECT_THAT(converge(*withdraw), IsWaiting(Reason::ApiserverRunning));
  clock_.advance(1s);
  EXPECT_THAT(converge(*withdraw), IsDone(Reason::ApiserverNotEnded));
}

TEST_F(WithdrawTest, AnEndThatComesSoonerCutsTheWaitShort) {
  auto withdraw = step(true, false);
  EXPECT_THAT(converge(*withdraw), IsWaiting(Reason::ApiserverRunning));
  // A spot notice comes in the middle.
  left_ = 35s;
  EXPECT_THAT(converge(*withdraw), IsWaiting(Reason::ApiserverRunning));
  left_ = 30s;
  EXPECT_THAT(converge(*withdraw), IsDone(Reason::ApiserverNotEnded));
}

TEST_F(WithdrawTest, OnTheWayDownTheProcessIsToldOnceAndTheManifestsStayForAReboot) {
  left_ = 150s;
  auto withdraw = step(/*take=*/false, /*end_process=*/true);
  EXPECT_THAT(converge(*withdraw), IsWaiting(Reason::ApiserverRunning));
  EXPECT_THAT(converge(*withdraw), IsWaiting(Reason::ApiserverRunning));
  EXPECT_EQ(told_, std::vector<pid_t>{77});
  EXPECT_TRUE(has_manifest());
  end(77);
  start(99);  // a kubelet that is still there: it has begun nothing yet
  EXPECT_THAT(converge(*withdraw), IsDone(Reason::ApiserverEnded));
  EXPECT_EQ(told_, std::vector<pid_t>{77});

  auto off = step(/*take=*/true, /*end_process=*/true);
  EXPECT_THAT(converge(*off), IsWaiting(Reason::ApiserverRunning));
  EXPECT_EQ(told_, (std::vector<pid_t>{77, 99}));
  EXPECT_FALSE(has_manifest());
}

TEST_F(WithdrawTest, NothingRunsAndNothingIsWaitedFor) {
  end(77);
  auto withdraw = step(true, false);
  EXPECT_THAT(converge(*withdraw), IsDone(Reason::ApiserverEnded));
  EXPECT_FALSE(has_manifest());
}

}  // namespace
}  // namespace haagent::bootstrap::kube
