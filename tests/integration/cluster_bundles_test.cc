// `haagent support-bundle --cluster` on a region of three masters and a worker, with all of them
// and with one master down.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "agent/base/json.h"
#include "tests/integration/cluster_region.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;

constexpr char const* kWhere = "masters-a";

class ClusterBundles : public SharedCluster<ClusterBundles> {
 public:
  static ClusterPlan plan() { return {.members = "abc", .workers = 1}; }

 protected:
  static std::string host_of(std::string const& group) {
    return region().status(group).at_path("identity")->text_at("hostname");
  }
  static std::string folder_of(std::string const& host) { return host.substr(0, host.find('.')); }

  // What is in it, unpacked at /tmp/NAME: by folder, the files of that.
  static std::map<std::string, std::set<std::string>> unpacked(std::string const& name) {
    auto const done =
        region().sh(kWhere, fmt::format("mkdir -p /tmp/{0} && tar --zstd -xf /tmp/{0}.tar.zst -C "
                                        "/tmp/{0} --strip-components=1 && cd /tmp/{0} && "
                                        "find . -type f | cut -c 3-",
                                        name));
    EXPECT_EQ(done.code, 0) << done.out;
    std::map<std::string, std::set<std::string>> folders;
    for (std::string_view rest = done.out; !rest.empty();) {
      auto const line = std::string(rest.substr(0, rest.find('\n')));
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
      auto const slash = line.find('/');
      if (slash == line.npos) {
        folders[""].insert(line);
      } else {
        folders[line.substr(0, slash)].insert(line.substr(slash + 1));
      }
    }
    return folders;
  }
  // Why each node gave none, by its instance's id; empty: it gave.
  static std::map<std::string, std::string> missing(std::string const& name) {
    auto const tree = json::parse(region().sh(kWhere, "cat /tmp/" + name + "/NODES.json").out);
    EXPECT_TRUE(tree);
    std::map<std::string, std::string> found;
    if (auto const* nodes = tree ? tree->find("nodes") : nullptr)
      for (auto const& each : nodes->items())
        found[each.text_at("instanceId")] = each.text_at("missing");
    return found;
  }
};

TEST_F(ClusterBundles, HasAFolderOfEachMasterAndNoKeyOfAny) {
  auto const made =
      region().sh(kWhere, "haagent support-bundle --cluster -o /tmp/all.tar.zst --timeout 90");
  ASSERT_EQ(made.code, 0) << made.out;
  EXPECT_EQ(region().sh(kWhere, "stat -c %a /tmp/all.tar.zst").out, "600\n");
  auto const folders = unpacked("all");
  EXPECT_EQ(folders.size(), 4u) << "three masters, and what stands beside them";
  EXPECT_THAT(folders.at(""), Contains("NODES.json"));
  for (auto const& group : region().masters()) {
    auto const found = folders.find(folder_of(host_of(group)));
    ASSERT_NE(found, folders.end()) << group;
    EXPECT_THAT(found->second,
                AllOf(Contains("MANIFEST.json"), Contains("status.json"), Contains("config.yaml"),
                      Contains("etcd/main/members.json"), Contains("kernel/mountinfo.txt")))
        << group;
    auto const status =
        json::parse(region().sh(kWhere, "cat /tmp/all/" + found->first + "/status.json").out);
    ASSERT_TRUE(status) << group;
    EXPECT_EQ(status->at_path("identity")->text_at("instanceId"), region().instance_of(group));
  }
  auto const why = missing("all");
  for (auto const& group : region().masters())
    EXPECT_EQ(why.at(region().instance_of(group)), "") << group;
  EXPECT_NE(why.at(region().instance_of("workers")), "");
  // The keys that each master has are in no file of it.
  for (auto const& group : region().masters()) {
    auto const keys = region().sh(
        group,
        "for key in $(find /etc/kubernetes /etc/haagent /var/lib/haagent -name '*.key'); do "
        "sed -n 2p $key; done | sort -u");
    ASSERT_GT(keys.out.size(), 100u) << group;
    region().sh(kWhere, "cat >/tmp/keys <<'END'\n" + keys.out + "END");
    EXPECT_EQ(region().sh(kWhere, "cd /tmp/all; grep -rFf /tmp/keys . | head -n 3").out, "");
  }
  EXPECT_EQ(region().sh(kWhere, "cd /tmp/all; grep -rl 'PRIVATE KEY' .").out, "");
}

// Certificates of this cluster that are not an agent's.
TEST_F(ClusterBundles, AreForMastersAlone) {
  auto const address = region().instance(region().instance_of("masters-b")).text_at("address");
  auto get = [&](std::string const& where, std::string const& with) {
    return region()
        .sh(where, fmt::format("curl -sk -o /dev/null -w '%{{http_code}}' --max-time 20 {} "
                               "https://{}:3999/v1/support-bundle",
                               with, address))
        .out;
  };
  ASSERT_EQ(region()
                .sh(kWhere,
                    "mkdir -p /run/readers; haagent pki issue --client prometheus --out "
                    "/run/readers")
                .code,
            0);
  EXPECT_EQ(get(kWhere, "--cert /run/readers/prometheus.crt --key /run/readers/prometheus.key"),
            "403");
  EXPECT_EQ(get(kWhere,
                "--cert /etc/kubernetes/pki/apiserver-kubelet-client.crt "
                "--key /etc/kubernetes/pki/apiserver-kubelet-client.key"),
            "000");
  EXPECT_EQ(get("workers", ""), "000");
  auto const worker = region().instance(region().instance_of("workers")).text_at("address");
  EXPECT_EQ(region()
                .sh("workers", fmt::format("curl -s -o /dev/null -w '%{{http_code}}' --max-time 20 "
                                           "http://{}:3999/v1/support-bundle",
                                           worker))
                .out,
            "404");
  EXPECT_NE(region().sh("workers", "haagent support-bundle --cluster -o /tmp/x.tar.zst").code, 0);
}

TEST_F(ClusterBundles, OneMasterThatIsDownIsNamedAndSpoilsNothing) {
  auto const down = region().instance_of("masters-c");
  auto const host = host_of("masters-c");
  region().command("freeze", Tree::map({{"instance", "masters-c"}}));
  auto const made =
      region().sh(kWhere, "haagent support-bundle --cluster -o /tmp/two.tar.zst --timeout 40");
  region().command("thaw", Tree::map({{"instance", "masters-c"}}));
  EXPECT_EQ(made.code, 3) << made.out;
  EXPECT_THAT(made.out, HasSubstr(down));
  auto const folders = unpacked("two");
  for (auto const* group : {"masters-a", "masters-b"}) {
    auto const found = folders.find(folder_of(host_of(group)));
    ASSERT_NE(found, folders.end()) << group;
    EXPECT_THAT(found->second, AllOf(Contains("MANIFEST.json"), Contains("status.json")));
  }
  EXPECT_FALSE(folders.contains(folder_of(host)));
  auto const why = missing("two");
  EXPECT_NE(why.at(down), "");
  EXPECT_EQ(why.at(region().instance_of("masters-b")), "");
}

}  // namespace
}  // namespace haagent::sim
