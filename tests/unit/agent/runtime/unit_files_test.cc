// What systemd runs, held against what systemd does not say by itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "agent/runtime/exit_codes.h"
#include "bootstrap/layout/names.h"
#include "bootstrap/layout/paths.h"
#include "tests/support/source_dir.h"
#include "tests/support/temporary_directory.h"
#include "volumes/helper.h"

namespace haagent {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

// Key to the words of all its lines.
std::map<std::string, std::vector<std::string>> keys_of(std::string const& unit) {
  std::map<std::string, std::vector<std::string>> keys;
  std::istringstream in(test::bytes_of(test::source_dir() / "units" / unit));
  for (std::string line; std::getline(in, line);) {
    auto const at = line.find('=');
    if (line.starts_with('#') || at == std::string::npos) continue;
    std::istringstream words(line.substr(at + 1));
    auto& list = keys[line.substr(0, at)];
    for (std::string word; words >> word;) list.push_back(word);
  }
  EXPECT_FALSE(keys.empty()) << unit;
  return keys;
}

// systemd.exec(5) and exec_needs_mount_namespace() of systemd 252; ProtectClock= for its
// DeviceAllow=.
TEST(UnitFiles, TheHelperHasNoMountNamespaceOfItsOwnAndWritesToDisks) {
  auto const keys = keys_of("haagent-volumes@.service");
  for (auto const* key : {"ProtectSystem",
                          "ProtectHome",
                          "PrivateTmp",
                          "PrivateDevices",
                          "PrivateMounts",
                          "PrivateNetwork",
                          "PrivateIPC",
                          "PrivateUsers",
                          "NetworkNamespacePath",
                          "IPCNamespacePath",
                          "ProtectKernelTunables",
                          "ProtectKernelModules",
                          "ProtectKernelLogs",
                          "ProtectControlGroups",
                          "ProtectProc",
                          "ProcSubset",
                          "ReadWritePaths",
                          "ReadOnlyPaths",
                          "InaccessiblePaths",
                          "ExecPaths",
                          "NoExecPaths",
                          "BindPaths",
                          "BindReadOnlyPaths",
                          "TemporaryFileSystem",
                          "MountImages",
                          "ExtensionImages",
                          "ExtensionDirectories",
                          "RootDirectory",
                          "RootImage",
                          "DynamicUser",
                          "LogNamespace",
                          "MountFlags",
                          "MountAPIVFS",
                          "ProtectClock"})
    EXPECT_FALSE(keys.contains(key)) << key;
  EXPECT_THAT(keys.at("DeviceAllow"), testing::ElementsAre("block-*", "rw"));
  EXPECT_THAT(keys.at("CapabilityBoundingSet"), Contains("CAP_SYS_ADMIN"));
  EXPECT_THAT(keys.at("SystemCallFilter"), Contains("@mount"));
}

// What the agent asks for is done by a unit that nothing ends: neither a stop of the agent, nor a
// time limit, nor a shutdown, during which it is started, too.
TEST(UnitFiles, TheHelperIsThereToTheLastAndIsNotEndedHalfway) {
  for (auto const* unit : {"haagent-volumes.socket", "haagent-volumes@.service"}) {
    auto const keys = keys_of(unit);
    EXPECT_THAT(keys.at("DefaultDependencies"), testing::ElementsAre("no")) << unit;
    for (auto const* key : {"Conflicts", "BindsTo", "PartOf", "Requires", "Before"})
      EXPECT_FALSE(keys.contains(key)) << unit << " " << key;
  }
  auto const keys = keys_of("haagent-volumes@.service");
  EXPECT_THAT(keys.at("TimeoutStopSec"), testing::ElementsAre("infinity"));
  EXPECT_THAT(keys.at("KillMode"), testing::ElementsAre("mixed"));
  EXPECT_THAT(keys.at("Slice"), testing::ElementsAre("system.slice")) << "one that runs already";
  EXPECT_FALSE(keys.contains("RuntimeMaxSec"));
  EXPECT_THAT(keys_of("haagent-volumes.socket").at("ListenStream"),
              testing::ElementsAre(volumes::kHelperSocket));
  EXPECT_THAT(keys_of("haagent-volumes.socket").at("SocketMode"), testing::ElementsAre("0600"));
  EXPECT_THAT(keys_of("haagent.service").at("After"), Contains("haagent-volumes.socket"));
  EXPECT_THAT(keys_of("haagent.service").at("Wants"), Contains("haagent-volumes.socket"));
}

TEST(UnitFiles, TheAgentMountsNothingAndHasNoDisk) {
  auto const keys = keys_of("haagent.service");
  EXPECT_THAT(keys.at("CapabilityBoundingSet"),
              AllOf(Not(Contains("CAP_SYS_ADMIN")), Not(Contains("CAP_SYS_RESOURCE"))));
  EXPECT_THAT(keys.at("SystemCallFilter"), Not(Contains("@mount")));
  EXPECT_THAT(keys.at("DevicePolicy"), testing::ElementsAre("closed"));
  EXPECT_THAT(keys.at("DeviceAllow"), testing::ElementsAre("/dev/console", "w"));
  EXPECT_THAT(keys.at("ProtectSystem"), testing::ElementsAre("strict"));
  EXPECT_THAT(keys.at("ReadOnlyPaths"), testing::ElementsAre("/run"));
  EXPECT_THAT(keys.at("PrivateTmp"), testing::ElementsAre("yes"));
  // A mount of the helper's comes into a namespace that is a slave of the machine's.
  EXPECT_FALSE(keys.contains("MountFlags"));
  // Since when the apiserver runs, in its container and with its capabilities, is read from /proc.
  for (auto const* key : {"ProtectProc", "ProcSubset"}) EXPECT_FALSE(keys.contains(key)) << key;
}

TEST(UnitFiles, NothingOfTheBootWaitsInACircle) {
  auto const keys = keys_of("haagent.service");
  EXPECT_THAT(keys.at("After"),
              AllOf(Not(Contains("cloud-final.service")), Not(Contains("cloud-init.target")),
                    Not(Contains("multi-user.target")), Not(Contains("kubelet.service"))));
  // multi-user.target comes after the kubelet, where one is enabled.
  EXPECT_THAT(keys.at("Before"), testing::ElementsAre("shutdown.target"));
  // So that multi-user.target, and all that comes after it, does not wait for a quorum.
  EXPECT_THAT(keys.at("DefaultDependencies"), Contains("no"));
  EXPECT_THAT(keys.at("TimeoutStartSec"), Contains("infinity"));
}

// EC2 shows a machine's console to whoever cannot reach it.
TEST(UnitFiles, WhatTheAgentSaysIsOnTheConsoleToo) {
  auto const keys = keys_of("haagent.service");
  EXPECT_THAT(keys.at("StandardOutput"), testing::ElementsAre("journal+console"));
  EXPECT_THAT(keys.at("StandardError"), testing::ElementsAre("inherit"));
  // What has fields of its own, which journald does not forward.
  EXPECT_THAT(keys.at("Environment"), testing::ElementsAre("HAAGENT_CONSOLE=/dev/console"));
  EXPECT_FALSE(keys.contains("PrivateDevices")) << "has no /dev/console";
}

TEST(UnitFiles, WhatAnotherStartWouldOnlySayAgainIsNotStartedAgain) {
  auto const codes = keys_of("haagent.service").at("RestartPreventExitStatus");
  for (int code : {kExitUsage, kExitRefused, kExitBadConfig})
    EXPECT_THAT(codes, Contains(std::to_string(code)));
}

// Drills and restores run in the agent's unit, with page cache that counts: one that takes too much
// must neither take the machine's memory nor the agent with it.
TEST(UnitFiles, WhatTheAgentRunsTakesAPartOfTheMemoryAndEndsAlone) {
  auto const keys = keys_of("haagent.service");
  for (auto const* key : {"MemoryHigh", "MemoryMax"}) {
    ASSERT_EQ(keys.at(key).size(), 1u);
    EXPECT_TRUE(keys.at(key).front().ends_with('%')) << "of the machine: " << key;
  }
  EXPECT_LT(std::stoi(keys.at("MemoryHigh").front()), std::stoi(keys.at("MemoryMax").front()));
  EXPECT_LE(std::stoi(keys.at("MemoryMax").front()), 50);
  EXPECT_THAT(keys.at("OOMPolicy"), testing::ElementsAre("continue"));
}

// A hang is found after Watchdog::kLimit and this; what is longer than that is nobody's watchdog.
TEST(UnitFiles, SystemdAsksWhetherTheAgentIsAlive) {
  auto const keys = keys_of("haagent.service");
  EXPECT_THAT(keys.at("WatchdogSec"), testing::ElementsAre("90s"));
  EXPECT_THAT(keys.at("Restart"), testing::ElementsAre("on-failure"));
}

TEST(UnitFiles, EtcdDoesNotStartWithoutItsDiskAndOutlivesTheAgent) {
  auto const keys = keys_of("haagent-etcd@.service");
  EXPECT_THAT(keys.at("AssertPathIsMountPoint"), Contains("/var/lib/haagent-etcd/%i"));
  EXPECT_THAT(keys.at("AssertPathExists"), Contains("/var/lib/haagent-etcd/%i/haagent.json"));
  EXPECT_THAT(keys.at("RequiresMountsFor"), Contains("/var/lib/haagent-etcd/%i"));
  for (auto const* key : {"BindsTo", "PartOf", "Requires"}) EXPECT_FALSE(keys.contains(key)) << key;
  // The agent ends first at a shutdown, and etcd before its network.
  EXPECT_THAT(keys.at("Before"), Contains("haagent.service"));
  EXPECT_THAT(keys.at("After"), Contains("network.target"));
  // By the same order an agent is not started while a start of etcd goes on: that one must end
  // though there is no quorum.
  EXPECT_THAT(keys.at("Type"), testing::ElementsAre("exec"));
  EXPECT_THAT(keys.at("ExecStart"), Contains("--config-file=/etc/haagent/etcd/%i.yaml"));
  EXPECT_EQ(bootstrap::etcd_config_path(EtcdCluster::main), "/etc/haagent/etcd/main.yaml");
  EXPECT_EQ(bootstrap::etcd_unit(EtcdCluster::events), "haagent-etcd@events.service");
}

TEST(UnitFiles, EtcdIsAUserOfItsOwnWithoutACapability) {
  auto const keys = keys_of("haagent-etcd@.service");
  EXPECT_THAT(keys.at("User"), testing::ElementsAre("haagent-etcd"));
  EXPECT_TRUE(keys.at("CapabilityBoundingSet").empty());
  EXPECT_THAT(test::bytes_of(test::source_dir() / "packaging/debian/haagent.postinst"),
              HasSubstr("haagent-etcd"));
}

// kubeadm's 10-kubeadm.conf comes after ours: whoever has both runs the same kubelet.
TEST(UnitFiles, TheKubeletFindsWhatIsWrittenAndWaitsForNobody) {
  auto const keys = keys_of("kubelet.service.d/10-haagent.conf");
  for (auto const* key : {"After", "Requires", "Wants", "BindsTo", "PartOf", "Requisite"})
    EXPECT_FALSE(keys.contains(key)) << key;
  EXPECT_THAT(keys.at("StartLimitIntervalSec"), testing::ElementsAre("0"));
  EXPECT_THAT(keys.at("Restart"), testing::ElementsAre("always"));
  auto const text = test::bytes_of(test::source_dir() / "units/kubelet.service.d/10-haagent.conf");
  for (std::string const path :
       {bootstrap::kube::kKubeletConfig, bootstrap::kube::kKubeletFlags,
        bootstrap::kube::kKubeletKubeconfig, bootstrap::kube::kBootstrapKubeconfig})
    EXPECT_THAT(text, HasSubstr(path));
  EXPECT_LT(std::string("10-haagent.conf"), std::string("10-kubeadm.conf"));
  // Without a dash in front: systemd reads the flags before the kubelet reads its document, and one
  // that was started without them would never have them.
  EXPECT_THAT(keys.at("EnvironmentFile"),
              testing::ElementsAre(bootstrap::kube::kKubeletFlags, "-/etc/default/kubelet"));
}

// A dash is a level: the weights of haagent-etcd.slice count inside of haagent.slice alone, and its
// memory is protected as far as that one's is.
TEST(UnitFiles, WhatEtcdIsGivenIsGivenOnEachLevel) {
  EXPECT_THAT(keys_of("haagent-etcd@.service").at("Slice"),
              testing::ElementsAre("haagent-etcd.slice"));
  auto const outer = keys_of("haagent.slice");
  auto const inner = keys_of("haagent-etcd.slice");
  for (auto const* key : {"CPUWeight", "IOWeight", "MemoryMin"})
    EXPECT_EQ(outer.at(key), inner.at(key)) << key;
}

// It works both ways: whoever starts Debian's etcd would end a member.
TEST(UnitFiles, NobodyEndsAMemberByStartingDebiansEtcd) {
  EXPECT_FALSE(keys_of("haagent-etcd@.service").contains("Conflicts"));
  EXPECT_THAT(keys_of("etcd.service.d/10-haagent.conf").at("ConditionPathExists"),
              testing::ElementsAre("!/lib/systemd/system/haagent-etcd@.service"));
}

}  // namespace
}  // namespace haagent
