#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <fstream>
#include <thread>

#include "agent/base/file_descriptor.h"
#include "agent/base/files.h"
#include "tests/integration/region_process.h"
#include "tests/sim/cgroups.h"
#include "tests/sim/leftovers.h"
#include "tests/sim/machine_program.h"
#include "tests/sim/namespace_hosts.h"
#include "tests/support/mentions.h"
#include "tests/support/temporary_directory.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::uint64_t kMiB = 1u << 20u;
constexpr char const* kProbe = "/usr/lib/haagent-sim/probe";
constexpr char const* kOne = "i-0000000000000aaa1";
constexpr char const* kTwo = "i-0000000000000bbb2";
constexpr char const* kThree = "i-0000000000000ccc3";
constexpr char const* kFour = "i-0000000000000ddd4";
constexpr char const* kVolume = "vol-0123456789abcdef0";
constexpr char const* kOther = "vol-0fedcba9876543210";

InstanceSpec spec_of(std::string const& id, std::string const& address, std::string const& zone,
                     std::vector<std::string> argv = {}) {
  return {id, zone, address, "host-" + id, {{"/etc/role", "master\n"}}, std::move(argv)};
}
// Two zones; kOne lives in the first, kTwo in the second.
InstanceSpec one(std::vector<std::string> argv = {}) {
  return spec_of(kOne, "10.0.0.10", "eu-west-1a", std::move(argv));
}
InstanceSpec two(std::vector<std::string> argv = {}) {
  return spec_of(kTwo, "10.0.16.10", "eu-west-1b", std::move(argv));
}
std::vector<std::string> etcd_at(std::string const& address) {
  return {"etcd", "--data-dir=/var/lib/etcd-test", "--listen-client-urls=http://0.0.0.0:2379",
          "--advertise-client-urls=http://" + address + ":2379"};
}

template <class T>
void expect_ok(Result<T> const& result) {
  EXPECT_TRUE(result.has_value()) << result.error().message.text;
}

std::unique_ptr<NamespaceHosts> make_hosts(RegionNamespaces const& region,
                                           bool tls_health_check = false) {
  NamespaceHosts::Options options;
  auto here = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  options.image.files = {{kProbe, here / "haagent-sim-probe"}};
  options.load_balancer.tls_health_check = tls_health_check;
  options.load_balancer.health_interval = 100ms;
  auto hosts = NamespaceHosts::create(region, options);
  if (!hosts) {
    ADD_FAILURE() << hosts.error().message.text;
    return nullptr;
  }
  expect_ok((*hosts)->create_zone({"eu-west-1a", "10.0.0.1"}));
  expect_ok((*hosts)->create_zone({"eu-west-1b", "10.0.16.1"}));
  return std::move(*hosts);
}

// What the program printed; the error's text where it failed.
std::string run(NamespaceHosts& hosts, std::string const& id, std::vector<std::string> argv) {
  auto output = hosts.execute(id, argv);
  return output ? *output : "FAILED " + output.error().message.text;
}
std::string shell(NamespaceHosts& hosts, std::string const& id, std::string const& script) {
  return run(hosts, id, {"sh", "-ec", script});
}
bool reaches(NamespaceHosts& hosts, std::string const& from, std::string const& url,
             std::string const& seconds = "1") {
  return run(hosts, from, {"curl", "-sf", "-m", seconds, url}).find("FAILED") == std::string::npos;
}
// By one request: a machine with much to do is slow to answer it, and nothing more.
bool reaches_at_once(NamespaceHosts& hosts, std::string const& from, std::string const& url) {
  return reaches(hosts, from, url, "10");
}

