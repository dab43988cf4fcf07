#include "agent/preflight/image.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <sstream>

#include "agent/base/kube_versions.h"
#include "agent/base/yaml.h"
#include "agent/config/values.h"

namespace haagent::preflight {
namespace {

using bootstrap::EtcdVersion;

constexpr std::uint64_t kMiB = 1ull << 20u, kGiB = 1ull << 30u;

std::string joined(std::vector<std::string> const& words) {
  return fmt::format("{}", fmt::join(words, ", "));
}

// The leading number of a text, which it is taken from, and a dot behind it.
std::optional<int> take_number(std::string_view& text) {
  int value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || value < 0) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (text.starts_with('.')) text.remove_prefix(1);
  return value;
}

// Major and minor of "1.33.2" or "1.6.20~ds1".
std::optional<std::pair<int, int>> minor_of(std::string_view version) {
  auto major = take_number(version);
  auto minor = major ? take_number(version) : std::nullopt;
  if (!minor) return std::nullopt;
  return std::pair(*major, *minor);
}

Finding not_running(std::string check, Program const& program) {
  return problem(std::move(check), Reason::ProgramUnusable,
                 fmt::format("{} is there and does not run: {}", program.path, program.trouble),
                 "see that it is of this machine's architecture, has the libraries that it needs, "
                 "and that the machine is not too busy to start it");
}

std::vector<std::string> words_in(std::string_view line) {
  std::vector<std::string> words;
  std::istringstream in{std::string(line)};
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

std::string in_gib(std::uint64_t bytes) {
  return bytes < kGiB
             ? fmt::format("{} MiB", bytes / kMiB)
             : fmt::format("{:.1f} GiB", static_cast<double>(bytes) / static_cast<double>(kGiB));
}

UnitFile state_of(UnitFiles const& units, std::string const& name) {
  auto found = units.find(name);
  return found == units.end() ? UnitFile::absent : found->second;
}

constexpr std::string_view kTimeUnits[] = {"chrony.service", "systemd-timesyncd.service",
                                           "ntpsec.service", "ntp.service", "openntpd.service"};

}  // namespace

std::string version_word(std::string_view said) {
  for (auto word : words_in(said)) {
    if (word.starts_with('v')) word.erase(0, 1);
    if (!word.empty() && std::isdigit(static_cast<unsigned char>(word[0])) != 0) return word;
  }
  return {};
}

Finding judge_root(bool is_root) {
  if (is_root) return ok("root", "this runs as root, so that all of it can be seen");
  return warning("root", Reason::PermissionDenied,
                 "this does not run as root, so that what only root can read is not seen",
                 "run it as root");
}

Findings judge_etcd(Program const& etcd, Program const& kubelet, std::string const& wanted,
                    For role) {
  if (role == For::worker) return {};
  if (etcd.path.empty()) {
    return {problem("etcd", Reason::ProgramMissing, fmt::format("{} is not installed", etcd.name),
                    "install etcd 3.5, 3.6 or 3.7, or say where it is with etcd.binary")};
  }
  if (!etcd.trouble.empty()) return {not_running("etcd", etcd)};
  auto const version = bootstrap::parse_etcd_version(etcd.said);
  if (!version)
    return {problem("etcd", Reason::ProgramUnusable,
                    fmt::format("{} does not say which version it is", etcd.path),
                    "install etcd's own program there")};
  auto const text = to_string(*version);
  if (!bootstrap::is_supported(*version))
    return {problem("etcd", Reason::VersionUnsupported,
                    fmt::format("{} is etcd {}, and 3.4 to 3.7 are supported", etcd.path, text),
                    "install a supported version")};
  Findings found = {ok("etcd", fmt::format("{} is etcd {}", etcd.path, text))};
  auto const kube = minor_of(wanted.empty() ? version_word(kubelet.said) : wanted);
  auto const minor = kube ? std::optional(kube->second) : std::nullopt;
  for (auto const& defect : bootstrap::version_warnings(*version, minor))
    found.push_back(warning("etcd-defects", Reason::EtcdVersionDefective,
                            fmt::format("known of etcd {}: {}", text, defect),
                            "install the newest patch of 3.5, 3.6 or 3.7"));
  return found;
}

Findings judge_etcd_tools(std::optional<EtcdVersion> etcd, Program const& etcdctl,
                          Program const& etcdutl, For role) {
  if (role == For::worker || !etcd) return {};
  Findings found;
  auto one = [&](Program const& tool, std::string const& check, std::string_view what) {
    if (tool.path.empty()) {
      found.push_back(problem(
          check, Reason::ProgramMissing, fmt::format("{} is not installed: {}", tool.name, what),
          "install it beside etcd, or say where it is with etcd.backups.tools"));
    } else if (!tool.trouble.empty()) {
      found.push_back(not_running(check, tool));
    } else {
      found.push_back(ok(check, fmt::format("{} is there", tool.path)));
    }
  };
  one(etcdctl, "etcdctl", "backups are taken with it");
  // Up to 3.5 etcdctl restores as well.
  if (etcd->minor >= 6 || !etcdutl.path.empty())
    one(etcdutl, "etcdutl", "backups are restored with it");
  return found;
}

Findings judge_filesystem_tools(std::string const& filesystem, std::vector<Program> const& tools,
                                For role) {
  if (role == For::worker) return {};
  std::vector<std::string> missing;
  for (auto const& tool : tools)
    if (tool.path.empty()) missing.push_back(tool.name);
  if (missing.empty())
    return {ok("filesystem-tools",
               fmt::format("what makes, checks and grows {} is there", filesystem))};
  return {problem(
      "filesystem-tools", Reason::ProgramMissing,
      fmt::format("for {} on the etcd volumes there is no {}", filesystem, joined(missing)),
      fmt::format("install {}", filesystem == "xfs" ? "xfsprogs and e2fsprogs" : "e2fsprogs"))};
}

Findings judge_kubelet(Program const& kubelet, std::string const& wanted) {
  constexpr auto kCheck = "kubelet";
  if (kubelet.path.empty())
    return {warning(kCheck, Reason::ProgramMissing,
                    "there is no kubelet: this machine becomes no Kubernetes node",
                    "install the kubelet of kubernetes.version")};
  if (!kubelet.trouble.empty()) return {not_running(kCheck, kubelet)};
  auto const version = version_word(kubelet.said);
  auto const is = minor_of(version);
  if (!is)
    return {problem(kCheck, Reason::ProgramUnusable,
                    fmt::format("{} does not say which version it is", kubelet.path),
                    "install the kubelet's own program there")};
  if (wanted.empty()) {
    if (is->second >= kOldestKubeMinor && is->second <= kNewestKubeMinor)
      return {ok(kCheck, fmt::format("{} is {}", kubelet.path, version))};
    return {problem(kCheck, Reason::VersionUnsupported,
                    fmt::format("{} is {}, and haagent writes configs for 1.{} to 1.{}",
                                kubelet.path, version, kOldestKubeMinor, kNewestKubeMinor),
                    "install a supported version")};
  }
  auto const stated = minor_of(wanted);
  if (!stated || stated->second == is->second)
    return {ok(kCheck,
               fmt::format("{} is {}, and kubernetes.version {}", kubelet.path, version, wanted))};
  auto const sentence = fmt::format("{} is {}, and its configuration is written for {}",
                                    kubelet.path, version, wanted);
  auto const advice =
      fmt::format("install kubelet {}, or set kubernetes.version to what is installed", wanted);
  if (is->second > stated->second)
    return {problem(kCheck, Reason::VersionUnsupported,
                    sentence + ": a kubelet may not be newer than the apiserver", advice)};
  return {warning(kCheck, Reason::VersionUnsupported, sentence, advice)};
}

Findings judge_runtime(Program const& containerd, Program const& kubelet,
                       std::string const& wanted) {
  constexpr auto kCheck = "container-runtime";
  if (kubelet.path.empty()) return {};
  if (containerd.path.empty())
    return {warning(kCheck, Reason::ProgramMissing,
                    "there is no containerd, whose socket the kubelet's configuration names",
                    "install containerd, or name another runtime's socket with "
                    "containerRuntimeEndpoint under kubelet.config")};
  if (!containerd.trouble.empty()) return {not_running(kCheck, containerd)};
  auto const version = version_word(containerd.said);
  auto const is = minor_of(version);
  auto const kube = minor_of(wanted.empty() ? version_word(kubelet.said) : wanted);
  // Kubelets speak CRI v1 and nothing else, which containerd has from 1.6 on.
  if (is && *is < std::pair(1, 6))
    return {problem(kCheck, Reason::VersionUnsupported,
                    fmt::format("{} is {}, which has no CRI v1: no kubelet starts with it",
                                containerd.path, version),
                    "install containerd 2.0 or later")};
  // containerd's own table ends with 1.35 for 1.x. Where the runtime has no RuntimeConfig, kubelets
  // up to 1.37 go by the cgroupDriver of their configuration, and say that 1.38 will not.
  if (is && kube && is->first < 2 && kube->second >= 36)
    return {warning(kCheck, Reason::VersionUnsupported,
                    fmt::format("{} is {}: it cannot tell the kubelet its cgroup driver, so that "
                                "SystemdCgroup in its configuration must agree with the kubelet's "
                                "cgroupDriver, and Kubernetes 1.38 is to end that",
                                containerd.path, version),
                    "install containerd 2.0 or later before 1.38")};
  return {
      ok(kCheck, fmt::format("{} is {}", containerd.path, version.empty() ? "there" : version))};
}

std::vector<std::string> kernel_drivers(std::string const& filesystem) {
  return {filesystem, "nvme"};
}

std::set<std::string> drivers_in(std::string_view module_lists,
                                 std::vector<std::string> const& wanted) {
  std::set<std::string> found;
  for (auto const& driver : wanted) {
    // "kernel/fs/ext4/ext4.ko", "kernel/fs/xfs/xfs.ko.xz: ..."
    auto const name = fmt::format("/{}.ko", driver);
    for (auto at = module_lists.find(name); at != module_lists.npos;
         at = module_lists.find(name, at + 1)) {
      auto const behind = module_lists.substr(at + name.size(), 1);
      if (!behind.empty() && !std::string_view(".:\n").contains(behind[0])) continue;
      // A module's line begins with its name; behind the colon stand those that it needs.
      auto const newline = module_lists.rfind('\n', at);
      auto const begin = newline == module_lists.npos ? 0 : newline + 1;
      auto const before = module_lists.substr(begin, at - begin);
      if (before.contains(':')) continue;
      found.insert(driver);
      break;
    }
  }
  return found;
}

Findings judge_kernels(std::vector<Kernel> const& kernels, std::string const& filesystem) {
  if (kernels.empty())
    return {untried("kernel", "there is no kernel here whose drivers could be looked at",
                    "run this again where the image's kernel is installed")};
  Findings found;
  for (auto const& kernel : kernels) {
    auto const who =
        kernel.release.empty() ? "the kernel that runs" : fmt::format("kernel {}", kernel.release);
    std::vector<std::string> missing;
    for (auto const& driver : kernel_drivers(filesystem))
      if (!kernel.drivers.contains(driver)) missing.push_back(driver);
    if (missing.empty()) {
      found.push_back(ok("kernel", fmt::format("{} has {} and the NVMe driver", who, filesystem)));
      continue;
    }
    auto advice = std::ranges::find(missing, "nvme") != missing.end()
                      ? std::string(
                            "install a kernel with the NVMe driver (linux-image-cloud-amd64 "
                            "or -arm64): EBS volumes are NVMe disks on every current "
                            "instance type")
                      : fmt::format(
                            "install a kernel with {}, or choose another "
                            "volumes.filesystem",
                            filesystem);
    // Without its lists of modules one sees what is loaded, not what could be.
    found.push_back(
        kernel.release.empty()
            ? warning("kernel", Reason::KernelUnfit,
                      fmt::format("{} shows no {}", who, joined(missing)), std::move(advice))
            : problem("kernel", Reason::KernelUnfit,
                      fmt::format("{} has no {}", who, joined(missing)), std::move(advice)));
  }
  return found;
}

std::vector<std::string> units_asked_about() {
  std::vector<std::string> names = {
      "haagent.service", "haagent-etcd@main.service", "haagent-etcd@events.service",
      "etcd.service",    "kubelet.service",           "containerd.service",
      "dbus.service",    "dbus-broker.service"};
  for (auto name : kTimeUnits) names.emplace_back(name);
  return names;
}

Findings judge_units(UnitFiles const& units, bool has_kubelet) {
  Findings found;
  switch (state_of(units, "haagent.service")) {
    case UnitFile::enabled:
      found.push_back(ok("unit-haagent", "haagent.service starts at boot"));
      break;
    case UnitFile::absent:
      found.push_back(problem("unit-haagent", Reason::UnitMisconfigured,
                              "haagent.service is not installed", "install the package haagent"));
      break;
    default:
      found.push_back(problem("unit-haagent", Reason::UnitMisconfigured,
                              "haagent.service does not start at boot",
                              "run 'systemctl enable haagent.service'"));
  }
  auto const has_bus = [&](std::string const& name) {
    auto const state = state_of(units, name);
    return state != UnitFile::absent && state != UnitFile::masked;
  };
  if (has_bus("dbus.service") || has_bus("dbus-broker.service"))
    found.push_back(ok("unit-bus", "the system bus is there, over which etcd is started"));
  else
    found.push_back(problem("unit-bus", Reason::UnitMisconfigured,
                            "there is no system bus, over which haagent asks systemd to start etcd",
                            "install the package dbus"));
  bool members_right = true;
  for (auto const* name : {"haagent-etcd@main.service", "haagent-etcd@events.service"}) {
    auto const state = state_of(units, name);
    if (state != UnitFile::enabled && state != UnitFile::masked) continue;
    members_right = false;
    if (state == UnitFile::enabled)
      found.push_back(problem("unit-members", Reason::UnitMisconfigured,
                              fmt::format("{} starts at boot, before its volume is mounted", name),
                              fmt::format("run 'systemctl disable {}': haagent starts it", name)));
    else
      found.push_back(problem("unit-members", Reason::UnitMisconfigured,
                              fmt::format("{} is masked, so that haagent cannot start it", name),
                              fmt::format("run 'systemctl unmask {}'", name)));
  }
  if (members_right)
    found.push_back(ok("unit-members", "the etcd members are left to haagent to start"));
  if (state_of(units, "etcd.service") == UnitFile::enabled)
    found.push_back(problem("unit-etcd", Reason::UnitMisconfigured,
                            "Debian's etcd.service starts at boot and takes the ports 2379 and "
                            "2380 of the cluster's member",
                            "run 'systemctl disable --now etcd.service' and 'systemctl mask "
                            "etcd.service'"));
  else
    found.push_back(ok("unit-etcd", "no other etcd starts at boot"));
  if (!has_kubelet) return found;
  for (auto const* name : {"kubelet.service", "containerd.service"}) {
    auto const check =
        fmt::format("unit-{}", std::string_view(name).substr(0, std::string_view(name).find('.')));
    auto const state = state_of(units, name);
    if (state == UnitFile::enabled)
      found.push_back(ok(check, fmt::format("{} starts at boot", name)));
    else
      found.push_back(warning(
          check, Reason::UnitMisconfigured,
          fmt::format("{} {}", name,
                      state == UnitFile::absent ? "is not installed" : "does not start at boot"),
          state == UnitFile::absent
              ? std::string("install it: haagent writes its configuration, and does not start it")
              : fmt::format("run 'systemctl enable {}'", name)));
  }
  return found;
}

Finding judge_time_sync(UnitFiles const& units) {
  for (auto name : kTimeUnits)
    if (state_of(units, std::string(name)) == UnitFile::enabled)
      return ok("time-sync", fmt::format("{} keeps the clock", name));
  return warning("time-sync", Reason::ClockNotSynchronized,
                 "nothing keeps the clock: AWS refuses a signature that is five minutes off, and "
                 "certificates have a beginning and an end",
                 "install chrony with 'server 169.254.169.123 prefer iburst' (Amazon's time "
                 "service)");
}

Finding judge_swap(std::vector<std::string> const& swaps, bool may_swap) {
  if (swaps.empty()) return ok("swap", "there is no swap");
  auto const sentence = fmt::format("there is swap ({})", joined(swaps));
  if (may_swap) return ok("swap", sentence + ", and the kubelet is told to take it");
  return problem("swap", Reason::SwapEnabled, sentence + ", and with it the kubelet does not start",
                 "take it out of /etc/fstab and run 'swapoff -a', or set failSwapOn: false under "
                 "kubelet.config");
}

std::vector<std::string> swaps_in_fstab(std::string_view fstab) {
  std::vector<std::string> found;
  std::istringstream in{std::string(fstab)};
  for (std::string line; std::getline(in, line);) {
    auto const words = words_in(line);
    if (words.size() >= 3 && !words[0].starts_with('#') && words[2] == "swap")
      found.push_back(words[0]);
  }
  return found;
}

std::vector<std::string> swaps_in_proc(std::string_view proc_swaps) {
  std::vector<std::string> found;
  std::istringstream in{std::string(proc_swaps)};
  std::string line;
  std::getline(in, line);  // the heading
  while (std::getline(in, line))
    if (auto const words = words_in(line); !words.empty()) found.push_back(words[0]);
  return found;
}

Finding judge_space(Space const& space, bool image) {
  auto const check = "space:" + space.place;
  auto const sentence =
      fmt::format("{} has {} free of {}", space.place, in_gib(space.free), in_gib(space.whole));
  // An image is small, and its filesystem grows on the instance. A node keeps images, logs and the
  // scratch copy of a backup.
  auto const least = image ? 200 * kMiB : kGiB;
  auto const advised = image ? kGiB : 5 * kGiB;
  auto const* advice = image ? "bake on a larger disk" : "give the root volume more GiB";
  if (space.free < least)
    return problem(check, Reason::SpaceExhausted, sentence + ", too little to run", advice);
  if (space.free < advised)
    return warning(check, Reason::SpaceLow,
                   fmt::format("{}, less than the advised {}", sentence, in_gib(advised)), advice);
  return ok(check, sentence);
}

Finding judge_machine_id(std::optional<std::string> const& machine_id) {
  constexpr auto kCheck = "machine-id";
  constexpr auto kAdvice =
      "run 'truncate -s 0 /etc/machine-id' as the last thing before the image is taken";
  if (!machine_id)
    return warning(kCheck, Reason::ImageNotGeneric,
                   "/etc/machine-id is not there, which systemd takes for a first boot: its "
                   "presets undo what was enabled and disabled here",
                   "make it an empty file");
  auto const id = words_in(*machine_id);
  if (id.empty())
    return ok(kCheck, "/etc/machine-id is empty, so that each instance makes its own");
  if (id[0] == "uninitialized")
    return warning(
        kCheck, Reason::ImageNotGeneric,
        "/etc/machine-id says 'uninitialized', which systemd takes for a first boot: its "
        "presets undo what was enabled and disabled here",
        "make it an empty file");
  return problem(kCheck, Reason::ImageNotGeneric,
                 "/etc/machine-id holds this machine's id, which every instance would have",
                 kAdvice);
}

Finding judge_leftovers(std::vector<std::string> const& found) {
  if (found.empty())
    return ok("leftovers", "no key, volume record or other state of a machine is in the image");
  return problem(
      "leftovers", Reason::ImageNotGeneric,
      fmt::format("what belongs to one machine would be in every instance: {}", joined(found)),
      "remove it, or bake with packaging/image/bake, which does");
}

Finding judge_cloud_init(CloudInit const& cloud_init) {
  constexpr auto kCheck = "cloud-init";
  if (!cloud_init.installed)
    return untried(
        kCheck,
        "cloud-init is not installed: haagent reads its part of user-data by itself, and "
        "nothing sets SSH keys or grows the root filesystem");
  if (!cloud_init.sources) return ok(kCheck, "cloud-init looks for its data source by itself");
  auto const& sources = *cloud_init.sources;
  if (std::ranges::find(sources, "Ec2") != sources.end())
    return ok(kCheck, "cloud-init may read its data from EC2");
  return problem(kCheck, Reason::CloudInitUnfit,
                 fmt::format("cloud-init's datasource_list has no Ec2 ({})",
                             sources.empty() ? "it is empty" : joined(sources)),
                 "add Ec2 to datasource_list below /etc/cloud/cloud.cfg.d");
}

std::optional<std::vector<std::string>> datasources_in(std::string_view yaml) {
  auto const tree = yaml::parse(std::string(yaml));
  if (!tree) return std::nullopt;
  auto const* list = tree->find("datasource_list");
  if (!list || !list->is_list()) return std::nullopt;
  std::vector<std::string> names;
  for (auto const& each : list->items()) names.push_back(each.text());
  return names;
}

}  // namespace haagent::preflight
