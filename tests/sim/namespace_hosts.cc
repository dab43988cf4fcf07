#include "tests/sim/namespace_hosts.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <ranges>
#include <thread>

#include "tests/sim/cgroups.h"
#include "tests/sim/instance_process.h"
#include "tests/sim/load_balancer.h"
#include "tests/sim/loop_device.h"
#include "tests/sim/machine_program.h"
#include "tests/sim/nvme_tree.h"
#include "tests/sim/sparse_file.h"
#include "tests/sim/zone_network.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr Duration kShutdownDeadline = 90s;
constexpr Duration kReleaseDeadline = 10s;  // the kernel unmounts a moment after the last process
constexpr Duration kUnplugDeadline = 2s;    // a program may just be looking at the device
constexpr Duration kExecuteDeadline = 60s;
constexpr int kNvmeNumbers = 26;
constexpr char const* kStandin = "/usr/lib/haagent-sim/apiserver";

// A volume attached to an instance, running or not.
struct Plug {
  std::string volume;
  std::uint64_t serial = 0;        // tells this attachment from a later one
  std::optional<LoopDevice> loop;  // while the instance runs
  NvmeDisk disk;
  bool shown = false;
};

struct Instance {
  Instance(InstanceSpec const& what, fs::path const& base)
      : spec(what), folders(base), tree(folders.sys, folders.dev, folders.run) {}

  std::mutex operation;  // held through start, stop, plug ...; taken before the others
  InstanceSpec spec;
  InstanceFolders folders;
  NvmeTree tree;
  bool udev = true;
  std::string link;
  std::optional<InstanceCgroups> cgroups;
  std::vector<Plug> plugs;  // in the order of attachment
  std::function<void()> on_exit;

  std::mutex mutex;  // guards what follows
  std::condition_variable changed;
  pid_t pid = 0;          // 0: off, and everything of the boot released
  bool ended = false;     // pid 1 is gone, not yet released
  bool stopping = false;  // its end is our doing
};

struct Volume {
  std::uint64_t bytes = 0;
  std::string instance;  // empty: free
  std::optional<DiskFault> fault;
};

bool is_name(std::string const& text) {
  return !text.empty() && text.size() < 64 && text[0] != '.' &&
         text.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") ==
             std::string::npos;
}

}  // namespace

struct NamespaceHosts::Machine {
  using Ptr = std::shared_ptr<Instance>;

  RegionNamespaces region;
  Options options;
  ZoneNetwork network;
  std::unique_ptr<LoadBalancer> balancer;
  fs::path program;  // haagent-sim: what instances start with
  std::atomic<std::uint64_t> sequence{1};

  std::mutex mutex;  // guards what follows; taken last
  std::condition_variable changed;
  std::map<std::string, Ptr> instances;
  std::map<std::string, Volume> volumes;
  DeviceOptions device_options;
  int background = 0;
  bool closing = false;

  fs::path image() const { return region.work / "image"; }
  fs::path file_of(std::string const& volume) const { return region.work / "volumes" / volume; }

  Result<Ptr> find(std::string const& id) {
    std::lock_guard lock(mutex);
    auto found = instances.find(id);
    if (found == instances.end()) return fail(Kind::invalid, "there is no instance {}", id);
    return found->second;
  }
  Result<pid_t> running(std::string const& id) {
    auto instance = find(id);
    if (!instance) return std::unexpected(instance.error());
    std::lock_guard lock((*instance)->mutex);
    if ((*instance)->pid == 0 || (*instance)->ended)
      return fail(Kind::conflict, "instance {} is not running", id);
    return (*instance)->pid;
  }
  DeviceOptions devices() {
    std::lock_guard lock(mutex);
    return device_options;
  }

  // A thread that the destructor waits for.
  void in_background(std::function<void()> work) {
    {
      std::lock_guard lock(mutex);
      ++background;
    }
    std::thread([this, work = std::move(work)] {
      work();
      std::lock_guard lock(mutex);
      --background;
      changed.notify_all();
    }).detach();
  }

  // The following are called with instance.operation held.
  Result<void> attach(Instance& instance, Plug& plug);
  Result<void> show(Instance& instance, Plug& plug, bool node);
  void announce(Instance& instance, Plug const& plug, std::string const& action);
  void release(Instance& instance);
  Result<void> boot(Ptr const& instance);
  void cut_power(Instance& instance);
  void forget(Instance& instance);
  void kill_and_wait(Instance& instance);

