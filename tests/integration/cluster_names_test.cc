// A VPC with a domain of its own, as its DHCP options say it: what instances are called, and what
// the node's name is in every file and certificate of a master and of a worker.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/cluster_region.h"

namespace haagent::sim {
namespace {

using testing::HasSubstr;

struct Row {
  std::string what;
  std::string domain;
  std::string ends;  // of each node's name, behind "ip-10-0-0-10"
};
class ClusterNames : public testing::TestWithParam<Row> {};

TEST_P(ClusterNames, AreTheSameEverywhere) {
  if (auto const why = no_cluster_because(); !why.empty()) GTEST_SKIP() << why;
  ClusterRegion region({.members = "a", .workers = 1, .dhcp_domain = GetParam().domain});
  ASSERT_TRUE(region.gets_ready());
  auto const state = region.command("state");
  for (auto const& each : state.find("instances")->items()) {
    auto const id = each.text_at("id");
    ASSERT_TRUE(region.comes_true([&] { return region.is_ready(id); })) << region.told();
    auto const dns = each.text_at("hostname");
    auto const label = dns.substr(0, dns.find('.'));
    // A worker's comes from the master that has signed for it, who has it from EC2, which knows
    // nothing of a DHCP option.
    bool const is_worker = each.text_at("role") == "worker";
    auto const name =
        label + (is_worker ? std::string(".eu-west-1.compute.internal") : GetParam().ends);
    EXPECT_LE(name.size(), 63u);
    if (!is_worker && name != label + "." + GetParam().domain) {
      EXPECT_THAT(region.sentence(id, "identity"), HasSubstr("'" + name + "'"));
    }
    EXPECT_THAT(region.sh(id, "cat /var/lib/kubelet/kubeadm-flags.env").out,
                HasSubstr("--hostname-override=" + name + " "));
    EXPECT_THAT(region.sh(id, "cat /etc/kubernetes/kubelet.conf").out,
                HasSubstr("name: system:node:" + name + "\n"));
    EXPECT_EQ(region.sh(id, "grep hostnameOverride /etc/kubernetes/kube-proxy.yaml").out,
              "hostnameOverride: " + name + "\n");
    if (each.text_at("role") != "master") continue;
    auto const subject = [&](std::string const& file) {
      return region
          .sh(id,
              "openssl x509 -noout -subject -nameopt multiline -in " + file + " | grep commonName")
          .out;
    };
    EXPECT_THAT(subject("/var/lib/kubelet/pki/kubelet-client-current.pem"),
                HasSubstr("= system:node:" + name + "\n"));
    EXPECT_THAT(subject("/etc/kubernetes/pki/etcd/peer.crt"), HasSubstr("= " + name + "\n"));
    EXPECT_EQ(region
                  .sh(id, "openssl x509 -noout -checkhost " + name +
                              " -in /etc/kubernetes/pki/apiserver.crt")
                  .out,
              "Hostname " + name + " does match certificate\n");
  }
}

INSTANTIATE_TEST_SUITE_P(
    Domains, ClusterNames,
    testing::Values(Row{"several_in_upper_case", "Corp.Example.COM. lab.local",
                        ".corp.example.com"},
                    // ip-10-0-0-10 and this are 63: all that a node's name may have.
                    Row{"as_long_as_can_be", std::string(50, 'd'), "." + std::string(50, 'd')},
                    Row{"too_long", std::string(60, 'd') + ".example.com", ""}),
    [](auto const& row) { return row.param.what; });

}  // namespace
}  // namespace haagent::sim
