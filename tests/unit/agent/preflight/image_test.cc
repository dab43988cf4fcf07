#include "agent/preflight/image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/preflight/command.h"
#include "agent/preflight/look_machine.h"
#include "tests/support/temporary_directory.h"

namespace haagent::preflight {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Program there(std::string said, std::string path = "/usr/bin/x") {
  return {.name = "x", .path = std::move(path), .said = std::move(said), .trouble = {}};
}
Program const kAbsent{.name = "x", .path = {}, .said = {}, .trouble = {}};
Program const kBroken{.name = "x", .path = "/usr/bin/x", .said = {}, .trouble = "no such library"};

// Levels and a part of each sentence, in order: what a table row expects.
using Told = std::vector<std::pair<Level, std::string>>;

void expect(Findings const& found, Told const& told, std::string const& trace) {
  SCOPED_TRACE(trace);
  ASSERT_EQ(found.size(), told.size()) << (found.empty() ? "" : found.front().sentence);
  for (std::size_t i = 0; i < told.size(); ++i) {
    EXPECT_EQ(found[i].level, told[i].first) << found[i].sentence;
    EXPECT_THAT(found[i].sentence, HasSubstr(told[i].second));
    EXPECT_FALSE(found[i].sentence.ends_with('.')) << found[i].sentence;
    EXPECT_FALSE(found[i].check.empty());
    if (found[i].level == Level::problem || found[i].level == Level::warning) {
      EXPECT_NE(found[i].advice, "") << found[i].sentence;
    }
  }
}

TEST(PreflightImage, VersionsAreFoundInWhatProgramsSay) {
  for (auto const& [said, version] : std::vector<std::pair<std::string, std::string>>{
           {"Kubernetes v1.33.2\n", "1.33.2"},
           {"containerd github.com/containerd/containerd 1.6.20~ds1 1.6.20~ds1-1+b1\n",
            "1.6.20~ds1"},
           {"containerd containerd.io v2.1.4 75cb2b7", "2.1.4"},
           {"", ""},
           {"no number", ""},
           {"v", ""}})
    EXPECT_EQ(version_word(said), version) << said;
}

TEST(PreflightImage, Etcd) {
  struct Row {
    Program etcd;
    For role;
    Told told;
  };
  for (auto const& row : std::vector<Row>{
           {there("etcd Version: 3.6.16\n"), For::master, {{Level::ok, "etcd 3.6.16"}}},
           {there("etcd Version: 3.6.10\n"),
            For::any,
            {{Level::ok, "etcd 3.6.10"},
             {Level::warning, "no member can be added"},
             {Level::warning, "a learner a voter"}}},
           {there("etcd Version: 3.3.27\n"), For::any, {{Level::problem, "3.4 to 3.7"}}},
           {there("etcd Version: 3.8.0\n"), For::any, {{Level::problem, "3.4 to 3.7"}}},
           {there("hello"), For::any, {{Level::problem, "does not say which version"}}},
           {kBroken, For::any, {{Level::problem, "no such library"}}},
           {kAbsent, For::any, {{Level::problem, "not installed"}}},
           {kAbsent, For::worker, {}},
           {there("etcd Version: 3.4.20\n"), For::worker, {}}})
    expect(judge_etcd(row.etcd, row.role), row.told, row.etcd.said);
}

TEST(PreflightImage, EtcdTools) {
  bootstrap::EtcdVersion const v34{3, 4, 40}, v36{3, 6, 16};
  auto const tool = there("");
  expect(judge_etcd_tools(v34, tool, kAbsent, For::any), {{Level::ok, "there"}}, "3.4 restores so");
  expect(judge_etcd_tools(v36, tool, kAbsent, For::any),
         {{Level::ok, "there"}, {Level::problem, "backups are restored"}}, "3.6 does not");
  expect(judge_etcd_tools(v36, kAbsent, tool, For::any),
         {{Level::problem, "backups are taken"}, {Level::ok, "there"}}, "");
  expect(judge_etcd_tools(v36, kBroken, tool, For::any),
         {{Level::problem, "does not run"}, {Level::ok, "there"}}, "");
  expect(judge_etcd_tools(v36, kAbsent, kAbsent, For::worker), {}, "a worker has none");
  expect(judge_etcd_tools(std::nullopt, kAbsent, kAbsent, For::any), {}, "told by etcd itself");
}

TEST(PreflightImage, FilesystemTools) {
  Program const mkfs{.name = "mkfs.ext4", .path = "/sbin/mkfs.ext4", .said = {}, .trouble = {}};
  Program const fsck{.name = "e2fsck", .path = {}, .said = {}, .trouble = {}};
  expect(judge_filesystem_tools("ext4", {mkfs}, For::any), {{Level::ok, "ext4"}}, "");
  expect(judge_filesystem_tools("ext4", {mkfs, fsck}, For::any), {{Level::problem, "no e2fsck"}},
         "");
  expect(judge_filesystem_tools("xfs", {fsck}, For::worker), {}, "");
}

TEST(PreflightImage, KubeletAgainstTheStatedVersion) {
  struct Row {
    Program kubelet;
    std::string wanted;
    Level level;
    std::string told;
  };
  for (auto const& row : std::vector<Row>{
           {there("Kubernetes v1.33.2"), "1.33.2", Level::ok, "1.33.2"},
           {there("Kubernetes v1.33.9"), "1.33.2", Level::ok, "1.33.9"},
           {there("Kubernetes v1.34.0"), "1.33.2", Level::problem, "may not be newer"},
           {there("Kubernetes v1.32.0"), "1.33.2", Level::warning, "is written for 1.33.2"},
           {there("Kubernetes v1.33.2"), "", Level::ok, "1.33.2"},
           {there("Kubernetes v1.30.2"), "", Level::problem, "1.31 to 1.37"},
           {there("Kubernetes"), "1.33.2", Level::problem, "which version"},
           {kBroken, "1.33.2", Level::problem, "does not run"},
           {kAbsent, "1.33.2", Level::warning, "no kubelet"}})
    expect(judge_kubelet(row.kubelet, row.wanted), {{row.level, row.told}}, row.kubelet.said);
}

TEST(PreflightImage, RuntimeAgainstKubernetes) {
  auto const old = there("containerd github.com/containerd/containerd 1.7.27 x");
  auto const two = there("containerd github.com/containerd/containerd v2.1.4 x");
  auto const kubelet = there("Kubernetes v1.36.0");
  expect(judge_runtime(old, kubelet, "1.35.4"), {{Level::ok, "1.7.27"}}, "");
  expect(judge_runtime(old, kubelet, "1.36.0"), {{Level::problem, "wants containerd 2"}}, "");
  expect(judge_runtime(old, kubelet, ""), {{Level::problem, "wants containerd 2"}}, "");
  expect(judge_runtime(two, kubelet, "1.36.0"), {{Level::ok, "2.1.4"}}, "");
  expect(judge_runtime(kAbsent, kubelet, ""), {{Level::warning, "no containerd"}}, "");
  expect(judge_runtime(kBroken, kubelet, ""), {{Level::problem, "does not run"}}, "");
  expect(judge_runtime(kAbsent, kAbsent, ""), {}, "no kubelet, no runtime");
}

TEST(PreflightImage, DriversAreFoundInTheKernelsLists) {
  std::vector<std::string> const wanted = {"ext4", "xfs", "nvme"};
  EXPECT_THAT(drivers_in("kernel/fs/ext4/ext4.ko\nkernel/drivers/nvme/host/nvme.ko: "
                         "kernel/drivers/nvme/host/nvme-core.ko\n",
                         wanted),
              ElementsAre("ext4", "nvme"));
  EXPECT_THAT(drivers_in("kernel/fs/xfs/xfs.ko.zst: kernel/lib/libcrc32c.ko.zst", wanted),
              ElementsAre("xfs"));
  // One that needs it, but is not it.
  EXPECT_THAT(
      drivers_in("kernel/fs/a/a.ko: kernel/fs/ext4/ext4.ko\nkernel/x/nvme-core.ko:\n", wanted),
      IsEmpty());
  EXPECT_THAT(drivers_in("kernel/fs/ext4/ext4.kox\n", wanted), IsEmpty());
  EXPECT_THAT(drivers_in("", wanted), IsEmpty());
}

TEST(PreflightImage, Kernels) {
  expect(judge_kernels({{"6.1.0-37-cloud-amd64", {"ext4", "nvme"}}}, "ext4"),
         {{Level::ok, "6.1.0-37-cloud-amd64 has ext4"}}, "");
  expect(judge_kernels({{"6.1", {"ext4", "nvme"}}, {"6.12", {"ext4"}}}, "ext4"),
         {{Level::ok, "6.1 has"}, {Level::problem, "6.12 has no nvme"}}, "each that may be booted");
  expect(judge_kernels({{"", {"nvme"}}}, "xfs"), {{Level::warning, "that runs shows no xfs"}}, "");
  expect(judge_kernels({}, "ext4"), {{Level::untried, "no kernel"}}, "");
}

UnitFiles good_units() {
  return {{"haagent.service", UnitFile::enabled},
          {"haagent-etcd@main.service", UnitFile::disabled},
          {"haagent-etcd@events.service", UnitFile::disabled},
          {"etcd.service", UnitFile::masked},
          {"kubelet.service", UnitFile::enabled},
          {"containerd.service", UnitFile::enabled},
          {"dbus.service", UnitFile::disabled},
          {"chrony.service", UnitFile::enabled}};
}

TEST(PreflightImage, Units) {
  struct Row {
    std::string unit;
    UnitFile state;
    Level level;
    std::string told;
  };
  for (auto const& row : std::vector<Row>{
           {"haagent.service", UnitFile::absent, Level::problem, "not installed"},
           {"haagent.service", UnitFile::disabled, Level::problem, "does not start"},
           {"haagent-etcd@main.service", UnitFile::enabled, Level::problem, "before its volume"},
           {"haagent-etcd@events.service", UnitFile::masked, Level::problem, "masked"},
           {"dbus.service", UnitFile::absent, Level::problem, "no system bus"},
           {"dbus.service", UnitFile::masked, Level::problem, "no system bus"},
           {"etcd.service", UnitFile::enabled, Level::problem, "2379"},
           {"etcd.service", UnitFile::disabled, Level::ok, "no other etcd"},
           {"kubelet.service", UnitFile::absent, Level::warning, "not installed"},
           {"containerd.service", UnitFile::disabled, Level::warning, "does not start"}}) {
    SCOPED_TRACE(row.unit);
    auto units = good_units();
    units[row.unit] = row.state;
    auto found = judge_units(units, /*has_kubelet=*/true);
    std::erase_if(found, [&](Finding const& each) {
      return each.level != row.level || !each.sentence.contains(row.told);
    });
    EXPECT_EQ(found.size(), 1u);
  }
  for (auto const& each : judge_units(good_units(), true)) EXPECT_EQ(each.level, Level::ok);
  EXPECT_EQ(judge_units(good_units(), false).size(), 4u) << "no kubelet, none of its units";
  EXPECT_EQ(judge_time_sync(good_units()).level, Level::ok);
  auto units = good_units();
  units["chrony.service"] = UnitFile::disabled;
  EXPECT_EQ(judge_time_sync(units).level, Level::warning);
  units["systemd-timesyncd.service"] = UnitFile::enabled;
  EXPECT_EQ(judge_time_sync(units).level, Level::ok);
}

TEST(PreflightImage, Swap) {
  EXPECT_THAT(swaps_in_fstab("# a comment swap swap\nUUID=1 / ext4 defaults 0 1\n"
                             "/swapfile none swap sw 0 0\n#/dev/x none swap sw\n"),
              ElementsAre("/swapfile"));
  EXPECT_THAT(swaps_in_proc("Filename Type Size Used Priority\n/dev/dm-1 partition 9 0 -2\n"),
              ElementsAre("/dev/dm-1"));
  EXPECT_THAT(swaps_in_proc(""), IsEmpty());
  EXPECT_EQ(judge_swap({}, false).level, Level::ok);
  EXPECT_EQ(judge_swap({"/swapfile"}, true).level, Level::ok);
  expect({judge_swap({"/swapfile"}, false)}, {{Level::problem, "/swapfile"}}, "");
}

TEST(PreflightImage, Space) {
  constexpr std::uint64_t kMiB = 1u << 20u, kGiB = 1u << 30u;
  struct Row {
    std::uint64_t free;
    bool image;
    Level level;
  };
  for (auto const& row : std::vector<Row>{{6 * kGiB, false, Level::ok},
                                          {2 * kGiB, false, Level::warning},
                                          {900 * kMiB, false, Level::problem},
                                          {2 * kGiB, true, Level::ok},
                                          {900 * kMiB, true, Level::warning},
                                          {100 * kMiB, true, Level::problem}})
    EXPECT_EQ(judge_space({"/", row.free, 20 * kGiB}, row.image).level, row.level) << row.free;
  EXPECT_THAT(judge_space({"/var", 6 * kGiB, 20 * kGiB}, false).sentence,
              "/var has 6.0 GiB free of 20.0 GiB");
}

TEST(PreflightImage, WhatMustNotBeInAnImage) {
  EXPECT_EQ(judge_machine_id("").level, Level::ok);
  EXPECT_EQ(judge_machine_id("\n").level, Level::ok);
  expect({judge_machine_id("uninitialized\n")}, {{Level::warning, "presets"}}, "");
  expect({judge_machine_id(std::nullopt)}, {{Level::warning, "presets"}}, "");
  expect({judge_machine_id("0123456789abcdef0123456789abcdef\n")},
         {{Level::problem, "every instance would have"}}, "");
  expect({judge_leftovers({})}, {{Level::ok, "no key"}}, "");
  expect({judge_leftovers({"/etc/ssh/ssh_host_rsa_key"})}, {{Level::problem, "ssh_host_rsa_key"}},
         "");
}

TEST(PreflightImage, CloudInit) {
  EXPECT_EQ(datasources_in("datasource_list: [ NoCloud, Ec2, None ]\n"),
            (std::vector<std::string>{"NoCloud", "Ec2", "None"}));
  EXPECT_EQ(datasources_in("a: 1\n"), std::nullopt);
  EXPECT_EQ(datasources_in("datasource_list: Ec2\n"), std::nullopt);
  EXPECT_EQ(datasources_in("[: \x01"), std::nullopt);
  EXPECT_EQ(judge_cloud_init({}).level, Level::untried);
  EXPECT_EQ(judge_cloud_init({.installed = true, .sources = std::nullopt}).level, Level::ok);
  EXPECT_EQ(judge_cloud_init({.installed = true, .sources = {{"Ec2", "None"}}}).level, Level::ok);
  expect({judge_cloud_init({.installed = true, .sources = {{"NoCloud"}}})},
         {{Level::problem, "NoCloud"}}, "");
}

LoadedConfig loaded(std::string text) {
  ConfigSources gathered;
  if (!text.empty()) gathered.sources.push_back({.name = "haagent.yaml", .text = std::move(text)});
  return read_config(gathered);
}

TEST(PreflightImage, AnImagesConfigurationMayLackWhatUserDataBrings) {
  std::string const head = "apiVersion: haagent.io/v1\nkind: NodeConfig\n";
  expect(judge_config(loaded(head + "volumes: {filesystem: xfs}\n"), true),
         {{Level::ok, "user-data brings the rest"}}, "");
  expect(judge_config(loaded(""), true), {{Level::ok, "no configuration is in the image"}}, "");
  expect(judge_config(loaded(head + "volumes: {filesystem: xfs}\n"), false),
         {{Level::problem, "missing"}}, "");
  // What cannot be read is not only missing.
  expect(judge_config(read_config({.sources = {}, .problems = {{"x is a script", "say more", {}}}}),
                      true),
         {{Level::problem, "x is a script"}}, "");
  expect(judge_config(loaded(head + "volumes: {filesystem: ext5}\n"), true),
         {{Level::problem, "haagent.yaml:3:23: volumes.filesystem"}}, "");
}

// ---- the look, on a tree of files

class PreflightLook : public testing::Test {
 protected:
  void write(std::string const& path, std::string const& text = "") {
    test::write_bytes(root_(path), text);
  }
  void program(std::string const& path, std::string const& script) {
    write(path, "#!/bin/sh\n" + script);
    std::filesystem::permissions(root_(path), std::filesystem::perms::all);
  }
  void enable(std::string const& unit) {
    write("/lib/systemd/system/" + unit);
    auto const wants = root_("/etc/systemd/system/multi-user.target.wants");
    std::filesystem::create_directories(wants);
    std::filesystem::create_symlink("/lib/systemd/system/" + unit, wants / unit);
  }
  // An image that has nothing wrong with it.
  void good() {
    program("/usr/bin/etcd", "echo etcd Version: 3.6.16\n");
    program("/usr/bin/etcdctl", "echo etcdctl version: 3.6.16\n");
    program("/usr/bin/etcdutl", "echo etcdutl version: 3.6.16\n");
    program("/usr/bin/kubelet", "echo Kubernetes v1.33.2\n");
    program("/usr/bin/containerd", "echo containerd github.com/containerd/containerd v2.1.4 x\n");
    program("/usr/bin/cloud-init", "exit 1\n");
    for (auto const* tool : {"mkfs.ext4", "e2fsck", "resize2fs"})
      program(std::string("/usr/sbin/") + tool, "exit 1\n");
    write("/lib/modules/6.1.0/modules.builtin", "kernel/drivers/nvme/host/nvme.ko\n");
    write("/lib/modules/6.1.0/modules.dep", "kernel/fs/ext4/ext4.ko: kernel/lib/crc16.ko\n");
    for (auto const* unit :
         {"haagent.service", "kubelet.service", "containerd.service", "chrony.service"})
      enable(unit);
    write("/lib/systemd/system/haagent-etcd@.service");
    write("/lib/systemd/system/dbus.service");
    std::filesystem::create_symlink("/dev/null", root_("/etc/systemd/system/etcd.service"));
    write("/etc/machine-id");
    write("/etc/cloud/cloud.cfg.d/10_ec2.cfg", "datasource_list: [Ec2]\n");
  }
  Findings look() {
    return look_at_machine({.root = root_, .process = process_, .image = true, .config = {}}, {});
  }
  std::string told(Level level) {
    std::string all;
    for (auto const& each : look())
      if (each.level == level && !each.check.starts_with("space:") && each.check != "root")
        all += each.check + ": " + each.sentence + '\n';
    return all;
  }

