#include "agent/preflight/image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "agent/preflight/command.h"
#include "agent/preflight/look_machine.h"
#include "tests/support/in_short.h"
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

// What a table row expects of a finding. `says`: a name or a figure in its text.
struct Expected {
  Level level;
  Reason reason = Reason::CheckPassed;
  std::string says = "";
};
using Told = std::vector<Expected>;

void expect(Findings const& found, Told const& told, std::string const& trace) {
  SCOPED_TRACE(trace);
  ASSERT_EQ(found.size(), told.size()) << (found.empty() ? "" : found.front().message.text);
  for (std::size_t i = 0; i < told.size(); ++i) {
    auto const& message = found[i].message;
    EXPECT_EQ(found[i].level, told[i].level) << message.text;
    EXPECT_EQ(message.reason, told[i].reason) << message.text;
    EXPECT_THAT(message.text, HasSubstr(told[i].says));
    EXPECT_FALSE(message.text.ends_with('.')) << message.text;
    EXPECT_FALSE(found[i].check.empty());
    if (found[i].level == Level::problem || found[i].level == Level::warning) {
      EXPECT_NE(message.advice, "") << message.text;
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
  for (auto const& row :
       std::vector<Row>{{there("etcd Version: 3.6.16\n"),
                         For::master,
                         {{Level::ok, Reason::CheckPassed, "3.6.16"}}},
                        {there("etcd Version: 3.6.10\n"),
                         For::any,
                         {{Level::ok, Reason::CheckPassed, "3.6.10"},
                          {Level::warning, Reason::EtcdVersionDefective, "3.6.10"},
                          {Level::warning, Reason::EtcdVersionDefective, "3.6.10"}}},
                        {there("etcd Version: 3.3.27\n"),
                         For::any,
                         {{Level::problem, Reason::VersionUnsupported, "3.7"}}},
                        {there("etcd Version: 3.8.0\n"),
                         For::any,
                         {{Level::problem, Reason::VersionUnsupported, "3.7"}}},
                        {there("hello"), For::any, {{Level::problem, Reason::ProgramUnusable}}},
                        {kBroken, For::any, {{Level::problem, Reason::ProgramUnusable}}},
                        {kAbsent, For::any, {{Level::problem, Reason::ProgramMissing}}},
                        {kAbsent, For::worker, {}},
                        {there("etcd Version: 3.4.20\n"), For::worker, {}}})
    expect(judge_etcd(row.etcd, kAbsent, "", row.role), row.told, row.etcd.said);
}

TEST(PreflightImage, EtcdAgainstKubernetes) {
  auto const old = there("etcd Version: 3.4.23\n");
  auto const told = [&](Program const& kubelet, std::string const& wanted) {
    auto const found = judge_etcd(old, kubelet, wanted, For::any);
    return std::ranges::count(found, Reason::EtcdVersionDefective,
                              [](Finding const& each) { return each.message.reason; });
  };
  auto const without = told(kAbsent, "");
  EXPECT_EQ(told(kAbsent, "1.33.2"), without);
  EXPECT_EQ(told(kAbsent, "1.36.3"), without + 1);
  EXPECT_EQ(told(there("Kubernetes v1.36.3"), ""), without + 1);
  EXPECT_EQ(told(there("Kubernetes v1.36.3"), "1.33.2"), without);
}

TEST(PreflightImage, EtcdTools) {
  bootstrap::EtcdVersion const v34{3, 4, 40}, v36{3, 6, 16};
  auto const tool = there("");
  expect(judge_etcd_tools(v34, tool, kAbsent, For::any), {{Level::ok}}, "3.4 restores so");
  expect(judge_etcd_tools(v36, tool, kAbsent, For::any),
         {{Level::ok}, {Level::problem, Reason::ProgramMissing}}, "3.6 does not");
  expect(judge_etcd_tools(v36, kAbsent, tool, For::any),
         {{Level::problem, Reason::ProgramMissing}, {Level::ok}}, "");
  expect(judge_etcd_tools(v36, kBroken, tool, For::any),
         {{Level::problem, Reason::ProgramUnusable}, {Level::ok}}, "");
  expect(judge_etcd_tools(v36, kAbsent, kAbsent, For::worker), {}, "a worker has none");
  expect(judge_etcd_tools(std::nullopt, kAbsent, kAbsent, For::any), {}, "told by etcd itself");
}

TEST(PreflightImage, FilesystemTools) {
  Program const mkfs{.name = "mkfs.ext4", .path = "/sbin/mkfs.ext4", .said = {}, .trouble = {}};
  Program const fsck{.name = "e2fsck", .path = {}, .said = {}, .trouble = {}};
  expect(judge_filesystem_tools("ext4", {mkfs}, For::any),
         {{Level::ok, Reason::CheckPassed, "ext4"}}, "");
  expect(judge_filesystem_tools("ext4", {mkfs, fsck}, For::any),
         {{Level::problem, Reason::ProgramMissing, "e2fsck"}}, "");
  expect(judge_filesystem_tools("xfs", {fsck}, For::worker), {}, "");
}

TEST(PreflightImage, KubeletAgainstTheStatedVersion) {
  struct Row {
    Program kubelet;
    std::string wanted;
    Expected told;
  };
  for (auto const& row : std::vector<Row>{
           {there("Kubernetes v1.33.2"), "1.33.2", {Level::ok, Reason::CheckPassed, "1.33.2"}},
           {there("Kubernetes v1.33.9"), "1.33.2", {Level::ok, Reason::CheckPassed, "1.33.9"}},
           {there("Kubernetes v1.34.0"),
            "1.33.2",
            {Level::problem, Reason::VersionUnsupported, "1.33.2"}},
           {there("Kubernetes v1.32.0"),
            "1.33.2",
            {Level::warning, Reason::VersionUnsupported, "1.33.2"}},
           {there("Kubernetes v1.33.2"), "", {Level::ok, Reason::CheckPassed, "1.33.2"}},
           {there("Kubernetes v1.30.2"), "", {Level::problem, Reason::VersionUnsupported, "1.31"}},
           {there("Kubernetes"), "1.33.2", {Level::problem, Reason::ProgramUnusable}},
           {kBroken, "1.33.2", {Level::problem, Reason::ProgramUnusable}},
           {kAbsent, "1.33.2", {Level::warning, Reason::ProgramMissing}}})
    expect(judge_kubelet(row.kubelet, row.wanted), {row.told}, row.kubelet.said);
}

TEST(PreflightImage, RuntimeAgainstKubernetes) {
  auto const old = there("containerd github.com/containerd/containerd 1.7.27 x");
  auto const two = there("containerd github.com/containerd/containerd v2.1.4 x");
  auto const kubelet = there("Kubernetes v1.36.0");
  expect(judge_runtime(old, kubelet, "1.35.4"), {{Level::ok, Reason::CheckPassed, "1.7.27"}}, "");
  // It cannot tell its cgroup driver, and works: kubelets up to 1.37 go by their own setting then.
  for (auto const* wanted : {"1.36.0", "1.37.2", ""})
    expect(judge_runtime(old, kubelet, wanted),
           {{Level::warning, Reason::VersionUnsupported, "1.7.27"}}, wanted);
  expect(judge_runtime(there("containerd github.com/containerd/containerd 1.6.20~ds1 1.6.20~ds1-1"),
                       kubelet, "1.36.3"),
         {{Level::warning, Reason::VersionUnsupported, "1.6.20"}}, "Debian 12's");
  // No CRI v1 at all, and kubelets speak nothing else.
  for (auto const* wanted : {"1.31.0", "1.37.2"})
    expect(judge_runtime(there("containerd github.com/containerd/containerd v1.5.18 x"), kubelet,
                         wanted),
           {{Level::problem, Reason::VersionUnsupported, "1.5.18"}}, wanted);
  expect(judge_runtime(two, kubelet, "1.36.0"), {{Level::ok, Reason::CheckPassed, "2.1.4"}}, "");
  expect(judge_runtime(kAbsent, kubelet, ""), {{Level::warning, Reason::ProgramMissing}}, "");
  expect(judge_runtime(kBroken, kubelet, ""), {{Level::problem, Reason::ProgramUnusable}}, "");
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
         {{Level::ok, Reason::CheckPassed, "6.1.0-37-cloud-amd64"}}, "");
  expect(
      judge_kernels({{"6.1", {"ext4", "nvme"}}, {"6.12", {"ext4"}}}, "ext4"),
      {{Level::ok, Reason::CheckPassed, " 6.1 "}, {Level::problem, Reason::KernelUnfit, " 6.12 "}},
      "each that may be booted");
  expect(judge_kernels({{"", {"nvme"}}}, "xfs"), {{Level::warning, Reason::KernelUnfit}}, "");
  expect(judge_kernels({}, "ext4"), {{Level::untried, Reason::NotChecked}}, "");
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
    std::string check;
  };
  for (auto const& row : std::vector<Row>{
           {"haagent.service", UnitFile::absent, Level::problem, "unit-haagent"},
           {"haagent.service", UnitFile::disabled, Level::problem, "unit-haagent"},
           {"haagent-etcd@main.service", UnitFile::enabled, Level::problem, "unit-members"},
           {"haagent-etcd@events.service", UnitFile::masked, Level::problem, "unit-members"},
           {"dbus.service", UnitFile::absent, Level::problem, "unit-bus"},
           {"dbus.service", UnitFile::masked, Level::problem, "unit-bus"},
           {"etcd.service", UnitFile::enabled, Level::problem, "unit-etcd"},
           {"etcd.service", UnitFile::disabled, Level::ok, "unit-etcd"},
           {"kubelet.service", UnitFile::absent, Level::warning, "unit-kubelet"},
           {"containerd.service", UnitFile::disabled, Level::warning, "unit-containerd"}}) {
    SCOPED_TRACE(row.unit);
    auto units = good_units();
    units[row.unit] = row.state;
    auto found = judge_units(units, /*has_kubelet=*/true);
    std::erase_if(found, [&](Finding const& each) {
      return each.level != row.level || each.check != row.check;
    });
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].message.reason,
              row.level == Level::ok ? Reason::CheckPassed : Reason::UnitMisconfigured);
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
  expect({judge_swap({"/swapfile"}, false)}, {{Level::problem, Reason::SwapEnabled, "/swapfile"}},
         "");
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
  EXPECT_THAT(judge_space({"/var", 6 * kGiB, 20 * kGiB}, false).message.text,
              testing::AllOf(HasSubstr("/var"), HasSubstr(" 6.0 "), HasSubstr(" 20.0 ")));
}