// Counts in a pid namespace of its own, so that a look into the instance's does not find it there.
constexpr char const* kContainer = R"(
set -e
for each in /sys/fs/cgroup/*; do
  mkdir -p $each/pod
  echo $$ >$each/pod/cgroup.procs
done
cd /var/lib/containerd
mkdir -p lower upper work rootfs
mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work overlay rootfs
exec unshare --pid --mount --fork --mount-proc --cgroup sh -ec '
  mknod rootfs/null c 1 3
  stat -c "%F %t %T" rootfs/null | sed "s/character special file/c/" >rootfs/told
  count=0
  while :; do count=$((count + 1)); echo $count >rootfs/count; sleep 0.02; done'
)";

bool cgroups_unavailable() {
  return cgroup_hierarchies(*read_file("/proc/self/mountinfo").value()).empty();
}

// From outside: the instance may be frozen.
int read_count(RegionNamespaces const& region) {
  auto const text =
      read_file(region.work / "instances" / kOne / "containerd" / "upper" / "count").value();
  return text ? std::atoi(text->c_str()) : 0;
}

class HostsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (auto why = no_region_because(); !why.empty()) GTEST_SKIP() << why;
  }
};

TEST_F(HostsTest, AnInstanceIsAMachineOfItsOwn) {
  in_region([](RegionNamespaces const& region) {
    auto hosts = make_hosts(region);
    ASSERT_TRUE(hosts);
    expect_ok(hosts->start(one({"sh", "-c", "echo started; sleep 1000"}), {}));
    EXPECT_EQ(run(*hosts, kOne, {"hostname"}), std::string("host-") + kOne + "\n");
    EXPECT_EQ(run(*hosts, kOne, {"cat", "/etc/role"}), "master\n");
    EXPECT_EQ(run(*hosts, kOne, {"cat", "/proc/1/comm"}), "init\n");
    EXPECT_EQ(run(*hosts, kOne, {"ls", "/tmp"}), "");
    EXPECT_EQ(run(*hosts, kOne, {"ls", "/root"}), "");
    EXPECT_THAT(run(*hosts, kOne, {"ls", "/dev"}), Not(HasSubstr("loop")));
    EXPECT_THAT(run(*hosts, kOne, {"ip", "-o", "addr"}), HasSubstr("10.0.0.10/20"));
    EXPECT_TRUE(
        eventually([&] { return run(*hosts, kOne, {"cat", "/var/log/sh.log"}) == "started\n"; }));
    EXPECT_TRUE(test::mentions(run(*hosts, kOne, {"false"}), "ended with 1"));
    // Nothing of the region's own is open inside.
    EXPECT_EQ(shell(*hosts, kOne, "readlink /proc/1/fd/*"), "/dev/null\n/dev/null\n/dev/null\n");
  });
}

TEST_F(HostsTest, ZonesAreRouted) {
  in_region([](RegionNamespaces const& region) {
    auto hosts = make_hosts(region);
    ASSERT_TRUE(hosts);
    expect_ok(hosts->start(one(etcd_at("10.0.0.10")), {}));
    expect_ok(hosts->start(two(), {}));
    // Keeps the first zone's bridge alive meanwhile.
    expect_ok(hosts->start(spec_of(kFour, "10.0.0.12", "eu-west-1a"), {}));
    auto url = "http://10.0.0.10:2379/health";
    EXPECT_TRUE(eventually([&] { return reaches(*hosts, kTwo, url); }));
    // A successor at the same address is reached at once: no neighbour remembers the old one.
    expect_ok(hosts->destroy(kOne));
    expect_ok(hosts->start(spec_of(kThree, "10.0.0.10", "eu-west-1a", etcd_at("10.0.0.10")), {}));
    ASSERT_TRUE(eventually([&] { return reaches(*hosts, kThree, url); }));
    EXPECT_TRUE(reaches_at_once(*hosts, kTwo, url));
  });
}

// Answers every connection with the address that it came from.
class Listener {
 public:
  Listener(std::string const& address, std::uint16_t port) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    ::inet_pton(AF_INET, address.c_str(), &at.sin_addr);
    socket_ = FileDescriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
    EXPECT_EQ(::listen(socket_.get(), 8), 0);
    thread_ = std::thread([this] { serve(); });
  }
  ~Listener() {
    ::shutdown(socket_.get(), SHUT_RDWR);
    thread_.join();
  }

 private:
  void serve() {
    for (;;) {
      sockaddr_in from{};
      socklen_t size = sizeof from;
      FileDescriptor peer(::accept(socket_.get(), reinterpret_cast<sockaddr*>(&from), &size));
      if (!peer) return;
      char request[4096], name[INET_ADDRSTRLEN];
      if (::read(peer.get(), request, sizeof request) < 0) continue;
      std::string text = "HTTP/1.0 200 OK\r\n\r\n";
      text += ::inet_ntop(AF_INET, &from.sin_addr, name, sizeof name);
      if (::send(peer.get(), text.data(), text.size(), MSG_NOSIGNAL) < 0) continue;
    }
  }

  FileDescriptor socket_;
  std::thread thread_;
};

TEST_F(HostsTest, MetadataServiceSeesTheAddressOfTheInstance) {
  in_region([](RegionNamespaces const& region) {
    auto hosts = make_hosts(region);
    ASSERT_TRUE(hosts);
    Listener imds("169.254.169.254", 80);
    expect_ok(hosts->start(one(), {}));
    expect_ok(hosts->start(two(), {}));
    EXPECT_EQ(run(*hosts, kOne, {"curl", "-sf", "-m", "5", "http://169.254.169.254/"}),
              "10.0.0.10");
    EXPECT_EQ(run(*hosts, kTwo, {"curl", "-sf", "-m", "5", "http://169.254.169.254/"}),
              "10.0.16.10");
  });
}

TEST_F(HostsTest, TheGatewayIsTheSameForItsNeighboursWhoeverComesAndGoes) {
  in_region([](RegionNamespaces const& region) {
    auto hosts = make_hosts(region);
    ASSERT_TRUE(hosts);
    expect_ok(hosts->start(one(), {}));
    EXPECT_THAT(shell(*hosts, kOne, "curl -s -m 1 http://10.0.0.1/ || ip neigh show 10.0.0.1"),
                HasSubstr("lladdr 02:00:0a:00:00:01"));
  });
}

TEST_F(HostsTest, PluggedVolumeIsSeenByLibudev) {
  in_region([](RegionNamespaces const& region) {
    auto hosts = make_hosts(region);
    ASSERT_TRUE(hosts);
    expect_ok(hosts->start(one({kProbe, "watch", "60"}), {}));
    auto log = [&] { return run(*hosts, kOne, {"cat", "/var/log/probe.log"}); };
    ASSERT_TRUE(eventually([&] { return log() == "listening\n"; })) << log();
    EXPECT_EQ(run(*hosts, kOne, {kProbe, "list"}),
              "/dev/nvme0n1 259:0 vol0000000000000aaa1 vol0000000000000aaa1 16777216\n");

    expect_ok(hosts->create_volume(kVolume, 64 * kMiB));
    expect_ok(hosts->plug(kVolume, kOne, "/dev/sdf"));
    EXPECT_TRUE(eventually([&] {
      return log() == "listening\nadd /dev/nvme1n1 vol0123456789abcdef0\n";
    })) << log();
    auto list = run(*hosts, kOne, {kProbe, "list"});
    EXPECT_THAT(list, HasSubstr(" vol0123456789abcdef0 vol0123456789abcdef0 131072\n"));
    auto number = run(*hosts, kOne, {"stat", "-c", "%Hr:%Lr", "/dev/nvme1n1"});
    EXPECT_THAT(list, HasSubstr("/dev/nvme1n1 " + number.substr(0, number.size() - 1) + " "));
    EXPECT_EQ(run(*hosts, kOne, {"cat", "/sys/class/block/nvme1n1/device/serial"}),
              "vol0123456789abcdef0\n");
    EXPECT_EQ(run(*hosts, kOne, {"cat", "/sys/block/nvme1n1/device/model"}),
              "Amazon Elastic Block Store              \n");
    EXPECT_EQ(run(*hosts, kOne, {"blockdev", "--getsize64", "/dev/nvme1n1"}), "67108864\n");
    EXPECT_EQ(run(*hosts, kOne,
                  {"readlink", "-f",
                   "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0123456789abcdef0"}),
              "/dev/nvme1n1\n");

    expect_ok(hosts->unplug(kVolume, kOne));
    EXPECT_TRUE(eventually([&] {
      return log().ends_with("remove /dev/nvme1n1 vol0123456789abcdef0\n");
    })) << log();
    EXPECT_THAT(run(*hosts, kOne, {kProbe, "list"}), Not(HasSubstr("nvme1")));
    EXPECT_THAT(run(*hosts, kOne, {"find", "/dev", "/sys", "/run/udev", "-name", "*nvme1*"}), "");
  });
}

TEST_F(HostsTest, NumbersCanRunAgainstTheOrderOfAttachment) {
  in_region([](RegionNamespaces const& region) {
    auto hosts = make_hosts(region);
    ASSERT_TRUE(hosts);
    hosts->set_device_options({.swap_nvme_order = true});
    expect_ok(hosts->start(one(), {}));
    for (auto volume : {kVolume, kOther}) {
      expect_ok(hosts->create_volume(volume, kMiB));
      expect_ok(hosts->plug(volume, kOne, "/dev/sdf"));
    }
    EXPECT_EQ(
        run(*hosts, kOne,
            {"cat", "/sys/block/nvme26n1/device/serial", "/sys/block/nvme25n1/device/serial"}),
        "vol0123456789abcdef0\nvol0fedcba9876543210\n");
    hosts->set_device_options({});
    expect_ok(hosts->stop(kOne, Hosts::Stop::power_cut));
    expect_ok(hosts->start(one(), {}));
    EXPECT_EQ(run(*hosts, kOne,
                  {"cat", "/sys/block/nvme1n1/device/serial", "/sys/block/nvme2n1/device/serial"}),
              "vol0123456789abcdef0\nvol0fedcba9876543210\n");
  });
}

TEST_F(HostsTest, DeviceComesLateAndWithoutUdev) {
  in_region([](RegionNamespaces const& region) {
    auto hosts = make_hosts(region);
    ASSERT_TRUE(hosts);
    hosts->set_device_options({.udev = false, .node_delay = 700ms});
    expect_ok(hosts->start(one(), {}));
    EXPECT_THAT(run(*hosts, kOne, {"ls", "/run"}), Not(HasSubstr("udev")));
    expect_ok(hosts->create_volume(kVolume, kMiB));
    auto before = std::chrono::steady_clock::now();
    expect_ok(hosts->plug(kVolume, kOne, "/dev/sdf"));
    EXPECT_TRUE(eventually(
        [&] { return run(*hosts, kOne, {"ls", "/dev"}).find("nvme1n1") != std::string::npos; }));
    EXPECT_GE(std::chrono::steady_clock::now() - before, 700ms);
    EXPECT_EQ(run(*hosts, kOne, {kProbe, "list"}), "");
    EXPECT_EQ(run(*hosts, kOne, {"ls", "/dev/disk/by-id"}), "");
    // Unplugged before it shows, it never does.
    expect_ok(hosts->create_volume(kOther, kMiB));
    expect_ok(hosts->plug(kOther, kOne, "/dev/sdg"));
    expect_ok(hosts->unplug(kOther, kOne));
    EXPECT_THAT(run(*hosts, kOne, {"ls", "/dev"}), Not(HasSubstr("nvme2n1")));
  });
}

TEST_F(HostsTest, DisksKeepTheirDataOverAReboot) {
  in_region([](RegionNamespaces const& region) {
    auto hosts = make_hosts(region);
    ASSERT_TRUE(hosts);
    expect_ok(hosts->create_volume(kVolume, 64 * kMiB));
    expect_ok(hosts->start(one(), {}));
    expect_ok(hosts->plug(kVolume, kOne, "/dev/sdf"));
    EXPECT_EQ(shell(*hosts, kOne,
                    "mkfs.ext4 -q /dev/nvme1n1; mkdir /mnt/v; mount /dev/nvme1n1 /mnt/v;"
                    "echo data > /mnt/v/file; echo root > /etc/role; echo run > /run/file"),
              "");
    EXPECT_THAT(run(*hosts, kOne, {"blkid", "/dev/nvme1n1"}), HasSubstr("TYPE=\"ext4\""));
    expect_ok(hosts->stop(kOne, Hosts::Stop::shutdown));
    EXPECT_TRUE(test::mentions(run(*hosts, kOne, {"true"}), "not running"));
    expect_ok(hosts->start(one(), {}));
    EXPECT_EQ(shell(*hosts, kOne,
                    "mount /dev/nvme1n1 /mnt/v; cat /mnt/v/file /etc/role; ls /run/file || true"),
              "data\nroot\nls: cannot access '/run/file': No such file or directory\n");
    expect_ok(hosts->destroy(kOne));
    expect_ok(hosts->start(one(), {}));
    EXPECT_EQ(run(*hosts, kOne, {"cat", "/etc/role"}), "master\n");
    EXPECT_THAT(run(*hosts, kOne, {"ls", "/dev"}), Not(HasSubstr("nvme")));
  });
}

class PowerCut : public HostsTest, public ::testing::WithParamInterface<char const*> {};

TEST_P(PowerCut, LosesWhatWasNotFlushedAndNothingElse) {
  in_region([](RegionNamespaces const& region) {
    auto hosts = make_hosts(region);
    ASSERT_TRUE(hosts);
    expect_ok(hosts->create_volume(kVolume, 512 * kMiB));
    expect_ok(hosts->start(one(), {}));
    expect_ok(hosts->start(two(), {}));
    expect_ok(hosts->plug(kVolume, kOne, "/dev/sdf"));
    EXPECT_EQ(shell(*hosts, kOne,
                    std::string(GetParam()) +
                        " -q /dev/nvme1n1; mkdir '/mnt/a b'; mount /dev/nvme1n1 '/mnt/a b';"
                        "cd '/mnt/a b'; sync -f .; echo kept > kept; sync kept; echo lost > lost"),
              "");
    expect_ok(hosts->stop(kOne, Hosts::Stop::power_cut));
    expect_ok(hosts->unplug(kVolume, kOne));
    expect_ok(hosts->plug(kVolume, kTwo, "/dev/sdf"));
    EXPECT_EQ(shell(*hosts, kTwo, "mount /dev/nvme1n1 /mnt; cd /mnt; cat kept; ls lost || true"),
              "kept\nls: cannot access 'lost': No such file or directory\n");
  });
}

INSTANTIATE_TEST_SUITE_P(FileSystems, PowerCut, ::testing::Values("mkfs.ext4", "mkfs.xfs"),
                         [](auto const& each) { return std::string(each.param).substr(5); });

TEST_F(HostsTest, MountedVolumeStaysUntilItIsUnmounted) {
  in_region([](RegionNamespaces const& region) {
    auto hosts = make_hosts(region);
    ASSERT_TRUE(hosts);
    expect_ok(hosts->create_volume(kVolume, 64 * kMiB));
    expect_ok(hosts->start(one(), {}));
    expect_ok(hosts->plug(kVolume, kOne, "/dev/sdf"));
    EXPECT_EQ(shell(*hosts, kOne, "mkfs.ext4 -q /dev/nvme1n1; mount /dev/nvme1n1 /mnt"), "");
    auto refused = hosts->unplug(kVolume, kOne);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, Kind::conflict) << refused.error().message.text;
    EXPECT_EQ(hosts->delete_volume(kVolume).error().kind, Kind::conflict);
    EXPECT_EQ(hosts->plug(kVolume, kOne, "/dev/sdg").error().kind, Kind::conflict);
    EXPECT_EQ(shell(*hosts, kOne, "echo still > /mnt/here; umount /mnt"), "");
    expect_ok(hosts->unplug(kVolume, kOne));
    expect_ok(hosts->delete_volume(kVolume));
    EXPECT_FALSE(std::filesystem::exists(hosts->volume_file(kVolume)));
  });
}

TEST_F(HostsTest, SnapshotIsAnotherVolumeWithTheSameBytes) {
  in_region([](RegionNamespaces const& region) {
    auto hosts = make_hosts(region);
    ASSERT_TRUE(hosts);
    expect_ok(hosts->create_volume(kVolume, 64 * kMiB));
    expect_ok(hosts->start(one(), {}));
    expect_ok(hosts->plug(kVolume, kOne, "/dev/sdf"));
    EXPECT_EQ(shell(*hosts, kOne,
                    "mkfs.ext4 -q /dev/nvme1n1; mount /dev/nvme1n1 /mnt; echo old > /mnt/file;"
                    "umount /mnt"),
              "");
    expect_ok(hosts->create_volume(kOther, 128 * kMiB, hosts->volume_file(kVolume)));
    expect_ok(hosts->plug(kOther, kOne, "/dev/sdg"));
    EXPECT_EQ(shell(*hosts, kOne, "mount /dev/nvme2n1 /mnt; cat /mnt/file"), "old\n");
    EXPECT_EQ(hosts->create_volume("vol-0", kMiB, hosts->volume_file(kVolume)).error().kind,
              Kind::invalid);
  });
}

TEST_F(HostsTest, BrokenDisksGiveRealErrors) {
  in_region([](RegionNamespaces const& region) {
    auto hosts = make_hosts(region);
    ASSERT_TRUE(hosts);
    expect_ok(hosts->start(one(), {}));
    for (auto volume : {kVolume, kOther}) expect_ok(hosts->create_volume(volume, 64 * kMiB));
    expect_ok(hosts->plug(kVolume, kOne, "/dev/sdf"));
    auto read = "dd if=/dev/nvme1n1 of=/dev/null bs=4096 count=1 2>&1 || true";
    EXPECT_THAT(shell(*hosts, kOne, read), Not(HasSubstr("Input/output error")));
    expect_ok(hosts->break_volume(kVolume, DiskFault::unreadable));
    EXPECT_THAT(shell(*hosts, kOne, read), HasSubstr("Input/output error"));
    EXPECT_EQ(run(*hosts, kOne, {"blockdev", "--getsize64", "/dev/nvme1n1"}), "67108864\n");

    expect_ok(hosts->break_volume(kOther, DiskFault::dead));
    expect_ok(hosts->plug(kOther, kOne, "/dev/sdg"));
    EXPECT_THAT(shell(*hosts, kOne,
                      "dd if=/dev/zero of=/dev/nvme2n1 bs=4096 count=1 oflag=direct 2>&1 || true"),
                HasSubstr("dd: error writing"));
    EXPECT_EQ(run(*hosts, kOne, {"cat", "/sys/block/nvme2n1/size"}), "131072\n");
  });
}

TEST_F(HostsTest, FrozenInstanceAnswersNobodyUntilThawed) {
  in_region([](RegionNamespaces const& region) {
    auto hosts = make_hosts(region);
    ASSERT_TRUE(hosts);
    expect_ok(hosts->start(one(etcd_at("10.0.0.10")), {}));
    expect_ok(hosts->start(two(), {}));
    auto url = "http://10.0.0.10:2379/health";
    ASSERT_TRUE(eventually([&] { return reaches(*hosts, kTwo, url); }));
    expect_ok(hosts->freeze(kOne, true));
    EXPECT_FALSE(reaches(*hosts, kTwo, url));
    expect_ok(hosts->freeze(kOne, false));
    EXPECT_TRUE(eventually([&] { return reaches(*hosts, kTwo, url); }));
    // Frozen, it can still lose its power.
    expect_ok(hosts->freeze(kOne, true));
    expect_ok(hosts->stop(kOne, Hosts::Stop::power_cut));
  });
}

TEST_F(HostsTest, PartitionCutsOffBetweenZonesAndWithinOne) {
  in_region([](RegionNamespaces const& region) {
    auto hosts = make_hosts(region);
    ASSERT_TRUE(hosts);
    Listener imds("169.254.169.254", 80);
    expect_ok(hosts->start(one(etcd_at("10.0.0.10")), {}));
    expect_ok(hosts->start(two(), {}));
    expect_ok(hosts->start(spec_of(kThree, "10.0.0.11", "eu-west-1a"), {}));
    auto url = "http://10.0.0.10:2379/health";
    auto both = [&](bool wanted) {
      return reaches(*hosts, kTwo, url) == wanted && reaches(*hosts, kThree, url) == wanted;
    };
    ASSERT_TRUE(eventually([&] { return both(true); }));
    expect_ok(hosts->partition({"10.0.0.10"}, {"10.0.16.10", "10.0.0.11"}));
    EXPECT_TRUE(both(false));
    EXPECT_TRUE(reaches_at_once(*hosts, kOne, "http://169.254.169.254/"));
    expect_ok(hosts->heal());
    EXPECT_TRUE(eventually([&] { return both(true); }));
    EXPECT_EQ(hosts->partition({"10.0.0.10"}, {"everybody"}).error().kind, Kind::invalid);
  });
}

InstanceSpec with_apiserver(InstanceSpec spec, std::string const& version,
                            std::vector<std::string> const& flags = {
                                "--etcd-servers=http://127.0.0.1:2379"}) {
  std::string lines;
  for (auto const& flag : flags) lines += "    - " + flag + "\n";
  spec.files.emplace_back("/etc/kubernetes/manifests/kube-apiserver.yaml",
                          "spec:\n"
                          "  containers:\n"
                          "  - image: registry.k8s.io/kube-apiserver:" +
                              version +
                              "\n"
                              "    command:\n"
                              "    - kube-apiserver\n" +
                              lines);
  return spec;
}

TEST_F(HostsTest, LoadBalancerFollowsTargetsAndTheirHealth) {
  in_region([](RegionNamespaces const& region) {
    auto hosts = make_hosts(region);
    ASSERT_TRUE(hosts);
    expect_ok(hosts->start(with_apiserver(one(etcd_at("10.0.0.10")), "v1.33.1"), {}));
    expect_ok(hosts->start(with_apiserver(two(etcd_at("10.0.16.10")), "v1.33.2"), {}));
    expect_ok(hosts->start(spec_of(kFour, "10.0.0.12", "eu-west-1a"), {}));
    auto url = "http://" + hosts->load_balancer_address() + ":443/version";
    auto says = [&](std::string const& version) {
      return eventually([&] {
        return run(*hosts, kFour, {"curl", "-sf", "-m", "2", url}).find(version) !=
               std::string::npos;
      });
    };
    EXPECT_FALSE(reaches(*hosts, kFour, url));
    expect_ok(hosts->set_targets({"10.0.0.10"}));
    EXPECT_TRUE(says("v1.33.1"));
    expect_ok(hosts->set_targets({"10.0.16.10"}));
    EXPECT_TRUE(says("v1.33.2"));
    expect_ok(hosts->set_targets({"10.0.16.10", "10.0.0.10"}));
    EXPECT_TRUE(says("v1.33.1"));
    // An apiserver without etcd is not ready.
    expect_ok(hosts->stop(kOne, Hosts::Stop::power_cut));
    expect_ok(hosts->start(with_apiserver(one(), "v1.33.1"), {}));
    EXPECT_TRUE(eventually([&] {
      return shell(*hosts, kOne, "curl -s -m 2 http://10.0.0.10:6443/readyz || true")
                 .find("etcd failed") != std::string::npos;
    }));
    EXPECT_TRUE(reaches_at_once(*hosts, kOne, "http://10.0.0.10:6443/livez"));
    expect_ok(hosts->set_targets({"10.0.0.10"}));
    EXPECT_TRUE(eventually([&] { return !reaches(*hosts, kFour, url); }));
    // No manifest, no apiserver.
    EXPECT_EQ(shell(*hosts, kOne, "rm /etc/kubernetes/manifests/kube-apiserver.yaml"), "");
    EXPECT_TRUE(eventually([&] { return !reaches(*hosts, kOne, "http://10.0.0.10:6443/livez"); }));
  });
}

TEST_F(HostsTest, ApiserverStandinTakesTheManifestAtItsWord) {
  in_region([](RegionNamespaces const& region) {
    auto hosts = make_hosts(region, /*tls_health_check=*/true);
    ASSERT_TRUE(hosts);
    auto made = run_machine_program(
        {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-keyout", region.work / "key", "-out", region.work / "cert", "-days", "2",
         "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"});
    expect_ok(made);
    auto with_files = [&](InstanceSpec spec) {
      spec.argv = {"etcd",
                   "--data-dir=/var/lib/etcd-test",
                   "--listen-client-urls=https://127.0.0.1:2379",
                   "--advertise-client-urls=https://127.0.0.1:2379",
                   "--cert-file=/etc/pki/cert",
                   "--key-file=/etc/pki/key",
                   "--trusted-ca-file=/etc/pki/cert",
                   "--client-cert-auth"};
      for (std::string name : {"cert", "key"})
        spec.files.emplace_back("/etc/pki/" + name, test::bytes_of(region.work / name));
      return spec;
    };
    std::vector<std::string> flags = {
        "--etcd-servers=https://127.0.0.1:2379", "--etcd-cafile=/etc/pki/cert",
        "--etcd-certfile=/etc/pki/cert",         "--etcd-keyfile=/etc/pki/key",
        "--tls-cert-file=/etc/pki/cert",         "--tls-private-key-file=/etc/pki/key"};
    expect_ok(hosts->start(with_files(with_apiserver(one(), "v1.33.1", flags)), {}));
    // Forgot the client certificate for etcd.
    std::erase_if(flags, [](auto const& flag) {
      return flag.starts_with("--etcd-certfile") || flag.starts_with("--etcd-keyfile");
    });
    expect_ok(hosts->start(with_files(with_apiserver(two(), "v1.33.2", flags)), {}));
    expect_ok(hosts->set_targets({"10.0.0.10", "10.0.16.10"}));
    EXPECT_TRUE(eventually([&] {
      return shell(*hosts, kTwo, "curl -sk -m 5 https://127.0.0.1:6443/readyz || true")
                 .find("etcd failed") != std::string::npos;
    }));
    EXPECT_THAT(run(*hosts, kOne, {"curl", "-sk", "-m", "5", "https://127.0.0.1:6443/readyz"}),
                "ok");
    // A busy machine may answer its health check too late and be out of the balancer for a moment;
    // the one that is not ready is in it never.
    auto url = "https://" + hosts->load_balancer_address() + ":6443/version";
    int by_one = 0;
    EXPECT_TRUE(eventually([&] {
      auto answer = run(*hosts, kTwo, {"curl", "-skf", "-m", "2", url});
      EXPECT_THAT(answer, Not(HasSubstr("v1.33.2")));
      by_one += answer.find("\"v1.33.1\"") != std::string::npos ? 1 : 0;
      return by_one >= 4;
    }));
  });
}

