// A cluster from nothing: three zones, three masters, workers; what haagent leaves on them, and
// what a reboot then changes (nothing).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/base/facts.h"
#include "bootstrap/pki/x509.h"
#include "tests/integration/cluster_region.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class ClusterFresh : public SharedCluster<ClusterFresh> {
 public:
  static ClusterPlan plan() { return {.workers = 2}; }
};

TEST_F(ClusterFresh, BothEtcdClustersHaveThreeVotersAndShareTheirKeys) {
  std::set<std::string> ids;
  for (auto cluster : kEtcdClusters) {
    std::set<std::string> of_cluster;
    for (auto const& master : region().masters()) {
      EXPECT_TRUE(region().is_whole(master, cluster, 3)) << master;
      of_cluster.insert(region().cluster_id(master, cluster));
      auto const key = "written-on-" + master;
      EXPECT_TRUE(region().put(master, cluster, key, to_string(cluster).data() + key));
      for (auto const& other : region().masters())
        EXPECT_TRUE(region().comes_true(
            [&] { return region().get(other, cluster, key) == to_string(cluster).data() + key; }));
    }
    EXPECT_EQ(of_cluster.size(), 1u) << testing::PrintToString(of_cluster);
    ids.insert(of_cluster.begin(), of_cluster.end());
  }
  EXPECT_EQ(ids.size(), 2u) << "main and events are one cluster";
}

TEST_F(ClusterFresh, EachMasterHasItsOwnDisksAtTheirPlaces) {
  for (auto const& master : region().masters()) {
    auto const member = master.substr(master.size() - 1);
    for (auto cluster : kEtcdClusters) {
      auto const name = fmt::format("{}-{}", to_string(cluster), member);
      EXPECT_EQ(region().holder_of(name), region().instance_of(master));
      auto const mounted =
          region().run(master, {"findmnt", "-n", "-o", "SOURCE,FSTYPE,OPTIONS",
                                fmt::format("/var/lib/haagent-etcd/{}", to_string(cluster))});
      auto const serial =
          region().sh(master, fmt::format("cat /sys/block/$(basename {})/device/serial",
                                          mounted.out.substr(0, mounted.out.find(' '))));
      auto wanted = region().volume_id(name);
      wanted.erase(wanted.find('-'), 1);
      EXPECT_THAT(serial.out, HasSubstr(wanted));
      for (auto option : {"ext4", "noatime", "nodev", "nosuid", "noexec"})
        EXPECT_THAT(mounted.out, HasSubstr(option));
    }
  }
}

TEST_F(ClusterFresh, TheControlPlaneIsOnMastersAlone) {
  auto const manifests = [&](std::string const& where) {
    return region().sh(where, "cd /etc/kubernetes/manifests && echo *").out;
  };
  for (auto const& master : region().masters())
    EXPECT_EQ(manifests(master),
              "kube-apiserver.yaml kube-controller-manager.yaml kube-proxy.yaml "
              "kube-scheduler.yaml\n");
  auto const state = region().command("state");
  int workers = 0;
  for (auto const& each : state.find("instances")->items()) {
    if (each.text_at("role") != "worker") continue;
    ++workers;
    auto const id = each.text_at("id");
    ASSERT_TRUE(region().comes_true([&] { return region().is_ready(id); }));
    EXPECT_EQ(manifests(id), "kube-proxy.yaml\n");
    auto const kubelet = region().sh(id, "cat /etc/kubernetes/kubelet.conf").out;
    EXPECT_THAT(kubelet, HasSubstr("server: https://10.255.0.10"));
    EXPECT_EQ(region().sh(id, "find /var/lib/haagent-etcd 2>/dev/null").out, "");
  }
  EXPECT_EQ(workers, 2);
}

