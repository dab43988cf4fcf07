// `haagent pki rotate`, as an operator uses it: on one master, under a program that writes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/base/json.h"
#include "tests/integration/cluster_region.h"
#include "tests/integration/cluster_writer.h"
#include "tests/support/mentions.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;

class ClusterRotation : public SharedCluster<ClusterRotation> {
 public:
  static ClusterPlan plan() { return {.workers = 1}; }

 protected:
  static std::string address_of(std::string const& group) {
    return region().instance(region().instance_of(group)).text_at("address");
  }
  // Whether that master's etcd answers b, which shows what is in this folder of its own.
  static bool lets_in(std::string const& group, std::string const& trust, std::string const& leaf) {
    return region()
               .sh("masters-b", fmt::format("curl -sf -m 5 --cacert {} --cert {}.crt --key {}.key "
                                            "https://{}:2379/version",
                                            trust, leaf, leaf, address_of(group)))
               .code == 0;
  }
  static std::string apiserver_of(std::string const& group) {
    return region().run(group, {"pgrep", "-f", "^kube-apiserver"}).out;
  }
  static void kubelet_of(std::string const& group, std::string const& signal) {
    auto const done = region().sh(
        group, fmt::format("kill -{} $(pgrep -f ^/usr/lib/haagent-sim/apiserver)", signal));
    ASSERT_EQ(done.code, 0) << done.out;
  }
  // Of etcd's authority, as the page for scripts has it.
  static Tree etcds(Tree const& page) {
    if (auto const* all = page.find("authorities"))
      for (auto const& each : all->items())
        if (each.text_at("name") == "etcd") return each;
    return Tree::map();
  }
  static Tree pki_status(std::string const& where) {
    auto const page = region().run(where, {"haagent", "pki", "status", "-o", "json"});
    return json::parse(page.out).value_or(Tree::map());
  }
};

TEST_F(ClusterRotation, TheCommandRunsThroughItsStagesWhereverAKubeletIsDownMeanwhile) {
  std::string const pki = "/etc/kubernetes/pki/";
  std::string const leaf = pki + "apiserver-etcd-client";
  std::string const ca = pki + "etcd/ca.crt";
  ASSERT_EQ(region()
                .sh("masters-b", fmt::format("mkdir /run/old && cp {}.crt {}.key /run/old/ && "
                                             "cp {} /run/old/ca.crt",
                                             leaf, leaf, ca))
                .code,
            0);
  std::string const old_leaf = "/run/old/apiserver-etcd-client";
  std::map<std::string, std::string> apiservers;
  for (auto const& master : region().masters()) {
    EXPECT_TRUE(lets_in(master, "/run/old/ca.crt", old_leaf));
    apiservers[master] = apiserver_of(master);
    EXPECT_NE(apiservers[master], "");
  }
  std::map<EtcdCluster, std::vector<Member>> members;
  for (auto cluster : kEtcdClusters) members[cluster] = region().members("masters-b", cluster);
  Writer writer(region());
  kubelet_of("masters-c", "STOP");

  auto const begun = region().run("masters-a", {"haagent", "pki", "rotate", "--authority", "etcd"});
  ASSERT_EQ(begun.code, 0) << begun.out;
  auto const again = region().run("masters-b", {"haagent", "pki", "rotate", "--authority", "etcd"});
  EXPECT_EQ(again.code, 77) << again.out;
  EXPECT_TRUE(explains(again, Reason::RotationUnderWay)) << again.out;

  // c's etcd restarts and its apiserver does not: nobody goes on without it, and b says why.
  Outcome page;
  auto const kubelet = region().instance_of("masters-c");
  EXPECT_TRUE(region().comes_true(
      [&] {
        writer.renew_certificate();
        page = region().run("masters-b", {"haagent", "pki", "status"});
        return page.out.contains(kubelet) && test::mentions(page.out, "kube-apiserver");
      },
      120s))
      << page.out;
  EXPECT_THAT(page.out, HasSubstr("trusting new"));
  EXPECT_EQ(apiserver_of("masters-c"), apiservers["masters-c"]);
  kubelet_of("masters-c", "CONT");

  std::set<std::string> stages;
  EXPECT_TRUE(region().comes_true(
      [&] {
        writer.renew_certificate();
        auto const etcd = etcds(pki_status("masters-b"));
        if (etcd.text_at("stage").empty()) return false;
        stages.insert(etcd.text_at("stage"));
        return etcd.text_at("stage") == "stable" && etcd.text_at("turn").empty();
      },
      180s))
      << region().run("masters-b", {"haagent", "pki", "status"}).out;
  EXPECT_THAT(stages, testing::UnorderedElementsAre("trusting new", "signing with new",
                                                    "dropping old", "stable"));
  for (auto const& master : region().masters()) {
    SCOPED_TRACE(master);
    EXPECT_TRUE(region().comes_true([&] { return lets_in(master, ca, leaf); }));
    EXPECT_FALSE(lets_in(master, ca, old_leaf)) << "the old authority's certificate is let in";
    EXPECT_FALSE(lets_in(master, "/run/old/ca.crt", leaf)) << "the old authority has signed it";
    EXPECT_NE(apiserver_of(master), apiservers[master]) << "its apiserver was never restarted";
    // What it read at its start, and that it serves with.
    auto const read =
        region().sh(master, fmt::format("cmp /run/haagent-sim-apiserver/etcd-ca.crt {} && "
                                        "grep -c BEGIN {}",
                                        ca, ca));
    EXPECT_EQ(read.out, "1\n") << "it trusts something else than the new one alone";
    EXPECT_TRUE(region().comes_true([&] {
      return region()
                 .run(master, {"curl", "-skf", "-m", "5", "https://127.0.0.1:6443/readyz"})
                 .code == 0;
    }));
  }
  for (auto cluster : kEtcdClusters) {
    EXPECT_TRUE(region().comes_true([&] { return region().is_whole("masters-b", cluster, 3); }));
    EXPECT_EQ(region().members("masters-b", cluster), members[cluster]) << "nothing was changed";
  }
  EXPECT_TRUE(region().comes_true([&] { return region().is_ready("masters-b"); }));
  auto const acknowledged = writer.all();
  EXPECT_GT(acknowledged.size(), 50u);
  for (auto const& master : region().masters())
    EXPECT_THAT(writer.missing_on(master, acknowledged), IsEmpty()) << "of " << master;
}

}  // namespace
}  // namespace haagent::sim