// What runc does for a container, by util-linux: a group of its own in each hierarchy, namespaces,
// device nodes, an overlay below /var/lib/containerd, and a mount that the host is to see.
TEST_F(HostsTest, AnInstanceForContainersHasWhatTheyNeed) {
  in_region([](RegionNamespaces const& region) {
    if (cgroups_unavailable()) GTEST_SKIP() << "this machine has no cgroup version 1";
    auto hosts = make_hosts(region);
    ASSERT_TRUE(hosts);
    auto spec = one();
    spec.containers = true;
    spec.services = {{"pod", {"sh", "-c", kContainer}}};
    expect_ok(hosts->start(spec, {}));
    EXPECT_TRUE(eventually([&] {
      return run(*hosts, kOne, {"cat", "/var/lib/containerd/rootfs/told"}) == "c 1 3\n";
    })) << run(*hosts, kOne, {"cat", "/var/log/pod.log"});
    // Its groups are below the instance's, which it sees as the roots.
    EXPECT_EQ(run(*hosts, kOne, {"cat", "/sys/fs/cgroup/memory/pod/cgroup.procs"}).empty(), false);
    auto const group = "/sys/fs/cgroup/memory/haagent-sim-" + region.marker + "/" + kOne + "/pod";
    EXPECT_TRUE(std::filesystem::exists(group));
    // The kernel's own, in this network namespace.
    EXPECT_EQ(run(*hosts, kOne, {"ls", "/sys/class/net"}), "eth0\nlo\n");
    EXPECT_THAT(run(*hosts, kOne, {"ls", "/sys/devices/system/cpu"}), HasSubstr("cpu0"));
    // A frozen machine's containers stand still as well, and come back with it.
    auto const count = [&] { return read_count(region); };
    ASSERT_TRUE(eventually([&] { return count() > 0; }));
    expect_ok(hosts->freeze(kOne, true));
    auto const frozen = count();
    std::this_thread::sleep_for(300ms);
    EXPECT_EQ(count(), frozen);
    expect_ok(hosts->freeze(kOne, false));
    EXPECT_TRUE(eventually([&] { return count() > frozen; }));
    expect_ok(hosts->destroy(kOne));
    EXPECT_FALSE(std::filesystem::exists(std::filesystem::path(group).parent_path()));
  });
}

