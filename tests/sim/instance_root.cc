#include "tests/sim/instance_root.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>

#include "tests/sim/cgroups.h"

namespace haagent::sim {
namespace {

namespace fs = std::filesystem;

// Shown empty where the host has them.
constexpr std::array kMasked = {
    "/etc/haagent",          "/etc/kubernetes",  "/home",    "/root",           "/var/lib/etcd",
    "/var/lib/haagent-etcd", "/var/lib/haagent", "/var/log", "/var/lib/kubelet"};

// What the kubelet reads at its start. The kernel is the host's, and may not be changed: each file
// of /proc/sys is covered by one that holds what haagent's package sets at a boot.
constexpr std::array kKernelSettings = {std::pair{"vm.overcommit_memory", "1"},
                                        std::pair{"vm.panic_on_oom", "0"},
                                        std::pair{"kernel.panic", "10"},
                                        std::pair{"kernel.panic_on_oops", "1"},
                                        std::pair{"kernel.keys.root_maxkeys", "1000000"},
                                        std::pair{"kernel.keys.root_maxbytes", "25000000"}};

constexpr char kBootId[] = "kernel.random.boot_id";

// The same of a boot: what tells it from the one before.
std::string new_boot_id() {
  std::string id;
  std::ifstream("/proc/sys/kernel/random/uuid") >> id;
  return id;
}

// What the kubelet and network plugins read of the kernel's own /sys, in this network namespace;
// the rest of the tree is made by hand, for libudev.
constexpr std::array kKernelTrees = {"class/net", "devices/system", "devices/virtual/net",
                                     "kernel/mm", "module"};

constexpr unsigned long kQuiet = MS_NOSUID | MS_NODEV | MS_NOEXEC;

constexpr char const* kContainerd = "/var/lib/containerd";

// Folders of a layer hide the owner and mode of those below: they must be the same.
void make_parents(fs::path const& layer, fs::path const& absolute) {
  fs::path below = "/";
  for (auto const& part : absolute.parent_path().relative_path()) {
    below /= part;
    auto folder = layer / below.relative_path();
    if (!fs::create_directory(folder)) continue;
    struct stat host{};
    if (::stat(below.c_str(), &host) != 0) continue;
    ::chmod(folder.c_str(), host.st_mode & 07777);
    if (::chown(folder.c_str(), host.st_uid, host.st_gid) != 0)
      throw std::system_error(errno, std::generic_category(), folder.string());
  }
}

// Where an absolute path inside lies in a layer. Throws where it leads elsewhere.
fs::path place(fs::path const& layer, fs::path const& absolute) {
  if (!absolute.is_absolute() || absolute != absolute.lexically_normal() ||
      !absolute.has_filename())
    throw std::system_error(EINVAL, std::generic_category(),
                            "'" + absolute.string() + "' is no absolute path of a file");
  make_parents(layer, absolute);
  return layer / absolute.relative_path();
}

void write(fs::path const& path, std::string_view text) {
  std::ofstream file;
  file.exceptions(std::ios::failbit | std::ios::badbit);
  file.open(path, std::ios::binary);
  file << text << std::flush;
  ::chmod(path.c_str(), text.starts_with("#!") ? 0755 : 0644);
}

void node(fs::path const& path, unsigned major_number, unsigned minor_number) {
  if (::mknod(path.c_str(), S_IFCHR, makedev(major_number, minor_number)) != 0 ||
      ::chmod(path.c_str(), 0666) != 0)
    throw std::system_error(errno, std::generic_category(), "making " + path.string());
}

// 32 hexadecimal digits that follow the id (FNV-1a, twice).
std::string machine_id_of(std::string_view id) {
  std::string text;
  for (std::uint64_t seed : {14695981039346656037ull, 1099511628211ull}) {
    auto hash = seed;
    for (unsigned char c : id) hash = (hash ^ c) * 1099511628211ull;
    text += fmt::format("{:016x}", hash);
  }
  return text;
}

void lay_disk(fs::path const& disk, InstanceSpec const& spec) {
  write(place(disk, "/etc/hostname"), spec.hostname + "\n");
  write(place(disk, "/etc/machine-id"), machine_id_of(spec.id) + "\n");
  write(place(disk, "/etc/hosts"), "127.0.0.1 localhost\n::1 localhost ip6-localhost\n");
  // With containers AWS' own, for which nobody listens here: the DNS of a cluster wants one to pass
  // on to.
  write(place(disk, "/etc/resolv.conf"), spec.containers
                                             ? "nameserver 169.254.169.253\n"
                                             : "# The simulated region has no name server.\n");
  for (auto const& [path, content] : spec.files) write(place(disk, path), content);
}

// Where the kubelet listens for the kernel's word of processes that ran out of memory: the
// machine's own stays hidden.
void make_container_dev(fs::path const& dev) {
  node(dev / "kmsg", 1, 3);
}

void make_dev(fs::path const& dev) {
  fs::create_directories(dev / "pts");
  fs::create_directories(dev / "shm");
  fs::create_directories(dev / "disk/by-id");
  node(dev / "null", 1, 3);
  node(dev / "zero", 1, 5);
  node(dev / "full", 1, 7);
  node(dev / "random", 1, 8);
  node(dev / "urandom", 1, 9);
  node(dev / "tty", 5, 0);
  fs::create_symlink("pts/ptmx", dev / "ptmx");
  fs::create_symlink("/proc/self/fd", dev / "fd");
  for (auto [name, number] : {std::pair("stdin", 0), {"stdout", 1}, {"stderr", 2}})
    fs::create_symlink(fmt::format("/proc/self/fd/{}", number), dev / name);
}

Result<void> mount_on(fs::path const& target, char const* source, char const* type,
                      unsigned long flags, std::string const& options) {
  if (::mount(source, target.c_str(), type, flags, options.c_str()) == 0) return {};
  return fail_errno(errno, fmt::format("mounting {} on {}", type ? type : source, target.string()));
}

template <class Work>
Result<void> tell(std::string_view doing, Work work) {
  try {
    work();
    return {};
  } catch (std::system_error const& error) {
    auto kind = error.code().value() == EINVAL ? Kind::invalid : Kind::internal;
    return std::unexpected(Error{kind, fmt::format("{}: {}", doing, error.what()), error.code()});
  }
}

}  // namespace

Result<void> make_image(MachineImage const& image, fs::path const& layer) {
  return tell("making the machine image", [&] {
    fs::create_directories(layer);
    for (auto masked : kMasked) {
      if (!fs::exists(masked)) continue;
      auto folder = place(layer, fs::path(masked) / "x").parent_path();
      if (::setxattr(folder.c_str(), "trusted.overlay.opaque", "y", 1, 0) != 0)
        throw std::system_error(errno, std::generic_category(), "masking " + std::string(masked));
    }
    for (auto const& [inside, outside] : image.files) fs::copy_file(outside, place(layer, inside));
  });
}

Result<void> prepare_root(InstanceFolders const& folders, InstanceSpec const& spec) {
  return tell("preparing the root disk of " + spec.id, [&] {
    if (!fs::exists(folders.disk)) {
      fs::create_directories(folders.disk);
      lay_disk(folders.disk, spec);
    }
    fs::create_directories(folders.overlay);
    fs::create_directories(folders.root);
    for (auto const& folder : {folders.sys, folders.dev, folders.run}) {
      fs::remove_all(folder);
      fs::create_directories(folder);
    }
    fs::create_directories(folders.run / "lock");
    make_dev(folders.dev);
    if (spec.containers) {
      make_container_dev(folders.dev);
      fs::create_directories(folders.sys / "fs/cgroup");
      fs::create_directories(folders.sysfs);
      for (auto const* tree : kKernelTrees) fs::create_directories(folders.sys / tree);
      // No overlay can be the upper layer of another, which the root disk is.
      fs::create_directories(folders.containerd);
      fs::create_directories(place(folders.disk, kContainerd / fs::path("x")).parent_path());
    }
    fs::create_directories(folders.sysctl);
    for (auto const& [name, value] : kKernelSettings)
      write(folders.sysctl / name, std::string(value) + "\n");
    write(folders.sysctl / kBootId, new_boot_id() + "\n");
    if (!folders.logs.empty()) fs::create_directories(folders.logs);
  });
}

namespace {

Result<void> mount_for_containers(InstanceFolders const& folders, std::string const& source) {
  auto const& root = folders.root;
  TRY(mount_on(folders.sysfs, source.c_str(), "sysfs", MS_RDONLY | kQuiet, ""));
  for (auto const* tree : kKernelTrees)
    TRY(mount_on(root / "sys" / tree, (folders.sysfs / tree).c_str(), nullptr, MS_BIND, ""));
  TRY(mount_on(root / "sys/fs/cgroup", source.c_str(), "tmpfs", kQuiet, "mode=755"));
  TRY(mount_cgroups(root / "sys/fs/cgroup"));
  return mount_on(root / fs::path(kContainerd).relative_path(), folders.containerd.c_str(), nullptr,
                  MS_BIND, "");
}

}  // namespace

Result<void> enter_root(InstanceFolders const& folders, fs::path const& image,
                        std::string const& source, bool containers) {
  auto const& root = folders.root;
  struct Mount {
    fs::path target;
    std::string source;
    char const* type;
    unsigned long flags;
    std::string options;
  };
  std::array const mounts = {
      Mount{root, source, "overlay", 0,
            fmt::format("lowerdir={}:/,upperdir={},workdir={}", image.string(),
                        folders.disk.string(), folders.overlay.string())},
      Mount{root / "proc", "proc", "proc", kQuiet, ""},
      Mount{root / "sys", folders.sys, nullptr, MS_BIND, ""},
      Mount{root / "sys", "", nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY | kQuiet, ""},
      Mount{root / "dev", folders.dev, nullptr, MS_BIND, ""},
      Mount{root / "dev/pts", source, "devpts", MS_NOSUID | MS_NOEXEC,
            "newinstance,ptmxmode=0666,mode=0620,gid=5"},
      Mount{root / "dev/shm", source, "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777"},
      Mount{root / "run", folders.run, nullptr, MS_BIND, ""},
      Mount{root / "tmp", source, "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777"},
  };
  for (auto const& each : mounts) {
    auto done = mount_on(each.target, each.source.c_str(), each.type, each.flags, each.options);
    if (!done) return done;
  }
  std::vector<std::string> covered = {kBootId};
  for (auto const& [name, value] : kKernelSettings) covered.emplace_back(name);
  for (auto const& name : covered) {
    auto below = name;
    std::ranges::replace(below, '.', '/');
    auto const target = root / "proc/sys" / below;
    if (std::error_code ignored; !fs::exists(target, ignored)) continue;
    auto done = mount_on(target, (folders.sysctl / name).c_str(), nullptr, MS_BIND, "");
    if (!done) return done;
  }
  if (!folders.logs.empty()) {
    auto done = mount_on(root / "var/log", folders.logs.c_str(), nullptr, MS_BIND, "");
    if (!done) return done;
  }
  if (containers)
    if (auto done = mount_for_containers(folders, source); !done) return done;
  // The new root goes over the old one, which is then taken away from below it.
  if (::chdir(root.c_str()) != 0 || ::syscall(SYS_pivot_root, ".", ".") != 0 ||
      ::umount2(".", MNT_DETACH) != 0 || ::chdir("/") != 0)
    return fail_errno(errno, "changing to the instance's root");
  // What is mounted for a pod is seen in its containers.
  if (containers && ::mount("", "/", nullptr, MS_REC | MS_SHARED, nullptr) != 0)
    return fail_errno(errno, "sharing the instance's mounts");
  return {};
}

}  // namespace haagent::sim