  void watch(Ptr const& instance, pid_t pid);
  void show_later(Ptr const& instance, std::uint64_t serial, Duration delay);
};

// The loop device and the number that the volume will be seen under.
Result<void> NamespaceHosts::Machine::attach(Instance& instance, Plug& plug) {
  Volume volume;
  bool downwards = false;
  {
    std::lock_guard lock(mutex);
    volume = volumes[plug.volume];
    downwards = device_options.swap_nvme_order;
  }
  auto used = [&](int number) {
    return std::ranges::any_of(instance.plugs, [&](Plug const& other) {
      return &other != &plug && other.loop && other.disk.number == number;
    });
  };
  int number = downwards ? kNvmeNumbers : 1;
  while (number >= 1 && number <= kNvmeNumbers && used(number)) number += downwards ? -1 : 1;
  if (number < 1 || number > kNvmeNumbers)
    return fail(Kind::conflict, "{} has {} volumes already", instance.spec.id, kNvmeNumbers);

  auto name = fmt::format("haagent-sim-{}/{}", region.marker, plug.volume);
  auto file = file_of(plug.volume);
  std::error_code failed;
  // A broken volume's file is empty: give it its size for as long as the device is set up.
  if (volume.fault) fs::resize_file(file, volume.bytes, failed);
  auto loop = LoopDevice::attach(file, name, region.work / "nodes");
  if (!loop) return std::unexpected(loop.error());
  if (volume.fault) fs::resize_file(file, 0, failed);
  if (volume.fault == DiskFault::dead)
    if (auto done = loop->follow_size(); !done) return done;
  plug.disk = {number, loop->number(), volume.bytes, serial_of(plug.volume)};
  plug.loop = std::move(*loop);
  return {};
}

Result<void> NamespaceHosts::Machine::show(Instance& instance, Plug& plug, bool node) {
  if (auto done = instance.tree.add(plug.disk, instance.udev); !done) return done;
  plug.shown = true;
  if (node) announce(instance, plug, "add");
  return {};
}

void NamespaceHosts::Machine::announce(Instance& instance, Plug const& plug,
                                       std::string const& action) {
  if (!instance.udev) return;
  pid_t pid = 0;
  {
    std::lock_guard lock(instance.mutex);
    pid = instance.ended ? 0 : instance.pid;
  }
  // An instance that just died hears nothing.
  if (pid != 0)
    (void)send_uevent(pid, encode_uevent(instance.tree.event(plug.disk, action, sequence++)));
}

// After pid 1 is gone: the link, the loop devices. The root disk and the attachments stay.
void NamespaceHosts::Machine::release(Instance& instance) {
  network.disconnect(instance.link);
  if (instance.cgroups) instance.cgroups->remove();
  instance.cgroups.reset();
  for (auto& plug : instance.plugs) {
    // The last users are going as we wait; a device that stays held (by whom?) is let go by the
    // kernel with its last user.
    if (plug.loop) (void)plug.loop->detach(kReleaseDeadline);
    plug.loop.reset();
    plug.shown = false;
  }
  std::lock_guard lock(instance.mutex);
  instance.pid = 0;
  instance.changed.notify_all();
}

Result<void> NamespaceHosts::Machine::boot(Ptr const& instance) {
  auto& spec = instance->spec;
  instance->udev = devices().udev;
  if (auto done = prepare_root(instance->folders, spec); !done) return done;
  // As with every volume: the id with another prefix.
  auto root_serial = serial_of("vol" + spec.id.substr(std::min<std::size_t>(2, spec.id.size())));
  if (auto done = instance->tree.make(root_serial, instance->udev); !done) return done;
  for (auto& plug : instance->plugs) {
    auto done = attach(*instance, plug);
    if (done) done = show(*instance, plug, false);
    if (!done) return fail(done.error(), "attaching {}", plug.volume);
  }
  Boot boot{instance->folders, image(), "haagent-sim-" + region.marker,
            spec.hostname,     {},      spec.containers};
  boot.init.main = {.name = {}, .argv = spec.argv, .final_codes = {77, 78}};
  if (spec.containers) {
    instance->cgroups = TRY(InstanceCgroups::make(region.marker, spec.id));
  } else {
    boot.init.services.push_back({.name = {}, .argv = {kStandin}, .final_codes = {}});
  }
  for (auto const& service : spec.services)
    boot.init.services.push_back(
        {.name = service.name, .argv = service.argv, .final_codes = {}, .always = true});
  boot.init.environment = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                           "HOME=/root", "LC_ALL=C.UTF-8", "SYSTEMD_DEVICE_VERIFY_SYSFS=0",
                           "HAAGENT_SIM=" + region.marker};
  auto pid = boot_instance(program, boot, [&](pid_t init) -> Result<void> {
    auto link = network.connect(spec.zone, spec.address, init, spec.id);
    if (!link) return std::unexpected(link.error());
    instance->link = *link;
    return instance->cgroups ? instance->cgroups->enter(init) : Result<void>{};
  });
  if (!pid) return std::unexpected(pid.error());
  std::lock_guard lock(instance->mutex);
  instance->pid = *pid;
  instance->ended = instance->stopping = false;
  watch(instance, *pid);
  return {};
}

