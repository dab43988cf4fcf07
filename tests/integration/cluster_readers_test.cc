// Who reads a master's pages and is no part of the cluster: a certificate of `haagent pki issue`,
// held against everything on a master that asks for one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/base/json.h"
#include "tests/integration/cluster_region.h"

namespace haagent::sim {
namespace {

using testing::HasSubstr;

class ClusterReaders : public SharedCluster<ClusterReaders> {
 public:
  static ClusterPlan plan() { return {.members = "a", .workers = 1}; }

 protected:
  static std::string address() {
    return region().instance(region().instance_of("masters-a")).text_at("address");
  }
  // The status that curl got with the certificate of that name; "000": no answer.
  static std::string curl(std::string const& name, std::string const& more) {
    auto const got = region().sh(
        "masters-a",
        fmt::format("cd /run/readers; curl -s -o body -w '%{{http_code}}' --max-time 10 "
                    "--cert {0}.crt --key {0}.key {1}",
                    name, more));
    return got.out;
  }
};

TEST_F(ClusterReaders, ReadThePagesAndNothingElse) {
  auto const issued = region().sh(
      "masters-a",
      "mkdir -p /run/readers; haagent pki issue --client prometheus --out /run/readers -o json");
  ASSERT_EQ(issued.code, 0) << issued.out;
  auto const tree = json::parse(issued.out);
  ASSERT_TRUE(tree) << issued.out;
  EXPECT_EQ(tree->text_at("key"), "/run/readers/prometheus.key");
  EXPECT_EQ(region().sh("masters-a", "stat -c %a /run/readers/prometheus.key").out, "600\n");

  auto const agent = fmt::format("https://{}:3999", address());
  std::string const ca = "--cacert prometheus.ca.crt ";
  EXPECT_EQ(curl("prometheus", ca + agent + "/metrics"), "200");
  EXPECT_THAT(region().sh("masters-a", "cat /run/readers/body").out, HasSubstr("haagent_phase"));
  EXPECT_EQ(curl("prometheus", ca + agent + "/v1/status"), "200");
  auto const hello = fmt::format(
      R"('{{"schema": 1, "cluster": "{}", "members": {{"main": "a", "events": "a"}}, )"
      R"("instanceId": "i-0123456789abcdef0", "address": "{}", "since": "2026-01-15T10:15:00.000Z"}}')",
      kClusterName, address());
  EXPECT_EQ(curl("prometheus", ca + agent + "/v1/hello -d " + hello), "403");
  // etcd and the apiserver go by other authorities, whatever they are told of this one.
  for (auto const* port : {"2379", "2380", "2389", "2390"})
    EXPECT_EQ(curl("prometheus", fmt::format("-k https://{}:{}/version", address(), port)), "000")
        << port;
  // With etcd's own client it is there.
  EXPECT_EQ(
      region()
          .sh("masters-a", fmt::format("curl -s -o /dev/null -w '%{{http_code}}' -k --cert "
                                       "/etc/kubernetes/pki/etcd/healthcheck-client.crt --key "
                                       "/etc/kubernetes/pki/etcd/healthcheck-client.key "
                                       "https://{}:2379/version",
                                       address()))
          .out,
      "200");

  auto const again =
      region().sh("masters-a", "haagent pki issue --client prometheus --out /run/readers");
  EXPECT_EQ(again.code, 77) << again.out;
  EXPECT_EQ(curl("prometheus", ca + agent + "/metrics"), "200") << "it was not touched";
  for (auto const* wrong :
       {"--client etcd-a", "--client Prometheus", "--client x/y", "--client other --lifetime 8761h",
        "--client other --lifetime 0s", "--client other --out /run/not-there"})
    EXPECT_NE(
        region().sh("masters-a", fmt::format("cd /run/readers; haagent pki issue {}", wrong)).code,
        0)
        << wrong;
  EXPECT_EQ(region().sh("masters-a", "ls /run/readers | wc -l").out, "4\n");
}

}  // namespace
}  // namespace haagent::sim
