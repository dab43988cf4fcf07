#include "agent/preflight/look_machine.h"

#include <sys/statvfs.h>
#include <sys/utsname.h>

#include <algorithm>
#include <filesystem>

#include "agent/base/last_words.h"
#include "agent/base/program.h"
#include "agent/preflight/addons.h"
#include "bootstrap/kube/cgroups.h"
#include "bootstrap/kube/kernel_defaults.h"

namespace haagent::preflight {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// What is not there, or cannot be read, says nothing.
std::string text_of(fs::path const& path) {
  auto bytes = read_file(path);
  return bytes && *bytes ? **bytes : "";
}

bool is_there(fs::path const& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

std::vector<fs::path> entries_of(fs::path const& folder) {
  std::vector<fs::path> found;
  std::error_code none;
  for (fs::directory_iterator at(folder, none), end; !none && at != end; at.increment(none))
    found.push_back(at->path());
  std::ranges::sort(found);
  return found;
}

Program installed(MachineLook const& look, std::string const& name) {
  return {.name = name, .path = find_program_below(look.root, name)};
}

// The same, and what it says of its version.
Program asked(MachineLook const& look, std::string const& name, std::string const& argument,
              std::stop_token const& stop) {
  auto program = installed(look, name);
  if (program.path.empty()) return program;
  auto ran = look.process.run(
      {.argv = {look.root(program.path).string(), argument}, .deadline = 20s}, stop);
  if (!ran) {
    program.trouble = ran.error().message.sentence();
  } else if (ran->exit_code != 0) {
    program.trouble = fmt::format("it ended with {}: {}", ran->exit_code, last_words(ran->said()));
  } else {
    program.said = ran->out;
  }
  return program;
}

std::vector<Kernel> kernels(MachineLook const& look) {
  auto const wanted = kernel_drivers(look.config.volumes.filesystem);
  std::vector<Kernel> found;
  utsname running{};
  ::uname(&running);
  for (auto const& folder : entries_of(look.root("/lib/modules"))) {
    auto const release = folder.filename().string();
    // A machine that runs is judged by the kernel that it runs.
    if (!look.image && release != running.release) continue;
    auto const lists = text_of(folder / "modules.builtin") + '\n' + text_of(folder / "modules.dep");
    if (lists.size() > 1) found.push_back({release, drivers_in(lists, wanted)});
  }
  if (look.image || !found.empty()) return found;
  // Without module lists: what the running kernel has loaded or built in.
  auto const filesystems = text_of(look.root("/proc/filesystems"));
  if (filesystems.empty()) return found;
  Kernel kernel;
  for (auto const& driver : wanted)
    if (filesystems.contains(fmt::format("\t{}\n", driver)) ||
        is_there(look.root("/sys/module/" + driver)))
      kernel.drivers.insert(driver);
  // Built in, it shows as its disks.
  for (auto const& disk : entries_of(look.root("/sys/block")))
    if (disk.filename().string().starts_with("nvme")) kernel.drivers.insert("nvme");
  found.push_back(std::move(kernel));
  return found;
}

UnitFile unit_file(Root const& root, std::string const& name) {
  std::error_code ignored;
  auto const own = root("/etc/systemd/system") / name;
  if (fs::is_symlink(own, ignored) && fs::read_symlink(own, ignored) == "/dev/null")
    return UnitFile::masked;
  for (auto const& folder : entries_of(root("/etc/systemd/system"))) {
    auto const kind = folder.extension();
    if ((kind == ".wants" || kind == ".requires") && fs::is_symlink(folder / name, ignored))
      return UnitFile::enabled;
  }
  // An instance ("haagent-etcd@main.service") has its template's file.
  auto file = name;
  if (auto const at = name.find('@'); at != name.npos)
    file = name.substr(0, at + 1) + name.substr(name.rfind('.'));
  for (auto const* folder : {"/etc/systemd/system", "/usr/local/lib/systemd/system",
                             "/lib/systemd/system", "/usr/lib/systemd/system"})
    if (is_there(root(folder) / file)) return UnitFile::disabled;
  return UnitFile::absent;
}

std::optional<Space> space_at(Root const& root, std::string const& place) {
  struct statvfs disk{};
  if (::statvfs(root(place).c_str(), &disk) != 0 || disk.f_blocks == 0) return std::nullopt;
  return Space{place, disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize};
}

std::vector<std::string> leftovers(Root const& root) {
  std::vector<std::string> found;
  for (auto const* path : {"/etc/kubernetes/pki", "/etc/kubernetes/admin.conf", "/etc/haagent/etcd",
                           "/var/lib/kubelet/pki", "/var/lib/haagent/volumes.json",
                           "/var/lib/cloud/instance", "/var/lib/systemd/random-seed"})
    if (is_there(root(path))) found.emplace_back(path);
  for (auto const& entry : entries_of(root("/etc/ssh"))) {
    auto const name = entry.filename().string();
    if (name.starts_with("ssh_host_") && !name.ends_with(".pub"))
      found.push_back("/etc/ssh/" + name);
  }
  return found;
}

CloudInit cloud_init(Root const& root) {
  CloudInit found{.installed = !find_program_below(root, "cloud-init").empty()};
  auto files = std::vector{root("/etc/cloud/cloud.cfg")};
  for (auto& each : entries_of(root("/etc/cloud/cloud.cfg.d")))
    if (each.extension() == ".cfg") files.push_back(std::move(each));
  // The last one wins, by name.
  for (auto const& file : files)
    if (auto sources = datasources_in(text_of(file))) found.sources = std::move(sources);
  return found;
}

std::vector<std::string> filesystem_tools(std::string const& filesystem) {
  if (filesystem == "xfs") return {"mkfs.xfs", "xfs_growfs", "e2fsck"};
  return {"mkfs.ext4", "e2fsck", "resize2fs"};
}

Findings cgroups(MachineLook const& look) {
  if (!is_there(look.root("/sys/fs/cgroup"))) return {};
  if (auto const version = parse_kube_version(look.kubernetes))
    if (auto fit = bootstrap::kube::check_cgroups(look.root, *version, look.config.kubelet.config);
        !fit)
      return {problem("cgroups", Reason::KernelUnfit, fit.error().message.sentence(),
                      "boot with cgroup v2 alone")};
  if (is_there(look.root("/sys/fs/cgroup/cgroup.controllers")))
    return {ok("cgroups", "this machine has cgroup v2")};
  if (is_there(look.root("/sys/fs/cgroup/memory")))
    return {warning("cgroups", Reason::KernelUnfit,
                    "this machine has cgroup v1, which kubelets from 1.35 on refuse",
                    "boot with systemd.unified_cgroup_hierarchy=1")};
  return {};
}

// Of an image the kernel that is asked is the builder's.
Findings kernel_defaults(MachineLook const& look) {
  if (look.image || !is_there(look.root("/proc/sys/vm"))) return {};
  auto const fit = bootstrap::kube::check_kernel_defaults(look.root, look.config.kubelet.config);
  if (fit) return {ok("kernel-defaults", "the kernel's settings are as the kubelet demands")};
  return {problem("kernel-defaults", Reason::KernelUnfit, fit.error().message.sentence(),
                  "run /lib/systemd/systemd-sysctl")};
}

}  // namespace

Findings look_at_machine(MachineLook const& look, std::stop_token stop) {
  auto const& config = look.config;
  Findings found = {judge_root(::geteuid() == 0)};

  auto const etcd = asked(look, config.etcd.binary, "--version", stop);
  auto const kubelet = asked(look, "kubelet", "--version", stop);
  add(found, judge_etcd(etcd, kubelet, look.kubernetes, look.role));
  auto const beside = fs::path(config.etcd.binary).parent_path();
  auto const tools =
      config.etcd.backups.tools.empty() ? beside : fs::path(config.etcd.backups.tools);
  add(found,
      judge_etcd_tools(bootstrap::parse_etcd_version(etcd.said),
                       asked(look, (tools / "etcdctl").string(), "version", stop),
                       asked(look, (tools / "etcdutl").string(), "version", stop), look.role));
  std::vector<Program> makers;
  for (auto const& name : filesystem_tools(config.volumes.filesystem))
    makers.push_back(installed(look, name));
  add(found, judge_filesystem_tools(config.volumes.filesystem, makers, look.role));
  add(found, judge_kubelet(kubelet, look.kubernetes));
  auto const* endpoint = config.kubelet.config.find("containerRuntimeEndpoint");
  if (!endpoint)
    add(found,
        judge_runtime(asked(look, "containerd", "--version", stop), kubelet, look.kubernetes));

  // An instance's are looked at with its state store.
  if (look.image && look.role != For::worker)
    add(found, look_at_packaged_addons(
                   config, look.root,
                   look.kubernetes.empty() ? version_word(kubelet.said) : look.kubernetes));

  add(found, judge_kernels(kernels(look), config.volumes.filesystem));
  add(found, cgroups(look));
  add(found, kernel_defaults(look));

  // haagent runs without systemd too; an image that is not booted is known by its files.
  if (look.image || is_there(look.root("/run/systemd/system"))) {
    UnitFiles units;
    for (auto const& name : units_asked_about()) units[name] = unit_file(look.root, name);
    add(found, judge_units(units, !kubelet.path.empty()));
    found.push_back(judge_time_sync(units));
  } else {
    found.push_back(untried("units",
                            "systemd does not run here: who starts haagent and keeps the "
                            "clock is not known"));
  }
  auto const* fail_swap = config.kubelet.config.find("failSwapOn");
  bool const may_swap = fail_swap && !fail_swap->as_boolean().value_or(true);
  if (!kubelet.path.empty())
    found.push_back(judge_swap(look.image ? swaps_in_fstab(text_of(look.root("/etc/fstab")))
                                          : swaps_in_proc(text_of(look.root("/proc/swaps"))),
                               may_swap));
  std::optional<Space> before;
  for (auto const* place : {"/", "/var"}) {
    auto const space = space_at(look.root, place);
    if (!space || (before && before->free == space->free && before->whole == space->whole))
      continue;
    found.push_back(judge_space(*space, look.image));
    before = space;
  }
  if (!look.image) return found;

  auto machine_id = read_file(look.root("/etc/machine-id"));
  found.push_back(judge_machine_id(machine_id ? *machine_id : std::nullopt));
  found.push_back(judge_leftovers(leftovers(look.root)));
  found.push_back(judge_cloud_init(cloud_init(look.root)));
  return found;
}

}  // namespace haagent::preflight
