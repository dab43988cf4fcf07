// A snapshot of a cluster that haagent has never seen, imported and restored.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "agent/base/facts.h"
#include "agent/base/json.h"
#include "tests/integration/cluster_region.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

class ClusterImport : public testing::Test {
 protected:
  void SetUp() override {
    if (auto const why = no_cluster_because(); !why.empty()) GTEST_SKIP() << why;
    region_.emplace(ClusterPlan{.members = "a"});
    ASSERT_TRUE(region().gets_ready());
  }
  ClusterRegion& region() { return *region_; }
  Outcome etcd(std::string const& arguments) {
    return region().sh("masters-a", "haagent etcd " + arguments);
  }
  // Another etcd on this master for a moment, with these keys; its snapshot and its bare database.
  void make_foreign(std::string const& key, std::string const& value) {
    auto const made = region().sh(
        "masters-a",
        fmt::format(
            "set -e; cd /root; rm -rf foreign*; export ETCDCTL_API=3 "
            "ETCDCTL_ENDPOINTS=http://127.0.0.1:12379; "
            "etcd --name foreign --data-dir foreign --listen-client-urls "
            "http://127.0.0.1:12379 --advertise-client-urls http://127.0.0.1:12379 "
            "--listen-peer-urls http://127.0.0.1:12380 --initial-advertise-peer-urls "
            "http://127.0.0.1:12380 --initial-cluster foreign=http://127.0.0.1:12380 "
            ">foreign.log 2>&1 & pid=$!; "
            "for i in $(seq 100); do etcdctl put {0} {1} >/dev/null 2>&1 && break; "
            "sleep 0.1; done; etcdctl get {0} | grep -q {1}; "
            "etcdctl snapshot save foreign.db >/dev/null 2>&1; kill $pid; wait $pid || true; "
            "cp foreign/member/snap/db foreign-bare.db; gzip -k foreign.db; "
            "head -c 8192 foreign.db >foreign-cut.db; ls foreign.db",
            key, value));
    ASSERT_EQ(made.code, 0) << made.out;
  }
  std::optional<ClusterRegion> region_;
};

TEST_F(ClusterImport, ASnapshotOfEtcdctlIsImportedAndRestored) {
  auto const main = EtcdCluster::main;
  make_foreign("/registry/configmaps/default/foreign", "theirs");
  ASSERT_TRUE(region().put("masters-a", main, "/registry/configmaps/default/own", "ours"));
  auto const before = region().cluster_id("masters-a", main);

  // What cannot be taken says why, and leaves nothing.
  auto refused = etcd("import /root/foreign-cut.db");
  EXPECT_EQ(refused.code, 1) << refused.out;
  EXPECT_TRUE(explains(refused, Reason::SnapshotDamaged)) << refused.out;
  refused = etcd("import /root/foreign-bare.db");
  EXPECT_EQ(refused.code, 1) << refused.out;
  EXPECT_TRUE(explains(refused, Reason::SnapshotWithoutHash)) << refused.out;
  refused = etcd("import /etc/passwd");
  EXPECT_EQ(refused.code, 1) << refused.out;
  EXPECT_THAT(etcd("snapshots").out, Not(HasSubstr("imported")));

  auto const imported = etcd("import /root/foreign.db.gz -o json");
  ASSERT_EQ(imported.code, 0) << imported.out;
  auto const page = json::parse(imported.out);
  ASSERT_TRUE(page) << imported.out;
  EXPECT_EQ(page->text_at("registryKeys"), "1");
  auto const name = page->text_at("name");
  EXPECT_THAT(etcd("snapshots").out, HasSubstr(name));

  // Nobody takes it who has not named it.
  auto const drill = etcd("drill");
  EXPECT_THAT(drill.out, Not(HasSubstr(name))) << drill.out;
  auto const drilled = etcd("drill " + name);
  EXPECT_EQ(drilled.code, 0) << drilled.out;

  auto const restored = etcd("restore --over-running-cluster " + name);
  ASSERT_EQ(restored.code, 0) << restored.out << region().told();
  EXPECT_NE(region().cluster_id("masters-a", main), before);
  EXPECT_EQ(region().get("masters-a", main, "/registry/configmaps/default/foreign"), "theirs");
  EXPECT_EQ(region().get("masters-a", main, "/registry/configmaps/default/own"), "");
  EXPECT_TRUE(region().gets_ready());

  // The bare file, as its owner has asked for it.
  auto const bare = etcd("import --skip-hash-check /root/foreign-bare.db");
  EXPECT_EQ(bare.code, 0) << bare.out;
}

TEST_F(ClusterImport, WhatHasNothingOfKubernetesIsRefused) {
  make_foreign("/somebody/elses", "theirs");
  auto const refused = etcd("import /root/foreign.db");
  EXPECT_EQ(refused.code, 77) << refused.out;
  EXPECT_TRUE(explains(refused, Reason::SnapshotForeign)) << refused.out;
  EXPECT_EQ(etcd("import --cluster events /root/foreign.db").code, 0);
}

}  // namespace
}  // namespace haagent::sim