void NamespaceHosts::Machine::watch(Ptr const& instance, pid_t pid) {
  in_background([this, instance, pid] {
    ::waitpid(pid, nullptr, 0);
    bool ours = false;
    {
      std::lock_guard lock(instance->mutex);
      instance->ended = true;
      ours = instance->stopping;
      instance->changed.notify_all();
    }
    if (ours) return;  // stop() releases
    std::function<void()> on_exit;
    {
      std::lock_guard operation(instance->operation);
      {
        std::lock_guard lock(instance->mutex);
        if (instance->pid != pid) return;  // stop() came first
      }
      release(*instance);
      on_exit = instance->on_exit;
    }
    if (on_exit) on_exit();
  });
}

void NamespaceHosts::Machine::kill_and_wait(Instance& instance) {
  std::unique_lock lock(instance.mutex);
  if (!instance.ended) ::kill(instance.pid, SIGKILL);
  instance.changed.wait(lock, [&] { return instance.ended; });
}

void NamespaceHosts::Machine::cut_power(Instance& instance) {
  pid_t pid = 0;
  {
    std::lock_guard lock(instance.mutex);
    pid = instance.ended ? 0 : instance.pid;
  }
  if (pid != 0) {
    // All at once: nobody sees the others fail. A process in the kernel's hands does not stop; it
    // gets EIO instead.
    (void)freeze_processes(pid, true, instance.cgroups);
    for (auto const& plug : instance.plugs)
      if (plug.loop) (void)cut_file_systems(pid, plug.loop->number());
  }
  kill_and_wait(instance);
  release(instance);
}

// The root disk, the attachments and the name. It is off.
void NamespaceHosts::Machine::forget(Instance& instance) {
  {
    std::lock_guard lock(mutex);
    instances.erase(instance.spec.id);
    for (auto const& plug : instance.plugs) volumes[plug.volume].instance.clear();
  }
  instance.plugs.clear();
  std::error_code ignored;
  fs::remove_all(instance.folders.base, ignored);
}

void NamespaceHosts::Machine::show_later(Ptr const& instance, std::uint64_t serial,
                                         Duration delay) {
  in_background([this, instance, serial, delay] {
    auto due = std::chrono::steady_clock::now() + delay;
    {
      std::unique_lock lock(mutex);
      if (changed.wait_until(lock, due, [&] { return closing; })) return;
    }
    std::lock_guard operation(instance->operation);
    for (auto& plug : instance->plugs)
      if (plug.serial == serial && plug.loop && !plug.shown) (void)show(*instance, plug, true);
  });
}

NamespaceHosts::NamespaceHosts(std::unique_ptr<Machine> machine) : machine_(std::move(machine)) {}

