// `haagent timeline` of real boots: what took its time stands in the right place.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/base/critical_path.h"
#include "agent/base/json.h"
#include "agent/timeline/boot_record.h"
#include "agent/timeline/picture.h"
#include "tests/integration/cluster_region.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::UnorderedElementsAre;
using timeline::SpanKind;

// EC2 takes three seconds to attach a volume.
class ClusterTimeline : public SharedCluster<ClusterTimeline> {
 public:
  static ClusterPlan plan() { return {.workers = 1, .delays = {{"attach", "3s"}}}; }

 protected:
  // The record of a boot is complete a second or so after the node is ready.
  static timeline::BootRecord complete_record_of(std::string const& where) {
    EXPECT_TRUE(region().comes_true([&] { return record_of(where).ready.has_value(); }));
    return record_of(where);
  }
  static timeline::BootRecord record_of(std::string const& where, std::string const& boot = "0") {
    auto const tree =
        json::parse(region().sh(where, "haagent timeline -o json " + boot + " 2>/dev/null").out);
    EXPECT_TRUE(tree);
    auto record = tree ? timeline::record_from_tree(*tree) : Result<timeline::BootRecord>();
    EXPECT_TRUE(record);
    return record.value_or(timeline::BootRecord());
  }
  // How long the row waited with this reason.
  static Duration waited(timeline::BootRecord const& record, std::string const& name,
                         SpanKind kind) {
    Duration whole{0};
    for (auto const& row : record.rows)
      for (auto const& span : row.spans)
        if (row.name == name && span.kind == kind) whole += span.end - span.begin;
    return whole;
  }
};

TEST_F(ClusterTimeline, ADelayOfEc2StandsInTheBarOfItsVolume) {
  for (auto const& master : region().masters()) {
    auto const record = complete_record_of(master);
    ASSERT_TRUE(record.ready);
    for (auto const* row : {"volume-main", "volume-events"})
      EXPECT_GE(waited(record, row, SpanKind::waiting), 2s) << master << ' ' << row;
    for (auto const* row : {"pki", "hosts", "kube-files", "mount-main"})
      EXPECT_LT(waited(record, row, SpanKind::waiting), 2s) << master << ' ' << row;
    EXPECT_THAT(critical_path(record.rows),
                Contains(testing::AnyOf("volume-main", "volume-events")));
    EXPECT_THAT(record.stages, Contains(testing::Field(&timeline::Stage::name, "pending")));
    EXPECT_THAT(record.moments,
                AllOf(Contains(testing::Field(&timeline::Moment::name, "etcd-main")),
                      Contains(testing::Field(&timeline::Moment::name, "leader-main")),
                      Contains(testing::Field(&timeline::Moment::name, "leader-events")),
                      Contains(testing::Field(&timeline::Moment::name, "kube-apiserver"))));
  }
}

TEST_F(ClusterTimeline, EveryNodeStandsOnOneAxis) {
  auto const answer = region().sh("masters-a", "haagent timeline --cluster -o json 2>/dev/null");
  auto const tree = json::parse(answer.out);
  ASSERT_TRUE(tree) << answer.out;
  std::vector<std::string> instances, wanted = region().masters();
  for (auto const& each : tree->items()) instances.push_back(each.text_at("instanceId"));
  for (auto& each : wanted) each = region().instance_of(each);
  wanted.push_back(region().instance_of("workers"));
  EXPECT_THAT(instances, testing::UnorderedElementsAreArray(wanted));
}

TEST_F(ClusterTimeline, AnybodyMaySeeItAndNothingElseIsWritten) {
  EXPECT_EQ(
      region()
          .sh("masters-a", "setpriv --reuid=65534 --regid=65534 --clear-groups haagent timeline")
          .code,
      0);
  auto const files = region().sh(
      "masters-a", "cd /tmp && haagent timeline --svg a.svg --html a.html && ls a.svg a.html");
  EXPECT_EQ(files.out, "a.html\na.svg\n");
  EXPECT_THAT(region().sh("masters-a", "haagent timeline --svg -").out, HasSubstr("</svg>"));
  EXPECT_EQ(region().sh("masters-a", "haagent timeline 9").code, 2);
  EXPECT_NE(region().sh("masters-a", "haagent timeline --svg /nowhere/a.svg").code, 0);
}

// An agent that is killed makes no boot; a reboot makes one, and the one before is still there.
TEST_F(ClusterTimeline, ARebootIsTheNextBootAndARestartIsNone) {
  auto const first = complete_record_of("masters-b");
  region().sh("masters-b", "pkill -KILL -x haagent");
  ASSERT_TRUE(region().comes_true([] { return region().is_ready("masters-b"); }));
  EXPECT_EQ(record_of("masters-b"), first);

  region().command("reboot",
                   Tree::map({{"instances", Tree::list({region().instance_of("masters-b")})}}));
  ASSERT_TRUE(region().comes_true([&] {
    auto const tree =
        json::parse(region().sh("masters-b", "haagent timeline -o json 2>/dev/null").out);
    return tree && tree->find("ready") && tree->text_at("bootId") != first.boot_id;
  })) << region()
             .sh("masters-b",
                 "haagent timeline --list; haagent timeline; haagent status; cat "
                 "/proc/sys/kernel/random/boot_id; ls -la /run/haagent /var/lib/haagent/boots; "
                 "tail -n 30 /var/log/haagent.log")
             .out;
  EXPECT_EQ(record_of("masters-b", "1"), first);
  auto const second = record_of("masters-b");
  EXPECT_LT(waited(second, "volume-main", SpanKind::waiting), 2s) << "they were attached already";
  auto const compared = region().sh("masters-b", "haagent timeline --compare");
  EXPECT_THAT(compared.out, HasSubstr("volume-main"));
}

}  // namespace
}  // namespace haagent::sim