// No secret in its image, none in its user-data: it proves that it has the role of a worker.
TEST_F(ClusterFresh, AWorkerProvesWhoItIsAndIsGivenItsCertificates) {
  auto const id = region().instance_of("workers");
  ASSERT_TRUE(region().comes_true([&] { return region().is_ready(id); }));
  EXPECT_TRUE(region().has_reason(id, "join", Reason::Joined)) << region().sentence(id, "join");
  EXPECT_EQ(region().calls(id)["sts:GetCallerIdentity"] > 0, true);
  auto const read = [&](std::string const& where, std::string const& file) {
    return region().sh(where, "cat " + file).out;
  };
  auto const ca = read("masters-a", "/etc/kubernetes/pki/ca.crt");
  EXPECT_EQ(read(id, "/etc/kubernetes/pki/ca.crt"), ca);
  auto const now = SystemClock().utc();
  std::pair<char const*, char const*> const files[] = {
      {"/var/lib/kubelet/pki/kubelet-client-current.pem", "system:node:"},
      {"/var/lib/kubelet/pki/kubelet.crt", "system:node:"},
      {"/etc/kubernetes/pki/kube-proxy/client.crt", "system:kube-proxy"}};
  for (auto const& [file, owner] : files) {
    auto const pem = read(id, file);
    auto const certificate = bootstrap::pki::parse_certificate(pem);
    ASSERT_TRUE(certificate) << file;
    EXPECT_TRUE(certificate->common_name.starts_with(owner)) << certificate->common_name;
    EXPECT_TRUE(bootstrap::pki::verify(pem, ca, now)) << file;
  }
  EXPECT_EQ(region().sh(id, "stat -c %a /var/lib/kubelet/pki/kubelet.key").out, "600\n");
  // Signed once, and written down where every master finds it.
  EXPECT_THAT(region().get("masters-b", EtcdCluster::main, "/haagent.io/nodes/" + id),
              HasSubstr("keyHash"));
  EXPECT_EQ(region().sh(id, "test -s /etc/kubernetes/manifests/kube-proxy.yaml").code, 0);
  EXPECT_THAT(read(id, "/var/lib/kubelet/kubeadm-flags.env"), HasSubstr("--hostname-override="));
}

TEST_F(ClusterFresh, TheReplicatedEndpointAnswersFromAWorker) {
  auto const worker = [&] {
    auto const state = region().command("state");
    for (auto const& each : state.find("instances")->items())
      if (each.text_at("role") == "worker") return each.text_at("id");
    return std::string();
  }();
  EXPECT_TRUE(region().comes_true([&] {
    return region().run(worker, {"curl", "-skf", "-m", "2", "https://10.255.0.10/readyz"}).code ==
           0;
  }));
}

TEST_F(ClusterFresh, TheClusterPageNamesEverybody) {
  Outcome page;
  EXPECT_TRUE(region().comes_true([&] {
    page = region().run("masters-b", {"haagent", "status", "--cluster"});
    return page.code == 0;
  })) << page.out;
  auto const state = region().command("state");
  for (auto const& each : state.find("instances")->items())
    EXPECT_THAT(page.out, HasSubstr(each.text_at("id")));
  for (auto const& each : state.find("volumes")->items()) {
    if (auto const id = each.text_at("id"); !each.text_at("name").empty()) {
      EXPECT_THAT(page.out, HasSubstr(id));
    }
  }
  for (auto name : {"etcd-a", "etcd-b", "etcd-c", "etcd-events-a", "etcd-events-b", "etcd-events-c",
                    "3 of 3 voters"})
    EXPECT_THAT(page.out, HasSubstr(name));
}

// What an instance has on its disks, but for logs, the record of each boot and etcd's own data:
// path to bytes and time.
std::map<std::string, std::string> disk_of(ClusterRegion const& region, std::string const& id) {
  namespace fs = std::filesystem;
  std::map<std::string, std::string> found;
  auto const root = region.root_disk(id);
  for (auto entry = fs::recursive_directory_iterator(root); entry != fs::end(entry); ++entry) {
    auto const path = "/" + entry->path().lexically_relative(root).string();
    if (path == "/var/log" || path == "/var/lib/haagent/boots") {
      entry.disable_recursion_pending();
      continue;
    }
    found[path] = fmt::format("{} ", entry->last_write_time().time_since_epoch().count());
    if (entry->is_regular_file() && !entry->is_symlink())
      found[path] += test::bytes_of(entry->path());
  }
  EXPECT_TRUE(found.contains("/etc/kubernetes/manifests/kube-apiserver.yaml"));
  EXPECT_TRUE(found.contains("/var/lib/haagent/volumes.json"));
  for (auto cluster : {"main", "events"})
    found[cluster] =
        region
            .sh(id, fmt::format("cd /var/lib/haagent-etcd/{} && stat -c '%y %n' . haagent.json && "
                                "cat haagent.json",
                                cluster))
            .out;
  return found;
}