  test::TemporaryDirectory directory_;
  Root root_{directory_.path()};
  SystemProcess process_;
};

TEST_F(PreflightLook, AGoodImageIsGood) {
  good();
  EXPECT_EQ(told(Level::problem) + told(Level::warning) + told(Level::untried), "");
}

TEST_F(PreflightLook, EachDefectIsSeen) {
  good();
  std::filesystem::remove(root_("/usr/bin/etcdutl"));
  std::filesystem::remove(root_("/usr/sbin/e2fsck"));
  std::filesystem::remove(root_("/etc/systemd/system/etcd.service"));
  enable("etcd.service");
  enable("haagent-etcd@main.service");
  program("/usr/bin/kubelet", "echo boom >&2; exit 3\n");
  write("/lib/modules/6.12.1/modules.builtin", "kernel/fs/ext4/ext4.ko\n");
  write("/etc/fstab", "/swapfile none swap sw 0 0\n");
  write("/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
  write("/etc/ssh/ssh_host_ed25519_key", "secret");
  write("/etc/cloud/cloud.cfg.d/90_local.cfg", "datasource_list: [NoCloud]\n");
  auto const problems = told(Level::problem);
  for (auto const* part :
       {"etcdutl: ", "no e2fsck", "unit-etcd: ", "unit-members: haagent-etcd@main.service",
        "kubelet: /usr/bin/kubelet is there and does not run: it ended with 3: boom",
        "kernel 6.12.1 has no nvme", "swap: there is swap (/swapfile)",
        "machine-id: ", "leftovers: ", "ssh_host_ed25519_key", "cloud-init: "})
    EXPECT_THAT(problems, HasSubstr(part));
}

TEST_F(PreflightLook, ChangesNothing) {
  good();
  auto files = [&] {
    std::map<std::string, std::filesystem::file_time_type> found;
    for (auto const& each : std::filesystem::recursive_directory_iterator(directory_.path()))
      if (!each.is_symlink()) found[each.path()] = each.last_write_time();
    return found;
  };
  auto const before = files();
  look();
  EXPECT_EQ(files(), before);
}

}  // namespace
}  // namespace haagent::preflight