Result<std::unique_ptr<NamespaceHosts>> NamespaceHosts::create(RegionNamespaces const& region,
                                                               Options const& options) {
  auto machine = std::make_unique<Machine>();
  machine->region = region;
  machine->options = options;
  auto image = options.image;
  std::error_code failed;
  auto const beside = fs::read_symlink("/proc/self/exe", failed).parent_path();
  machine->program = beside / "haagent-sim";
  auto standin = options.apiserver_standin;
  if (standin.empty()) standin = beside / "haagent-sim-apiserver";
  image.files.emplace_back(kStandin, standin);
  if (auto done = make_image(image, machine->image()); !done) return std::unexpected(done.error());
  sweep_cgroups();
  for (auto folder : {"volumes", "nodes", "instances"})
    fs::create_directories(region.work / folder, failed);
  if (failed) return fail_errno(failed.value(), "preparing " + region.work.string());
  if (auto done = machine->network.set_up({options.load_balancer.address}); !done)
    return fail(done.error(), "setting up the region's network");
  auto balancer = LoadBalancer::start(options.load_balancer, region.work / "haproxy");
  if (!balancer) return std::unexpected(balancer.error());
  machine->balancer = std::move(*balancer);
  return std::unique_ptr<NamespaceHosts>(new NamespaceHosts(std::move(machine)));
}

NamespaceHosts::~NamespaceHosts() {
  std::vector<std::string> ids;
  {
    std::lock_guard lock(machine_->mutex);
    machine_->closing = true;
    machine_->changed.notify_all();
    for (auto const& [id, instance] : machine_->instances) ids.push_back(id);
  }
  for (auto const& id : ids) (void)destroy(id);
  std::unique_lock lock(machine_->mutex);
  machine_->changed.wait(lock, [&] { return machine_->background == 0; });
}

Result<void> NamespaceHosts::create_zone(ZoneSpec const& zone) {
  return machine_->network.create_zone(zone);
}

Result<void> NamespaceHosts::start(InstanceSpec const& spec, std::function<void()> on_exit) {
  if (!is_name(spec.id)) return fail(Kind::invalid, "'{}' is no instance id", spec.id);
  Machine::Ptr instance;
  bool fresh = false;
  {
    std::lock_guard lock(machine_->mutex);
    auto& slot = machine_->instances[spec.id];
    fresh = !slot;
    if (fresh) {
      slot = std::make_shared<Instance>(spec, machine_->region.work / "instances" / spec.id);
      auto const& logs = machine_->options.logs;
      if (!logs.empty()) slot->folders.logs = logs / spec.id;
    }
    instance = slot;
  }
  std::lock_guard operation(instance->operation);
  {
    std::lock_guard lock(instance->mutex);
    if (instance->pid != 0) return fail(Kind::conflict, "instance {} is running", spec.id);
  }
  instance->spec = spec;
  instance->on_exit = std::move(on_exit);
  auto done = machine_->boot(instance);
  if (done) return {};
  machine_->release(*instance);
  if (fresh) machine_->forget(*instance);
  return fail(done.error(), "starting {}", spec.id);
}

Result<void> NamespaceHosts::stop(std::string const& id, Stop how) {
  auto found = machine_->find(id);
  if (!found) return {};
  auto& instance = **found;
  std::lock_guard operation(instance.operation);
  {
    std::unique_lock lock(instance.mutex);
    if (instance.pid == 0) return {};
    instance.stopping = true;
    if (how != Stop::power_cut && !instance.ended) {
      ::kill(instance.pid, how == Stop::reboot ? SIGINT : SIGTERM);
      instance.changed.wait_for(lock, kShutdownDeadline, [&] { return instance.ended; });
    }
  }
  machine_->cut_power(instance);
  return {};
}

Result<void> NamespaceHosts::destroy(std::string const& id) {
  if (auto done = stop(id, Stop::power_cut); !done) return done;
  auto found = machine_->find(id);
  if (!found) return {};
  auto instance = *found;
  std::lock_guard operation(instance->operation);
  machine_->forget(*instance);
  return {};
}

Result<void> NamespaceHosts::freeze(std::string const& id, bool frozen) {
  auto instance = TRY(machine_->find(id));
  std::lock_guard operation(instance->operation);
  auto const pid = TRY(machine_->running(id));
  return freeze_processes(pid, frozen, instance->cgroups);
}

Result<std::vector<std::string>> NamespaceHosts::way_into(std::string const& id) {
  auto pid = machine_->running(id);
  if (!pid) return std::unexpected(pid.error());
  return std::vector<std::string>{"nsenter",
                                  "--target",
                                  std::to_string(*pid),
                                  "--mount",
                                  "--uts",
                                  "--ipc",
                                  "--net",
                                  "--pid",
                                  "--",
                                  "env",
                                  "-C",
                                  "/",
                                  "HOME=/root",
                                  "SYSTEMD_DEVICE_VERIFY_SYSFS=0",
                                  "HAAGENT_SIM=" + machine_->region.marker};
}