void reboot(ClusterRegion const& region, std::string const& id) {
  auto const boot_id = [&] { return region.sh(id, "cat /proc/sys/kernel/random/boot_id").out; };
  auto const before = region.status(id).text_at("started");
  auto const boot_before = boot_id();
  ASSERT_NE(before, "");
  region.command("reboot", Tree::map({{"instances", Tree::list({id})}}));
  ASSERT_TRUE(region.comes_true([&] {
    auto const started = region.status(id).text_at("started");
    return !started.empty() && started != before && region.is_ready(id);
  }));
  EXPECT_NE(boot_id(), boot_before);
}

TEST_F(ClusterFresh, ARebootNeedsNoEc2AndWritesNothing) {
  auto const id = region().instance_of("masters-a");
  // What etcd says of its versions comes to the volumes a little later.
  ASSERT_TRUE(region().comes_true([&] {
    return region()
               .sh(id,
                   "cd /var/lib/haagent-etcd && grep -q etcdDataVersion main/haagent.json && "
                   "grep -q etcdDataVersion events/haagent.json")
               .code == 0;
  }));
  auto const disk = disk_of(region(), id);
  ASSERT_TRUE(region().put(id, EtcdCluster::main, "before-the-reboot", "kept"));

  region().command("reset-counts");
  region().api("down");
  reboot(region(), id);
  for (auto cluster : kEtcdClusters)
    EXPECT_TRUE(region().comes_true([&] { return region().is_whole(id, cluster, 3); }));
  EXPECT_TRUE(region().has(id, EtcdCluster::main, "before-the-reboot", "kept"));
  for (auto const& [action, count] : region().calls(id))
    EXPECT_FALSE(action.starts_with("ec2:")) << action << " " << count;
  EXPECT_EQ(disk_of(region(), id), disk);

  // Nor does it ask where EC2 would answer.
  region().api("ok");
  reboot(region(), id);
  for (auto const& [action, count] : region().calls(id))
    EXPECT_FALSE(action.starts_with("ec2:")) << action << " " << count;
  EXPECT_EQ(disk_of(region(), id), disk);
}

// init starts the agent again; what it cares for goes on meanwhile.
TEST_F(ClusterFresh, EtcdOutlivesItsAgent) {
  auto const pids = [&] { return region().run("masters-c", {"pgrep", "-x", "etcd"}).out; };
  auto const before = pids();
  auto const status = region().status("masters-c");
  ASSERT_NE(before, "");
  auto const agent = status.text_at("pid");
  // In one go, since init is back within a second; again where init was faster than the question.
  auto const between = region().sh(
      "masters-c",
      "for i in 1 2 3 4 5 6 7 8 9; do agent=$(pgrep -f '^/usr/sbin/haagent run') || continue; "
      "kill -9 $agent; while kill -0 $agent 2>/dev/null; do :; done; "
      "page=$(haagent status 2>&1); code=$?; "
      "case $page in *'haagent is not running'*) break ;; esac; sleep 1; done; "
      "echo \"$page\"; exit $code");
  EXPECT_EQ(between.code, 1);
  EXPECT_THAT(between.out, HasSubstr("haagent is not running"));

  ASSERT_TRUE(region().comes_true([&] {
    auto const now = region().status("masters-c").text_at("pid");
    return !now.empty() && now != agent && region().is_ready("masters-c");
  }));
  EXPECT_EQ(pids(), before);
}

}  // namespace
}  // namespace haagent::sim
