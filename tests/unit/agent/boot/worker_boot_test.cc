#include "agent/boot/worker_boot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "agent/base/units_children.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_filesystems.h"
#include "tests/support/scripted_http.h"
#include "tests/support/temporary_directory.h"

namespace haagent {
namespace {

class WorkerBootTest : public testing::Test {
 protected:
  WorkerBootTest() { config.role = Role::worker; }
  NodeDeps deps() {
    return {.root = Root(root.path()), .clock = clock, .filesystems = filesystems};
  }
  WorkerDeps worker_deps() {
    return {.http = http,
            .identity = {},
            .credentials = credentials,
            .sts = sts,
            .sts_place = {},
            .responder = responder,
            .process = process,
            .units = units,
            .document = [](std::stop_token) -> Result<std::string> { return "document"; }};
  }
  struct NoCredentials final : aws::CredentialSource {
    Result<aws::Credentials> credentials(std::stop_token) override {
      return fail(Kind::denied, "no role");
    }
  };

  test::TemporaryDirectory root;
  test::FakeClock clock;
  test::FakeFilesystems filesystems;
  NodeConfig config;
  test::ScriptedHttp http;
  NoCredentials credentials;
  aws::StsClient sts{http, {}};
  bootstrap::join::Responder responder{Root(root.path())};
  SystemProcess process;
  ChildUnits units{root.path() / "units", root.path() / "log", clock};
};

TEST_F(WorkerBootTest, ItsListIsShortAndNothingInItWaitsForAMastersRow) {
  WorkerBoot boot(config, deps(), worker_deps());
  auto rows = boot.rows();
  std::map<std::string, std::vector<std::string>> after;
  for (auto const& row : rows) after[std::string(row.step->name())] = row.after;
  using Rows = std::map<std::string, std::vector<std::string>>;
  EXPECT_EQ(after, (Rows{{"space", {}},
                         {"join", {}},
                         {"kubelet", {"join"}},
                         {"kube-files", {"join"}},
                         {"kube-proxy", {"kube-files"}},
                         {"pod-network", {"kube-files"}},
                         {"kubelet-health", {"kube-files", "kubelet"}},
                         {"node", {"kubelet-health"}},
                         {"kube-proxy-health", {"kube-proxy", "kubelet-health"}}}));
  Runner runner(std::move(rows), clock, {});
  EXPECT_TRUE(runner.check());
}

TEST_F(WorkerBootTest, NothingWaitsForTheMetricsOfCloudWatch) {
  config.metrics.cloudwatch.mode = CloudWatchMode::put;
  WorkerBoot boot(config, deps(), worker_deps());
  int rows_of_it = 0;
  for (auto const& row : boot.rows()) {
    if (row.step->name() == "cloudwatch") ++rows_of_it;
    EXPECT_EQ(std::ranges::count(row.after, "cloudwatch"), 0) << row.step->name();
  }
  EXPECT_EQ(rows_of_it, 1);
}

TEST_F(WorkerBootTest, HasNothingToHandOverAndTakesNoAnnouncement) {
  WorkerBoot boot(config, deps(), worker_deps());
  EXPECT_TRUE(boot.handover_rows(/*away=*/true, /*going_down=*/true).empty());
  EXPECT_TRUE(boot.leader_rows().empty());
  EXPECT_EQ(boot.receive_announcement({}).status, 404);
}

}  // namespace
}  // namespace haagent