Result<std::string> NamespaceHosts::execute(std::string const& id,
                                            std::vector<std::string> const& argv) {
  return execute(id, argv, kExecuteDeadline);
}

Result<std::string> NamespaceHosts::execute(std::string const& id,
                                            std::vector<std::string> const& argv,
                                            Duration deadline) {
  auto words = way_into(id);
  if (!words) return std::unexpected(words.error());
  words->insert(words->end(), argv.begin(), argv.end());
  return run_machine_program(*words, {}, deadline);
}

Result<fs::path> NamespaceHosts::root_of(std::string const& id) {
  auto pid = machine_->running(id);
  if (!pid) return std::unexpected(pid.error());
  return fs::path(fmt::format("/proc/{}/root", *pid));
}

Result<void> NamespaceHosts::create_volume(std::string const& volume_id, std::uint64_t bytes,
                                           fs::path const& from) {
  if (!is_name(volume_id)) return fail(Kind::invalid, "'{}' is no volume id", volume_id);
  if (bytes == 0 || bytes % 512 != 0)
    return fail(Kind::invalid, "volume {}: {} bytes is no whole number of 512-byte sectors",
                volume_id, bytes);
  auto file = machine_->file_of(volume_id);
  auto made = from.empty() ? make_sparse_file(file, bytes) : copy_sparse_file(file, bytes, from);
  if (!made) return fail(made.error(), "making volume {}", volume_id);
  std::lock_guard lock(machine_->mutex);
  machine_->volumes[volume_id] = {bytes, {}, {}};
  return {};
}

Result<void> NamespaceHosts::grow_volume(std::string const& volume_id, std::uint64_t bytes) {
  std::string holder;
  {
    std::lock_guard lock(machine_->mutex);
    auto volume = machine_->volumes.find(volume_id);
    if (volume == machine_->volumes.end())
      return fail(Kind::invalid, "there is no volume {}", volume_id);
    if (bytes < volume->second.bytes || bytes % 512 != 0)
      return fail(Kind::invalid, "volume {} of {} bytes cannot become one of {}", volume_id,
                  volume->second.bytes, bytes);
    std::error_code failed;
    if (!volume->second.fault) fs::resize_file(machine_->file_of(volume_id), bytes, failed);
    if (failed) return fail_errno(failed.value(), "growing " + volume_id);
    volume->second.bytes = bytes;
    holder = volume->second.instance;
  }
  auto found = machine_->find(holder);
  if (!found) return {};
  auto& instance = **found;
  std::lock_guard operation(instance.operation);
  for (auto& plug : instance.plugs) {
    if (plug.volume != volume_id || !plug.loop) continue;
    if (auto done = plug.loop->follow_size(); !done) return done;
    plug.disk.bytes = bytes;
    if (!plug.shown) continue;
    if (auto done = instance.tree.resize(plug.disk); !done) return done;
    machine_->announce(instance, plug, "change");
  }
  return {};
}

Result<void> NamespaceHosts::delete_volume(std::string const& volume_id) {
  std::lock_guard lock(machine_->mutex);
  auto found = machine_->volumes.find(volume_id);
  if (found == machine_->volumes.end())
    return fail(Kind::invalid, "there is no volume {}", volume_id);
  if (!found->second.instance.empty())
    return fail(Kind::conflict, "volume {} is attached to {}", volume_id, found->second.instance);
  machine_->volumes.erase(found);
  std::error_code ignored;
  fs::remove(machine_->file_of(volume_id), ignored);
  return {};
}

fs::path NamespaceHosts::volume_file(std::string const& volume_id) {
  return machine_->file_of(volume_id);
}

