// The kubelet's own code reads what the agent writes for it.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/base/process.h"
#include "bootstrap/pki/kubelet_step.h"
#include "bootstrap/pki/x509.h"
#include "tests/support/fake_clock.h"
#include "tests/support/found.h"
#include "tests/support/kube_nodes.h"
#include "tests/support/source_dir.h"
#include "tests/support/temporary_directory.h"

namespace haagent::bootstrap::pki {
namespace {

using namespace std::chrono_literals;

class NoUnits final : public Units {
 public:
  Result<UnitState> state(std::string const&) override { return UnitState{}; }
  Result<void> start(UnitSpec const&) override { return {}; }
  Result<void> stop(std::string const&, Duration, std::stop_token) override { return {}; }
};

class KubeletStore : public testing::Test {
 protected:
  std::string leaf(Secret const& key) {
    return make_leaf({.common_name = "system:node:node-a",
                      .organization = "system:nodes",
                      .dns_names = {},
                      .addresses = {},
                      .client = true},
                     key, ca_, clock_.utc(), 24h * 365)
        .value();
  }
  // As a kubelet that starts, and then renews by itself.
  ProcessOutcome kubelet() {
    auto const run = test::source_dir() / "tests/integration/kubelet_store/run";
    ProcessSpec spec{.argv = {run.string(), folder_.string(), to_rfc3339(clock_.utc())},
                     .deadline = 10min};
    // Go's own settings, its caches and the way to its modules, are the caller's.
    for (char** each = ::environ; *each != nullptr; ++each) spec.environment.emplace_back(*each);
    auto const outcome = SystemProcess().run(spec, {});
    EXPECT_TRUE(outcome) << outcome.error().message.text;
    return outcome.value_or(ProcessOutcome{});
  }

  test::TemporaryDirectory directory_;
  Root const root_{directory_.path()};
  std::filesystem::path const folder_ = root_("/var/lib/kubelet/pki");
  test::FakeClock clock_;
  KeyPair const ca_ =
      make_ca({.common_name = "kubernetes", .organization = ""}, clock_.utc(), 24h * 3650).value();
};

TEST_F(KubeletStore, TakesWhatTheAgentWritesAndWhatItRepairs) {
  auto const key = make_key().value();
  ASSERT_TRUE(make_directories(folder_));
  ASSERT_TRUE(renew_kubelet_pair(root_, leaf(key), key, clock_.utc()));
  auto const first = kubelet();
  if (first.exit_code == 77) GTEST_SKIP() << first.err;
  EXPECT_EQ(first.exit_code, 0) << first.out << first.err;
  EXPECT_EQ(first.out, "system:node:node-a\n");

  // After a kubelet's own certificate, whose link is its own.
  clock_.advance(24h * 250);
  ASSERT_TRUE(renew_kubelet_pair(root_, leaf(key), key, clock_.utc()));
  EXPECT_EQ(kubelet().exit_code, 0);

  // As earlier versions renewed it.
  std::filesystem::remove_all(folder_);
  auto file = leaf(key) + key.reveal();
  for (int i = 0; i < 2; ++i) {
    clock_.advance(24h * 244);
    file = leaf(key) + file;
  }
  auto const current = folder_ / "kubelet-client-current.pem";
  test::write_bytes(current, file);
  ASSERT_EQ(::chmod(current.c_str(), 0600), 0);
  EXPECT_THAT(kubelet().out, testing::HasSubstr("certificate is expired"));
  NoUnits units;
  kube::KubeletRestarts restarts(root_, units);
  auto const config = test::kube_worker();
  KubeletStep step(config, root_, clock_, units, restarts);
  Facts facts;
  ASSERT_TRUE(test::look_and_act(step, facts));
  ASSERT_TRUE(std::holds_alternative<Done>(step.look(facts, {}).value()));
  auto const repaired = kubelet();
  EXPECT_EQ(repaired.exit_code, 0) << repaired.out;
  EXPECT_EQ(repaired.out, "system:node:node-a\n");
}

}  // namespace
}  // namespace haagent::bootstrap::pki