TEST_F(HostsTest, InitStartsAgainWhatFailedButNotWhatRefused) {
  in_region([](RegionNamespaces const& region) {
    auto hosts = make_hosts(region);
    ASSERT_TRUE(hosts);
    expect_ok(hosts->start(one({"sh", "-c", "echo run; exit 1"}), {}));
    expect_ok(hosts->start(two({"sh", "-c", "sleep 1000 & exit 77"}), {}));
    EXPECT_TRUE(
        eventually([&] { return run(*hosts, kOne, {"cat", "/var/log/sh.log"}) == "run\nrun\n"; }));
    EXPECT_TRUE(eventually([&] {
      return run(*hosts, kTwo, {"cat", "/var/log/console.log"}).find("sh ended with 77\n") !=
             std::string::npos;
    }));
    // What it left behind lives on, as pid 1's child.
    EXPECT_EQ(shell(*hosts, kTwo,
                    "grep -l sleep /proc/[0-9]*/comm | cut -d/ -f3 | "
                    "xargs -I{} grep PPid: /proc/{}/status"),
              "PPid:\t1\n");
  });
}

TEST_F(HostsTest, ShutdownAsksTheMainProgramFirst) {
  in_region([](RegionNamespaces const& region) {
    auto hosts = make_hosts(region);
    ASSERT_TRUE(hosts);
    // Its helper must still run while it says goodbye.
    expect_ok(hosts->start(
        one({"sh", "-c",
             "sleep 1000 & helper=$!; trap 'kill -0 $helper && echo bye > /etc/role; exit 0' TERM;"
             "echo ready; while :; do sleep 0.05; done"}),
        {}));
    ASSERT_TRUE(
        eventually([&] { return run(*hosts, kOne, {"cat", "/var/log/sh.log"}) == "ready\n"; }));
    auto before = std::chrono::steady_clock::now();
    expect_ok(hosts->stop(kOne, Hosts::Stop::shutdown));
    EXPECT_LT(std::chrono::steady_clock::now() - before, 20s);
    expect_ok(hosts->start(one(), {}));
    EXPECT_EQ(run(*hosts, kOne, {"cat", "/etc/role"}), "bye\n");
  });
}