Result<void> NamespaceHosts::plug(std::string const& volume_id, std::string const& instance_id,
                                  std::string const& device_name) {
  auto found = machine_->find(instance_id);
  if (!found) return fail(found.error(), "attaching {} as {}", volume_id, device_name);
  auto& instance = **found;
  std::lock_guard operation(instance.operation);
  {
    std::lock_guard lock(machine_->mutex);
    auto volume = machine_->volumes.find(volume_id);
    if (volume == machine_->volumes.end())
      return fail(Kind::invalid, "there is no volume {}", volume_id);
    if (!volume->second.instance.empty())
      return fail(Kind::conflict, "volume {} is attached to {}", volume_id,
                  volume->second.instance);
    if (!machine_->instances.contains(instance_id))  // destroyed while we waited
      return fail(Kind::invalid, "there is no instance {}", instance_id);
    volume->second.instance = instance_id;
  }
  auto& plug = instance.plugs.emplace_back();
  plug.volume = volume_id;
  plug.serial = machine_->sequence++;
  bool on = false;
  {
    std::lock_guard lock(instance.mutex);
    on = instance.pid != 0 && !instance.ended;
  }
  if (!on) return {};  // seen at the next boot
  auto delay = machine_->devices().node_delay;
  auto done = machine_->attach(instance, plug);
  if (done && delay > 0ms) machine_->show_later(*found, plug.serial, delay);
  if (done && delay <= 0ms) done = machine_->show(instance, plug, true);
  if (done) return {};
  instance.plugs.pop_back();
  std::lock_guard lock(machine_->mutex);
  machine_->volumes[volume_id].instance.clear();
  return fail(done.error(), "attaching {} to {} as {}", volume_id, instance_id, device_name);
}

Result<void> NamespaceHosts::unplug(std::string const& volume_id, std::string const& instance_id) {
  auto found = machine_->find(instance_id);
  if (!found) return std::unexpected(found.error());
  auto& instance = **found;
  std::lock_guard operation(instance.operation);
  auto plug = std::ranges::find(instance.plugs, volume_id, &Plug::volume);
  if (plug == instance.plugs.end())
    return fail(Kind::invalid, "volume {} is not attached to {}", volume_id, instance_id);
  if (plug->loop) {
    auto busy = [&](Error const& error) {
      return fail(Kind::conflict, "volume {} is in use on {}: {}", volume_id, instance_id,
                  error.message.text);
    };
    // The device goes before the number is free for others to use. Where somebody mounts it, it
    // does not even blink.
    if (auto free = plug->loop->wait_until_free(kUnplugDeadline); !free) return busy(free.error());
    bool shown = plug->shown;
    if (shown)
      if (auto done = instance.tree.remove(plug->disk, instance.udev); !done) return done;
    if (auto done = plug->loop->detach(kUnplugDeadline); !done) {
      if (shown) (void)instance.tree.add(plug->disk, instance.udev);
      return busy(done.error());
    }
    if (shown) machine_->announce(instance, *plug, "remove");
  }
  instance.plugs.erase(plug);
  std::lock_guard lock(machine_->mutex);
  machine_->volumes[volume_id].instance.clear();
  return {};
}

Result<void> NamespaceHosts::set_targets(std::vector<std::string> const& addresses) {
  return machine_->balancer->set_targets(addresses);
}

Result<void> NamespaceHosts::partition(std::vector<std::string> const& one,
                                       std::vector<std::string> const& other) {
  return machine_->network.partition(one, other);
}

Result<void> NamespaceHosts::heal() {
  return machine_->network.heal();
}

void NamespaceHosts::set_device_options(DeviceOptions const& options) {
  std::lock_guard lock(machine_->mutex);
  machine_->device_options = options;
}

Result<void> NamespaceHosts::break_volume(std::string const& volume_id, DiskFault fault) {
  std::string holder;
  {
    std::lock_guard lock(machine_->mutex);
    auto volume = machine_->volumes.find(volume_id);
    if (volume == machine_->volumes.end())
      return fail(Kind::invalid, "there is no volume {}", volume_id);
    volume->second.fault = fault;
    holder = volume->second.instance;
    std::error_code failed;
    fs::resize_file(machine_->file_of(volume_id), 0, failed);
    if (failed) return fail_errno(failed.value(), "breaking " + volume_id);
  }
  auto found = machine_->find(holder);
  if (!found) return {};  // free: it shows when it is attached
  std::lock_guard operation((*found)->operation);
  for (auto& plug : (*found)->plugs) {
    if (plug.volume != volume_id || !plug.loop) continue;
    if (fault == DiskFault::dead)
      if (auto done = plug.loop->follow_size(); !done) return done;
    if (auto done = plug.loop->drop_caches(); !done) return done;
  }
  return {};
}

std::string const& NamespaceHosts::load_balancer_address() const {
  return machine_->options.load_balancer.address;
}

ZoneNetwork& NamespaceHosts::network() {
  return machine_->network;
}

}  // namespace haagent::sim