TEST(PreflightImage, WhatMustNotBeInAnImage) {
  EXPECT_EQ(judge_machine_id("").level, Level::ok);
  EXPECT_EQ(judge_machine_id("\n").level, Level::ok);
  expect({judge_machine_id("uninitialized\n")}, {{Level::warning, Reason::ImageNotGeneric}}, "");
  expect({judge_machine_id(std::nullopt)}, {{Level::warning, Reason::ImageNotGeneric}}, "");
  expect({judge_machine_id("0123456789abcdef0123456789abcdef\n")},
         {{Level::problem, Reason::ImageNotGeneric}}, "");
  expect({judge_leftovers({})}, {{Level::ok}}, "");
  expect({judge_leftovers({"/etc/ssh/ssh_host_rsa_key"})},
         {{Level::problem, Reason::ImageNotGeneric, "ssh_host_rsa_key"}}, "");
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
         {{Level::problem, Reason::CloudInitUnfit}}, "");
}

LoadedConfig loaded(std::string text) {
  ConfigSources gathered;
  if (!text.empty()) gathered.sources.push_back({.name = "haagent.yaml", .text = std::move(text)});
  return read_config(gathered);
}

TEST(PreflightImage, AnImagesConfigurationMayLackWhatUserDataBrings) {
  std::string const head = "apiVersion: haagent.io/v1\nkind: NodeConfig\n";
  expect(judge_config(loaded(head + "volumes: {filesystem: xfs}\n"), true),
         {{Level::ok, Reason::CheckPassed, "haagent.yaml"}}, "");
  expect(judge_config(loaded(""), true), {{Level::ok}}, "");
  expect(judge_config(loaded(head + "volumes: {filesystem: xfs}\n"), false),
         {{Level::problem, Reason::ConfigurationInvalid}}, "");
  // What cannot be read is not only missing.
  expect(judge_config(read_config({.sources = {}, .problems = {{"x is a script", "say more", {}}}}),
                      true),
         {{Level::problem, Reason::ConfigurationInvalid}}, "");
  expect(judge_config(loaded(head + "volumes: {filesystem: ext5}\n"), true),
         {{Level::problem, Reason::ConfigurationInvalid, "haagent.yaml:3:23: volumes.filesystem"}},
         "");
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
        all += fmt::format("{} {}: {}\n", each.check, to_string(each.message.reason),
                           each.message.text);
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
       {"etcdutl ProgramMissing: ", "filesystem-tools ProgramMissing: ", " e2fsck",
        "unit-etcd UnitMisconfigured: ",
        "unit-members UnitMisconfigured: haagent-etcd@main.service",
        "kubelet ProgramUnusable: /usr/bin/kubelet", " 3: ", "kernel KernelUnfit: ", " 6.12.1 ",
        "swap SwapEnabled: ", "(/swapfile)", "machine-id ImageNotGeneric: ",
        "leftovers ImageNotGeneric: ", "ssh_host_ed25519_key", "cloud-init CloudInitUnfit: "})
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
