// What a person sees while something takes long: a backup on a terminal, a restore on every
// master's page, a learner that catches up, a filesystem that grows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "agent/base/json.h"
#include "agent/base/progress.h"
#include "tests/integration/cluster_lost.h"
#include "tests/support/temporary_directory.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;

constexpr char kPut[] =
    "for i in $(seq 20); do head -c 750000 /dev/urandom | base64 -w0 | etcdctl "
    "--cacert=/etc/kubernetes/pki/etcd/ca.crt "
    "--cert=/etc/kubernetes/pki/etcd/healthcheck-client.crt "
    "--key=/etc/kubernetes/pki/etcd/healthcheck-client.key --endpoints=https://127.0.0.1:2379 "
    "put big/$i >/dev/null || exit 1; done";

// Of the row, as `haagent status` has it; nothing: it works at nothing that has a length.
std::optional<Progress> progress_of(ClusterRegion& region, std::string const& where,
                                    std::string const& row) {
  auto const page = region.run(where, {"haagent", "status", "-o", "json"});
  auto const tree = json::parse(page.out).value_or(Tree::map());
  auto const* steps = tree.find("steps");
  for (auto const& step : steps ? steps->items() : std::vector<Tree>{}) {
    auto const* shown = step.find("progress");
    if (step.text_at("name") != row || !shown) continue;
    return Progress{.what = shown->text_at("what"),
                    .done = shown->find("done")->as_unsigned().value_or(0),
                    .total = shown->find("total")->as_unsigned().value_or(0)};
  }
  return std::nullopt;
}

class ClusterProgress : public testing::Test {
 protected:
  void SetUp() override {
    if (auto const why = no_cluster_because(); !why.empty()) GTEST_SKIP() << why;
    region_.emplace(plan_of_a_lost_cluster());
    ASSERT_TRUE(region().gets_ready());
    ASSERT_EQ(region().sh("masters-a", kPut).code, 0);
  }
  ClusterRegion& region() { return *region_; }
  // Of 4 MiB that are asked for at a time.
  void downloads_take(std::string const& each) {
    region().api("slow", Tree::map({{"by", each}, {"action", Tree::list({"s3:GetObject"})}}));
  }
  std::optional<Progress> progress(std::string const& where, std::string const& row) {
    return progress_of(region(), where, row);
  }
  std::optional<ClusterRegion> region_;
};

TEST_F(ClusterProgress, ABackupDrawsItsBarAndARestoreIsOnThePage) {
  downloads_take("400ms");
  // In a terminal it is drawn, and what is kept of the output is the last word alone.
  auto const drawn =
      region().sh("masters-a",
                  "script -qec 'haagent etcd backup 2>/run/seen' /dev/null >/run/said; "
                  "script -qec 'haagent etcd drill' /run/terminal >/dev/null; cat /run/terminal");
  EXPECT_THAT(drawn.out, testing::ContainsRegex("\\[#+\\.+\\] +[0-9]+ %")) << drawn.out;
  EXPECT_EQ(region().sh("masters-a", "cat /run/seen").out, "") << "that is no terminal";
  region().api("ok");

  lose_volumes_of(region(), "abc");
  for (auto const& master : region().masters()) region().launch(master);
  ASSERT_TRUE(region().comes_true([&] {
    return std::ranges::all_of(region().masters(), [&](auto const& master) {
      return region().has_reason(master, "etcd-main", Reason::BackupsFound);
    });
  })) << region().told();
  downloads_take("1s");
  EtcdCommand const restored(region(), "masters-a", "restore --latest");
  std::optional<Progress> halfway;
  EXPECT_TRUE(region().comes_true([&] {
    auto const now = progress("masters-b", "etcd-main");
    if (now && now->done > 0 && now->done < now->total) halfway = now;
    return halfway.has_value();
  })) << region().told();
  EXPECT_GT(halfway.value_or(Progress{}).total, 20u << 20u);
  region().api("ok");
  ASSERT_TRUE(restored.ends_with(0));
  ASSERT_TRUE(region().gets_ready()) << region().told();
  EXPECT_EQ(progress("masters-b", "etcd-main"), std::nullopt);
}

TEST_F(ClusterProgress, ALearnerThatCatchesUpIsOnThePage) {
  for (int i = 0; i < 4; ++i) ASSERT_EQ(region().sh("masters-a", kPut).code, 0);
  // What was lost comes back as a learner, whose etcd runs a tenth of the time.
  std::jthread const slow([&](std::stop_token const& stop) {
    while (!stop.stop_requested())
      region().sh("masters-c",
                  "for i in 1 2 3 4; do pkill -STOP -f '[e]tcd/main.yaml'; sleep 0.3; "
                  "pkill -CONT -f '[e]tcd/main.yaml'; sleep 0.03; done");
  });
  lose_volumes_of(region(), "c");
  region().launch("masters-c");
  std::optional<Progress> halfway;
  EXPECT_TRUE(region().comes_true(
      [&] {
        auto const now = progress("masters-c", "etcd-main");
        if (now && now->done > 0 && now->done < now->total) halfway = now;
        return halfway.has_value();
      },
      60s))
      << region().told();
  EXPECT_GT(halfway.value_or(Progress{}).total, 100u) << "entries";
}

// Half of a growth, and a pause: one of a small file is over at once.
constexpr char kSlowGrowth[] =
    "#!/bin/sh\n"
    "/usr/sbin/xfs_growfs -D 524288 \"$1\"; sleep 5; exec /usr/sbin/xfs_growfs \"$1\"\n";

TEST(ClusterGrowth, AFilesystemThatGrowsIsOnThePage) {
  if (auto const why = no_cluster_because(); !why.empty()) GTEST_SKIP() << why;
  test::TemporaryDirectory files;
  test::write_bytes(files.path() / "xfs_growfs", kSlowGrowth);
  std::filesystem::permissions(files.path() / "xfs_growfs", std::filesystem::perms::owner_all);
  ClusterRegion region({.members = "a",
                        .etcd_settings = "{binary: /usr/bin/etcd}\nvolumes: {filesystem: xfs}",
                        .programs = {{"/usr/local/sbin/xfs_growfs", files.path() / "xfs_growfs"}}});
  ASSERT_TRUE(region.gets_ready());
  auto const modified = region.aws(
      {"ec2", "modify-volume", "--volume-id", region.volume_id("main-a"), "--size", "4"});
  ASSERT_EQ(modified.code, 0) << modified.out;
  std::optional<Progress> halfway;
  EXPECT_TRUE(region.comes_true(
      [&] {
        halfway = progress_of(region, "masters-a", "space-main");
        return halfway && halfway->done > (1u << 30u) && halfway->done < halfway->total;
      },
      90s))
      << region.told();
  EXPECT_EQ(halfway.value_or(Progress{}).total, 4ull << 30u);
  EXPECT_TRUE(region.comes_true([&] {
    return !progress_of(region, "masters-a", "space-main").has_value();
  })) << region.told();
}

}  // namespace
}  // namespace haagent::sim