TEST_F(HostsTest, TellsWhenAnInstanceEndsByItself) {
  in_region([](RegionNamespaces const& region) {
    auto hosts = make_hosts(region);
    ASSERT_TRUE(hosts);
    std::atomic<int> ends = 0;
    expect_ok(hosts->create_volume(kVolume, kMiB));
    expect_ok(hosts->start(one(), [&] { ++ends; }));
    expect_ok(hosts->plug(kVolume, kOne, "/dev/sdf"));
    auto root = hosts->root_of(kOne);
    ASSERT_TRUE(root);
    ::kill(std::stoi(root->parent_path().filename()), SIGKILL);
    EXPECT_TRUE(eventually([&] { return ends == 1; }));
    expect_ok(hosts->start(one(), [&] { ++ends; }));
    EXPECT_EQ(run(*hosts, kOne, {"cat", "/sys/block/nvme1n1/size"}), "2048\n");
    expect_ok(hosts->stop(kOne, Hosts::Stop::power_cut));
    EXPECT_EQ(ends, 1);
  });
}

TEST_F(HostsTest, SaysWhatIsWrongWithARequest) {
  in_region([](RegionNamespaces const& region) {
    auto hosts = make_hosts(region);
    ASSERT_TRUE(hosts);
    EXPECT_EQ(hosts->create_zone({"eu-west-1a", "10.0.32.1"}).error().kind, Kind::invalid);
    EXPECT_EQ(hosts->create_zone({"eu-west-1c", "gateway"}).error().kind, Kind::invalid);
    EXPECT_EQ(hosts->start(spec_of("../x", "10.0.0.10", "eu-west-1a"), {}).error().kind,
              Kind::invalid);
    EXPECT_TRUE(test::mentions(
        hosts->start(spec_of(kOne, "10.0.0.10", "mars-1a"), {}).error().message.text, "mars-1a"));
    // A region ends what did not come up as it ends all others.
    expect_ok(hosts->stop(kOne, Hosts::Stop::power_cut));
    expect_ok(hosts->destroy(kOne));
    auto bad_file = one();
    bad_file.files.emplace_back("/etc/../../x", "");
    EXPECT_TRUE(
        test::mentions(hosts->start(bad_file, {}).error().message.text, "no absolute path"));
    EXPECT_EQ(hosts->plug(kVolume, kOne, "/dev/sdf").error().kind, Kind::invalid);
    EXPECT_EQ(hosts->create_volume("vol/1", kMiB).error().kind, Kind::invalid);
    EXPECT_EQ(hosts->set_targets({"lb.example.com"}).error().kind, Kind::invalid);
    EXPECT_EQ(hosts->freeze("i-0", true).error().kind, Kind::invalid);
    // A failed start leaves nothing that a good one would trip over.
    expect_ok(hosts->start(two(), {}));
    EXPECT_EQ(hosts->start(two(), {}).error().kind, Kind::conflict);
  });
}

