// A master whose Kubernetes does not fit the others': it stops before the control plane.
#include <gtest/gtest.h>

#include "tests/scenario/world.h"

namespace haagent::scenario {
namespace {

using State = RowStatus::State;

constexpr char kManifest[] = "/etc/kubernetes/manifests/kube-apiserver.yaml";

std::string claim(std::string const& version) {
  return fmt::format(R"({{"schema": 1, "version": "{}"}})", version);
}

TEST(SkewedVersions, NoManifestIsWrittenUntilTheOthersHaveFollowed) {
  World world;
  world.add_formed_clusters(World::Peers::up);
  auto& a = world.add_master("i-0a11", "a");  // 1.33.2
  auto& keys = world.etcd.keys("prod.example.com-main");
  for (auto const* member : {"b", "c"})
    keys.put(std::string("/haagent.io/apiservers/") + member, claim("1.31.9"));
  world.run({{a, [&] {
                auto const end = a.boot();
                EXPECT_FALSE(end.all_done);
                EXPECT_EQ(end.row("version-skew").state, State::refused);
                EXPECT_EQ(end.row("version-skew").message.reason, Reason::ApiserverVersionUnfit);
                EXPECT_EQ(end.row("etcd-main").state, State::done) << "etcd serves";
                EXPECT_EQ(end.row("control-plane").state, State::blocked);
              }}});
  EXPECT_FALSE(std::filesystem::exists(a.root(kManifest)));
  EXPECT_FALSE(keys.get("/haagent.io/apiservers/a"));

  for (auto const* member : {"b", "c"})
    keys.put(std::string("/haagent.io/apiservers/") + member, claim("1.32.4"));
  world.run({{a, [&] { EXPECT_TRUE(a.boot().all_done); }}});
  EXPECT_TRUE(std::filesystem::exists(a.root(kManifest)));
  EXPECT_TRUE(keys.get("/haagent.io/apiservers/a").has_value());

  // A reboot writes nothing there.
  auto const writes = keys.writes;
  a.lose_power();
  world.run({{a, [&] { EXPECT_TRUE(a.boot().all_done); }}});
  EXPECT_EQ(keys.writes, writes);
}

}  // namespace
}  // namespace haagent::scenario
