// What is made of what was seen: pods, the kubelet, the node.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/base/json.h"
#include "bootstrap/health/kubelet_finding.h"
#include "bootstrap/health/node_finding.h"
#include "bootstrap/health/pod_finding.h"
#include "tests/support/found.h"

namespace haagent::bootstrap::health {
namespace {

using namespace std::chrono_literals;
using test::Found;
using testing::HasSubstr;

constexpr auto kWell = Answer::Is::well;
constexpr auto kUnwell = Answer::Is::unwell;
constexpr auto kSilent = Answer::Is::silent;

TEST(PodFinding, EachThatCanBeSeen) {
  struct Row {
    char const* what;
    PodSeen seen;
    Found::As as;
    Reason reason;
    char const* says;
  };
  Row const rows[] = {
      {"well", {{kWell, ""}}, Found::As::done, Reason::ApiserverReady, ""},
      {"checks fail",
       {{kUnwell, "these checks fail: etcd"}},
       Found::As::waiting,
       Reason::ApiserverNotReady,
       "etcd"},
      {"it runs, and does not answer yet",
       {{kSilent, "refused"}, true, PodLog{3, "of the run before"}},
       Found::As::waiting,
       Reason::ApiserverNotReady,
       "refused"},
      {"its image is pulled",
       {{kSilent, "refused"}, false, std::nullopt},
       Found::As::waiting,
       Reason::ApiserverNotReady,
       ""},
      {"it has ended once",
       {{kSilent, "refused"}, false, PodLog{0, "no such file"}},
       Found::As::waiting,
       Reason::ApiserverNotReady,
       "no such file"},
      {"it ends again and again",
       {{kSilent, "refused"}, false, PodLog{4, "no such file"}},
       Found::As::waiting,
       Reason::ApiserverCrashLoops,
       "no such file"},
      {"the same without words",
       {{kSilent, "refused"}, false, PodLog{1, ""}},
       Found::As::waiting,
       Reason::ApiserverCrashLoops,
       "2"},
  };
  for (auto const& row : rows) {
    auto const made = test::found(pod_finding(kApiserverReasons, row.seen));
    EXPECT_EQ(made.as, row.as) << row.what;
    EXPECT_EQ(made.message.reason, row.reason) << row.what;
    EXPECT_THAT(made.said(), HasSubstr(row.says)) << row.what;
  }
}

// Which check fails is news; how often it was looked at is none.
TEST(PodFinding, OtherFailingChecksAreAnotherMessage) {
  auto const about = [](Answer const& answer) {
    return test::found(pod_finding(kApiserverReasons, {answer})).message.identity();
  };
  EXPECT_EQ(about({kUnwell, "etcd"}), about({kUnwell, "etcd"}));
  EXPECT_NE(about({kUnwell, "etcd"}), about({kUnwell, "informer-sync"}));
  EXPECT_EQ(about({kSilent, "refused"}), about({kSilent, "timed out"}));
}

TEST(KubeletFinding, EachThatCanBeSeen) {
  using Phase = UnitState::Phase;
  auto unit = [](Phase phase, char const* detail = "") {
    return UnitState{.phase = phase, .pid = 0, .detail = detail, .since = {}};
  };
  struct Row {
    char const* what;
    KubeletSeen seen;
    Found::As as;
    Reason reason;
    char const* says;
  };
  Row const rows[] = {
      {"it has no healthz", {}, Found::As::done, Reason::KubeletHealthUnknown, "healthzPort"},
      {"well", {Answer{kWell, ""}, {}}, Found::As::done, Reason::KubeletHealthy, ""},
      {"stopped",
       {Answer{kSilent, "refused"}, unit(Phase::stopped)},
       Found::As::waiting,
       Reason::KubeletNotRunning,
       "systemctl start kubelet.service"},
      {"it ends again and again",
       {Answer{kSilent, "refused"}, unit(Phase::starting, "exited with 1: no such file")},
       Found::As::waiting,
       Reason::KubeletNotRunning,
       "exited with 1: no such file"},
      {"failed",
       {Answer{kSilent, "refused"}, unit(Phase::failed, "ended by SIGKILL")},
       Found::As::waiting,
       Reason::KubeletNotRunning,
       "SIGKILL"},
      {"it hangs",
       {Answer{kSilent, "timed out"}, unit(Phase::running), "PLEG is not healthy"},
       Found::As::waiting,
       Reason::KubeletUnhealthy,
       "PLEG"},
      {"its loop stands still",
       {Answer{kUnwell, "these checks fail: syncloop"}, unit(Phase::running)},
       Found::As::waiting,
       Reason::KubeletUnhealthy,
       "syncloop"},
      {"no systemd",
       {Answer{kSilent, "refused"}, {}},
       Found::As::waiting,
       Reason::KubeletUnhealthy,
       "refused"},
      {"a kubelet that is not the unit's answers",
       {Answer{kUnwell, "these checks fail: syncloop"}, unit(Phase::stopped)},
       Found::As::waiting,
       Reason::KubeletUnhealthy,
       "syncloop"},
  };
  for (auto const& row : rows) {
    auto const made = test::found(kubelet_finding(row.seen));
    EXPECT_EQ(made.as, row.as) << row.what;
    EXPECT_EQ(made.message.reason, row.reason) << row.what;
    EXPECT_THAT(made.said(), HasSubstr(row.says)) << row.what;
  }
}

TEST(NodeFinding, EachThatCanBeSeen) {
  auto const now = *parse_rfc3339("2026-01-15T10:15:00Z");
  auto lease = [](char const* renewed, int lasts = 40) {
    return json::parse(fmt::format(R"({{"spec":{{"leaseDurationSeconds":{},"renewTime":"{}"}}}})",
                                   lasts, renewed))
        .value();
  };
  auto const node =
      json::parse(R"({"status":{"conditions":[{"type":"DiskPressure","status":"False"},)"
                  R"({"type":"Ready","status":"False","message":"cni plugin not initialized"}]}})")
          .value();
  struct Row {
    char const* what;
    std::optional<Tree> lease, node;
    Found::As as;
    Reason reason;
    char const* says;
  };
  Row const rows[] = {
      {"neither", {}, {}, Found::As::waiting, Reason::NodeNotRegistered, "Lease"},
      {"renewed, and not Ready", lease("2026-01-15T10:14:50.123456Z"), node, Found::As::done,
       Reason::NodeServes, "cni plugin not initialized"},
      {"on its last second", lease("2026-01-15T10:14:20Z"), node, Found::As::done,
       Reason::NodeServes, ""},
      {"too long ago", lease("2026-01-15T10:14:19Z"), node, Found::As::waiting,
       Reason::NodeLeaseStale, "41"},
      {"of a longer lease", lease("2026-01-15T10:14:19Z", 60), node, Found::As::done,
       Reason::NodeServes, ""},
      {"the clock was set back", lease("2026-01-15T10:20:00Z"), node, Found::As::done,
       Reason::NodeServes, ""},
      {"never renewed", json::parse(R"({"spec":{}})").value(), node, Found::As::waiting,
       Reason::NodeLeaseStale, ""},
      {"no time", lease("yesterday"), node, Found::As::waiting, Reason::NodeLeaseStale, ""},
      {"the Node is deleted",
       lease("2026-01-15T10:14:50Z"),
       {},
       Found::As::waiting,
       Reason::NodeNotRegistered,
       "systemctl restart kubelet"},
      {"a Node without conditions", lease("2026-01-15T10:14:50Z"), json::parse("{}").value(),
       Found::As::done, Reason::NodeServes, ""},
  };
  for (auto const& row : rows) {
    auto const made = test::found(
        node_finding({.name = "ip-10-0-0-10", .lease = row.lease, .node = row.node, .now = now}));
    EXPECT_EQ(made.as, row.as) << row.what;
    EXPECT_EQ(made.message.reason, row.reason) << row.what;
    EXPECT_THAT(made.said(), HasSubstr(row.says)) << row.what;
  }
}

TEST(ReadyWords, AreOnePrintableLine) {
  auto const node = Tree::map(
      {{"status",
        Tree::map({{"conditions", Tree::list({Tree::map(
                                      {{"type", "Ready"},
                                       {"status", "False"},
                                       {"message", "a\n\x1b[2J" + std::string(900, 'x')}})})}})}});
  auto const words = ready_words(node);
  EXPECT_THAT(words, testing::StartsWith("Ready is False: a??"));
  EXPECT_LE(words.size(), 200u);
}

}  // namespace
}  // namespace haagent::bootstrap::health