// Everything that a region can make, then a byte into the pipe, then it waits to be killed.
void busy_region(RegionNamespaces const& region, int ready) {
  auto hosts = make_hosts(region);
  if (!hosts) return;
  expect_ok(hosts->create_volume(kVolume, 64 * kMiB));
  expect_ok(hosts->start(with_apiserver(one(etcd_at("10.0.0.10")), "v1.33.1"), {}));
  expect_ok(hosts->start(two({"sh", "-c", "setsid sleep 1000 & exit 77"}), {}));
  expect_ok(hosts->plug(kVolume, kOne, "/dev/sdf"));
  EXPECT_EQ(shell(*hosts, kOne, "mkfs.ext4 -q /dev/nvme1n1; mount /dev/nvme1n1 /mnt"), "");
  expect_ok(hosts->set_targets({"10.0.0.10"}));
  expect_ok(hosts->freeze(kTwo, true));
  if (!::testing::Test::HasFailure() && ::write(ready, "k", 1) == 1) ::pause();
}

pid_t child_of(pid_t pid) {
  std::ifstream children("/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid) +
                         "/children");
  pid_t child = 0;
  children >> child;
  return child;
}

// 0: the process outside, 1: the keeper, 2: the region itself.
class KilledRegion : public HostsTest, public ::testing::WithParamInterface<int> {};

