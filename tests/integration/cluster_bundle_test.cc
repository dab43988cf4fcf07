// `haagent support-bundle` on a node that is well, on one whose agent is gone while EC2 and its
// metadata are down, and on one whose disk is full.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "agent/base/json.h"
#include "tests/integration/cluster_region.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
using testing::IsSupersetOf;

class ClusterBundle : public SharedCluster<ClusterBundle> {
 public:
  static ClusterPlan plan() { return {.members = "a"}; }

 protected:
  static constexpr char kWhere[] = "masters-a";

  // The files that it has, by their paths below its one folder; unpacked at /tmp/NAME.
  static std::set<std::string> unpacked(std::string const& archive, std::string const& name) {
    auto const done = region().sh(
        kWhere,
        fmt::format("mkdir -p /tmp/{0} && tar --zstd -xf {1} -C /tmp/{0} --strip-components=1 && "
                    "cd /tmp/{0} && find . -type f",
                    name, archive));
    EXPECT_EQ(done.code, 0) << done.out;
    std::set<std::string> files;
    std::string_view rest = done.out;
    while (!rest.empty()) {
      auto const line = rest.substr(0, rest.find('\n'));
      if (line.starts_with("./")) files.emplace(line.substr(2));
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    }
    return files;
  }
  static Tree manifest(std::string const& name) {
    auto const read = region().sh(kWhere, "cat /tmp/" + name + "/MANIFEST.json");
    auto tree = json::parse(read.out);
    EXPECT_TRUE(tree) << read.out;
    return tree.value_or(Tree::map());
  }
  static std::string missing(Tree const& list, std::string_view path) {
    if (auto const* files = list.find("files"))
      for (auto const& each : files->items())
        if (each.text_at("path") == path) return each.text_at("missing");
    return "(not listed)";
  }
};

TEST_F(ClusterBundle, ANodeThatIsWell) {
  auto const made = region().sh(kWhere, "cd /tmp && haagent support-bundle -o /tmp/well.tar.zst");
  ASSERT_EQ(made.code, 0) << made.out;
  EXPECT_EQ(region().sh(kWhere, "stat -c %a /tmp/well.tar.zst").out, "600\n");
  EXPECT_THAT(
      unpacked("/tmp/well.tar.zst", "well"),
      IsSupersetOf({"MANIFEST.json", "status.json", "status.txt", "config.yaml", "metrics.txt",
                    "etcd/main/members.json", "etcd/main/metrics.txt", "etcd/events/members.json",
                    "etcd/main/config.yaml", "ec2/instance.json", "ec2/volumes.json",
                    "kernel/mountinfo.txt", "versions.txt", "processes.txt", "files.txt",
                    "kubernetes/manifests/kube-apiserver.yaml", "kubernetes/kubelet.yaml",
                    "records/volumes.json", "records/kube-files.json"}));
  auto const status = json::parse(region().sh(kWhere, "cat /tmp/well/status.json").out);
  ASSERT_TRUE(status);
  EXPECT_EQ(status->text_at("phase"), "ready");
  EXPECT_EQ(status->text_at("cluster"), kClusterName);
  auto const members = json::parse(region().sh(kWhere, "cat /tmp/well/etcd/main/members.json").out);
  ASSERT_TRUE(members);
  EXPECT_EQ(members->text_at("quorum"), "true");
  auto const volumes = region().sh(kWhere, "cat /tmp/well/ec2/volumes.json").out;
  EXPECT_THAT(volumes, testing::HasSubstr(region().volume_id("main-a")));
  // The keys that this node has are in no file of it.
  auto const keys = region().sh(
      kWhere,
      "for key in $(find /etc/kubernetes /var/lib/haagent -name '*.key'); do sed -n 2p $key; done "
      ">/tmp/keys; test -s /tmp/keys || echo no keys; cd /tmp/well; grep -rl 'PRIVATE KEY' .; "
      "grep -rFf /tmp/keys . | head -n 3");
  EXPECT_EQ(keys.out, "");
}

TEST_F(ClusterBundle, ANodeWhoseAgentIsGoneWhileNothingAnswers) {
  auto const folder = region().sh(kWhere, "ls -A /var/lib/haagent /run/haagent /etc/haagent").out;
  region().sh(kWhere, "pkill -KILL -f '^/usr/sbin/haagent run'");
  region().api("down");
  region().api("down", Tree::map({{"service", "imds"}}));
  auto const made = region().sh(kWhere, "haagent support-bundle --timeout 20 -o /tmp/down.tar.zst");
  region().api("ok");
  region().api("ok", Tree::map({{"service", "imds"}}));
  ASSERT_EQ(made.code, 0) << made.out;
  EXPECT_THAT(unpacked("/tmp/down.tar.zst", "down"),
              IsSupersetOf({"MANIFEST.json", "status.json", "config.yaml", "kernel/mountinfo.txt",
                            "records/volumes.json", "kubernetes/manifests/kube-apiserver.yaml"}));
  auto const list = manifest("down");
  bool told = false;
  for (auto const* path : {"ec2", "ec2/instance.json"})
    told = told || (missing(list, path) != "" && missing(list, path) != "(not listed)");
  EXPECT_TRUE(told) << json::print(list, 2);
  EXPECT_TRUE(region().gets_ready(60s));
  EXPECT_EQ(region().sh(kWhere, "ls -A /var/lib/haagent /run/haagent /etc/haagent").out, folder);
}

TEST_F(ClusterBundle, ANodeWhoseDiskIsFull) {
  // A filesystem of its own: this machine's other tests need their room.
  ASSERT_EQ(region()
                .sh(kWhere,
                    "mkdir -p /tmp/full && mount -t tmpfs -o size=16k,nr_inodes=8 none /tmp/full "
                    "&& (dd if=/dev/zero of=/tmp/full/x bs=4k 2>/dev/null; true)")
                .code,
            0);
  auto const refused = region().sh(kWhere, "cd /tmp/full && haagent support-bundle");
  EXPECT_EQ(refused.code, 1) << refused.out;
  EXPECT_THAT(refused.out, testing::HasSubstr("support-bundle -o -"));
  EXPECT_EQ(region().sh(kWhere, "ls -A /tmp/full").out, "x\n");
  auto const sent =
      region().sh(kWhere, "cd /tmp/full && haagent support-bundle -o - >/tmp/sent.tar.zst");
  EXPECT_EQ(sent.code, 0) << sent.out;
  EXPECT_EQ(region().sh(kWhere, "ls -A /tmp/full; umount /tmp/full").out, "x\n");
  EXPECT_THAT(unpacked("/tmp/sent.tar.zst", "sent"),
              IsSupersetOf({"MANIFEST.json", "status.json"}));
}

}  // namespace
}  // namespace haagent::sim