TEST_P(KilledRegion, LeavesNothingBehind) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  FileDescriptor ready(ends[0]), tell(ends[1]);
  auto pid = start_region([&](RegionNamespaces const& region) { busy_region(region, ends[1]); });
  tell.reset();
  char byte = 0;
  ASSERT_EQ(::read(ready.get(), &byte, 1), 1) << "the region failed, see above";
  auto before = leftovers(std::to_string(pid));
  EXPECT_THAT(before, ::testing::Contains(HasSubstr("loop")));
  EXPECT_THAT(before, ::testing::Contains(HasSubstr("haproxy")));
  EXPECT_THAT(before, ::testing::Contains(HasSubstr("etcd")));
  EXPECT_THAT(before, ::testing::Contains(HasSubstr("simkeep")));

  std::array victims = {pid, child_of(pid), child_of(child_of(pid))};
  // Should it survive, it is still ours to end; a descriptor, since its pid may be used again.
  FileDescriptor keeper(static_cast<int>(::syscall(SYS_pidfd_open, victims[1], 0)));
  ASSERT_TRUE(keeper);
  ASSERT_EQ(::kill(victims[static_cast<std::size_t>(GetParam())], SIGKILL), 0);
  int status = 0;
  ASSERT_TRUE(eventually([&] { return ::waitpid(pid, &status, WNOHANG) == pid; }));
  EXPECT_NE(status, 0);
  EXPECT_EQ(leftovers_at_last(pid), std::vector<std::string>());
  ::syscall(SYS_pidfd_send_signal, keeper.get(), SIGKILL, nullptr, 0);
}

std::string name_of(::testing::TestParamInfo<int> const& each) {
  constexpr std::array kNames = {"Outside", "Keeper", "Region"};
  return kNames[static_cast<std::size_t>(each.param)];
}
INSTANTIATE_TEST_SUITE_P(Processes, KilledRegion, ::testing::Values(0, 1, 2), name_of);

TEST_F(HostsTest, RegionsDoNotSeeEachOther) {
  auto body = [](RegionNamespaces const& region) {
    auto hosts = make_hosts(region);
    ASSERT_TRUE(hosts);
    expect_ok(hosts->create_volume(kVolume, 8 * kMiB));
    expect_ok(hosts->start(one(), {}));
    expect_ok(hosts->plug(kVolume, kOne, "/dev/sdf"));
    EXPECT_EQ(shell(*hosts, kOne,
                    "echo " + region.marker + " > /dev/nvme1n1; sync; head -n1 /dev/nvme1n1"),
              region.marker + "\n");
  };
  auto first = start_region(body), second = start_region(body);
  for (auto pid : {first, second}) {
    int status = 0;
    EXPECT_TRUE(eventually([&] { return ::waitpid(pid, &status, WNOHANG) == pid; }, 60s));
    EXPECT_EQ(status, 0);
    EXPECT_EQ(leftovers_at_last(pid), std::vector<std::string>());
  }
}

}  // namespace
}  // namespace haagent::sim
