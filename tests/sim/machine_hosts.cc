#include "tests/sim/machine_hosts.h"

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <ranges>
#include <thread>

#include "tests/sim/daemon.h"
#include "tests/sim/dhcp_server.h"
#include "tests/sim/ids.h"
#include "tests/sim/machine_arguments.h"
#include "tests/sim/machine_program.h"
#include "tests/sim/nvme_tree.h"
#include "tests/sim/qmp.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

// EC2 gives a guest some minutes before it turns the power off.
constexpr Duration kShutdownDeadline = 4min;
constexpr Duration kMonitorDeadline = 60s;
constexpr Duration kUnplugDeadline = 60s;
constexpr Duration kAskAgain = 10s;  // a guest that boots does not hear the first request
constexpr Duration kHeldDeadline = 20s;
constexpr Duration kExecuteDeadline = 3min;
constexpr char const* kNvmeModel = "haagent-sim-nvme-model.so";

// Whether a program in the guest mounts the disk of this serial, and where. /proc/1: the mounts of
// the machine, not of the agent that runs this.
constexpr char const* kWhereMounted = R"sh(
for disk in /sys/block/nvme*; do
  [ "$(tr -d ' ' <"$disk/device/serial")" = "$1" ] || continue
  awk -v number="$(cat "$disk/dev")" '$3 == number { print $5; exit }' /proc/1/mountinfo
done)sh";

struct Machine {
  explicit Machine(fs::path folder) : base(std::move(folder)) {}

  std::mutex operation;  // held through start, stop, plug ...; taken before the others
  fs::path base;
  InstanceSpec spec;
  MachinePlaces places;
  std::vector<MachineDisk> disks;  // in the order of attachment
  std::optional<Qmp> monitor;      // while it runs
  std::function<void()> on_exit;

  std::mutex mutex;  // guards what follows
  std::condition_variable changed;
  pid_t pid = 0;          // 0: off, and everything of the boot released
  bool ended = false;     // QEMU is gone, not yet released
  bool stopping = false;  // its end is our doing
};

}  // namespace

struct MachineHosts::Room {
  using Ptr = std::shared_ptr<Machine>;

  RegionNamespaces region;
  std::unique_ptr<NamespaceHosts> others;
  fs::path logs;
  fs::path beside;  // the folder of haagent-sim

  std::mutex mutex;  // guards what follows; taken last
  std::condition_variable changed;
  std::unique_ptr<DhcpServer> dhcp;
  std::map<std::string, Ptr> machines;
  int background = 0;

  Ptr find(std::string const& id) {
    std::lock_guard lock(mutex);
    auto const found = machines.find(id);
    return found == machines.end() ? nullptr : found->second;
  }
  static bool runs(Machine& machine) {
    std::lock_guard lock(machine.mutex);
    return machine.pid != 0 && !machine.ended;
  }
  Result<void> give_address(InstanceSpec const& spec);
  // Of a volume that a running machine has: its device takes over the size of the file.
  Result<void> grow(std::string const& volume_id, std::uint64_t bytes);
  // The following are called with machine.operation held.
  Result<void> boot(Ptr const& machine);
  void release(Machine& machine);
  void watch(Ptr const& machine, pid_t pid);
  void kill_and_wait(Machine& machine);
  void forget(Machine& machine);
};

Result<void> MachineHosts::Room::grow(std::string const& volume_id, std::uint64_t bytes) {
  std::vector<Ptr> all;
  {
    std::lock_guard lock(mutex);
    for (auto const& [id, machine] : machines) all.push_back(machine);
  }
  for (auto const& machine : all) {
    std::lock_guard operation(machine->operation);
    bool const here =
        std::ranges::find(machine->disks, volume_id, &MachineDisk::volume) != machine->disks.end();
    if (!here || !runs(*machine) || !machine->monitor) continue;
    if (auto done = machine->monitor->run(
            "block_resize", Tree::map({{"node-name", drive_name(volume_id)}, {"size", bytes}}));
        !done)
      return std::unexpected(done.error());
  }
  return {};
}

Result<void> MachineHosts::Room::give_address(InstanceSpec const& spec) {
  std::lock_guard lock(mutex);
  if (!dhcp) {
    auto started = DhcpServer::start(others->network().gateways(), region.work / "dhcp");
    if (!started) return std::unexpected(started.error());
    dhcp = std::move(*started);
  }
  return dhcp->know(mac_of(parse_ipv4(spec.address).value_or(0)), spec.address,
                    spec.hostname.substr(0, spec.hostname.find('.')));
}

Result<void> MachineHosts::Room::boot(Ptr const& machine) {
  auto const& spec = machine->spec;
  auto& places = machine->places;
  std::error_code failed;
  fs::create_directories(machine->base, failed);
  auto const console = logs.empty() ? machine->base : logs / spec.id;
  fs::create_directories(console, failed);
  if (failed) return fail_errno(failed.value(), "preparing " + machine->base.string());
  places = {machine->base / "monitor", machine->base / "agent", machine->base / "root.qcow2",
            console / "console.log", places.link};
  if (!fs::exists(places.root)) {
    auto made = run_machine_program({"qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b",
                                     spec.machine->image / "root.img", places.root});
    if (!made) return fail(made.error(), "making the root disk of {}", spec.id);
  }
  if (auto done = give_address(spec); !done) return done;
  auto link = others->network().connect_machine(spec.zone, spec.id);
  if (!link) return std::unexpected(link.error());
  places.link = *link;

  auto const log = machine->base / "qemu.log";
  auto const pid = start_daemon({machine_arguments(spec, places, machine->disks),
                                 {"LD_PRELOAD=" + (beside / kNvmeModel).string()},
                                 log});
  if (!pid) return std::unexpected(pid.error());
  {
    std::lock_guard lock(machine->mutex);
    machine->pid = *pid;
    machine->ended = machine->stopping = false;
  }
  watch(machine, *pid);
  auto monitor = Qmp::connect(places.monitor, kMonitorDeadline);
  if (!monitor) {
    {
      std::lock_guard lock(machine->mutex);
      machine->stopping = true;
    }
    kill_and_wait(*machine);
    return fail(monitor.error(), "starting QEMU: {}", end_of_log(log));
  }
  machine->monitor = std::move(*monitor);
  return {};
}

void MachineHosts::Room::watch(Ptr const& machine, pid_t pid) {
  {
    std::lock_guard lock(mutex);
    ++background;
  }
  std::thread([this, machine, pid] {
    ::waitpid(pid, nullptr, 0);
    bool ours = false;
    {
      std::lock_guard lock(machine->mutex);
      machine->ended = true;
      ours = machine->stopping;
      machine->changed.notify_all();
    }
    if (!ours) {  // else stop() releases
      std::function<void()> on_exit;
      {
        std::lock_guard operation(machine->operation);
        bool still = false;
        {
          std::lock_guard lock(machine->mutex);
          still = machine->pid == pid;
        }
        if (still) {
          release(*machine);
          on_exit = machine->on_exit;
        }
      }
      if (on_exit) on_exit();
    }
    std::lock_guard lock(mutex);
    --background;
    changed.notify_all();
  }).detach();
}

// After QEMU is gone. The root disk and the attachments stay.
void MachineHosts::Room::release(Machine& machine) {
  machine.monitor.reset();
  if (!machine.places.link.empty()) others->network().disconnect(machine.places.link);
  machine.places.link.clear();
  std::error_code ignored;
  fs::remove(machine.places.monitor, ignored);
  fs::remove(machine.places.agent, ignored);
  std::lock_guard lock(machine.mutex);
  machine.pid = 0;
  machine.changed.notify_all();
}

void MachineHosts::Room::kill_and_wait(Machine& machine) {
  std::unique_lock lock(machine.mutex);
  if (machine.pid == 0) return;
  if (!machine.ended) ::kill(machine.pid, SIGKILL);
  machine.changed.wait(lock, [&] { return machine.ended; });
}

void MachineHosts::Room::forget(Machine& machine) {
  {
    std::lock_guard lock(mutex);
    machines.erase(machine.spec.id);
  }
  machine.disks.clear();
  std::error_code ignored;
  fs::remove_all(machine.base, ignored);
}

MachineHosts::MachineHosts(RegionNamespaces const& region, std::unique_ptr<NamespaceHosts> others,
                           fs::path const& logs)
    : room_(std::make_unique<Room>()) {
  room_->region = region;
  room_->others = std::move(others);
  room_->logs = logs;
  std::error_code failed;
  room_->beside = fs::read_symlink("/proc/self/exe", failed).parent_path();
}

MachineHosts::~MachineHosts() {
  std::vector<std::string> ids;
  {
    std::lock_guard lock(room_->mutex);
    for (auto const& [id, _] : room_->machines) ids.push_back(id);
  }
  for (auto const& id : ids) (void)destroy(id);
  std::unique_lock lock(room_->mutex);
  room_->changed.wait(lock, [&] { return room_->background == 0; });
}

NamespaceHosts& MachineHosts::others() {
  return *room_->others;
}

Result<void> MachineHosts::create_zone(ZoneSpec const& zone) {
  return room_->others->create_zone(zone);
}

Result<void> MachineHosts::start(InstanceSpec const& spec, std::function<void()> on_exit) {
  if (!spec.machine) return room_->others->start(spec, std::move(on_exit));
  Room::Ptr machine;
  bool fresh = false;
  {
    std::lock_guard lock(room_->mutex);
    auto& slot = room_->machines[spec.id];
    fresh = !slot;
    if (fresh) slot = std::make_shared<Machine>(room_->region.work / "machines" / spec.id);
    machine = slot;
  }
  std::lock_guard operation(machine->operation);
  {
    std::lock_guard lock(machine->mutex);
    if (machine->pid != 0) return fail(Kind::conflict, "instance {} is running", spec.id);
  }
  machine->spec = spec;
  machine->on_exit = std::move(on_exit);
  auto done = room_->boot(machine);
  if (done) return {};
  room_->release(*machine);
  if (fresh) room_->forget(*machine);
  return fail(done.error(), "starting {}", spec.id);
}

Result<void> MachineHosts::stop(std::string const& id, Stop how) {
  auto const found = room_->find(id);
  if (!found) return room_->others->stop(id, how);
  auto& machine = *found;
  std::lock_guard operation(machine.operation);
  {
    std::lock_guard lock(machine.mutex);
    if (machine.pid == 0) return {};
    machine.stopping = true;
  }
  if (how != Stop::power_cut && machine.monitor) {
    // A reboot ends QEMU: the next start() is the next boot.
    bool asked = how == Stop::reboot &&
                 machine.monitor->run("set-action", Tree::map({{"reboot", "shutdown"}})) &&
                 ask_guest_to_reboot(machine.places.agent, 30s);
    if (!asked) asked = machine.monitor->run("system_powerdown").has_value();
    std::unique_lock lock(machine.mutex);
    if (asked) machine.changed.wait_for(lock, kShutdownDeadline, [&] { return machine.ended; });
  }
  room_->kill_and_wait(machine);
  room_->release(machine);
  return {};
}

Result<void> MachineHosts::destroy(std::string const& id) {
  auto const machine = room_->find(id);
  if (!machine) return room_->others->destroy(id);
  if (auto done = stop(id, Stop::power_cut); !done) return done;
  std::lock_guard operation(machine->operation);
  room_->forget(*machine);
  return {};
}

Result<void> MachineHosts::freeze(std::string const& id, bool frozen) {
  auto const machine = room_->find(id);
  if (!machine) return room_->others->freeze(id, frozen);
  std::lock_guard operation(machine->operation);
  if (!machine->monitor) return fail(Kind::conflict, "instance {} is not running", id);
  auto done = machine->monitor->run(frozen ? "stop" : "cont");
  if (!done) return std::unexpected(done.error());
  return {};
}

Result<std::vector<std::string>> MachineHosts::way_into(std::string const& id) {
  auto const machine = room_->find(id);
  if (!machine) return room_->others->way_into(id);
  if (!Room::runs(*machine)) return fail(Kind::conflict, "instance {} is not running", id);
  return std::vector<std::string>{room_->beside / "haagent-sim", kGuestRun,
                                  machine->base / "agent"};
}

Result<std::string> MachineHosts::execute(std::string const& id,
                                          std::vector<std::string> const& argv) {
  auto const machine = room_->find(id);
  if (!machine) return room_->others->execute(id, argv);
  if (!Room::runs(*machine)) return fail(Kind::conflict, "instance {} is not running", id);
  auto outcome = run_in_guest(machine->base / "agent", argv, kExecuteDeadline);
  if (!outcome) return std::unexpected(outcome.error());
  auto text = outcome->out + outcome->err;
  if (outcome->code != 0)
    return fail(Kind::internal, "{} ended with {}: {}", argv.front(), outcome->code, text);
  return text;
}

Result<fs::path> MachineHosts::root_of(std::string const& id) {
  if (!room_->find(id)) return room_->others->root_of(id);
  return fail(Kind::invalid, "the files of {} are a machine's own: run a program there", id);
}

Result<void> MachineHosts::create_volume(std::string const& volume_id, std::uint64_t bytes,
                                         fs::path const& from) {
  return room_->others->create_volume(volume_id, bytes, from);
}

Result<void> MachineHosts::grow_volume(std::string const& volume_id, std::uint64_t bytes) {
  if (auto grown = room_->others->grow_volume(volume_id, bytes); !grown) return grown;
  return room_->grow(volume_id, bytes);
}

Result<void> MachineHosts::delete_volume(std::string const& volume_id) {
  return room_->others->delete_volume(volume_id);
}

fs::path MachineHosts::volume_file(std::string const& volume_id) {
  return room_->others->volume_file(volume_id);
}

Result<void> MachineHosts::plug(std::string const& volume_id, std::string const& instance_id,
                                std::string const& device) {
  auto const found = room_->find(instance_id);
  if (!found) return room_->others->plug(volume_id, instance_id, device);
  auto& machine = *found;
  std::lock_guard operation(machine.operation);
  MachineDisk disk{volume_id, volume_file(volume_id), 1};
  while (std::ranges::find(machine.disks, disk.port, &MachineDisk::port) != machine.disks.end())
    ++disk.port;
  if (disk.port > kMachinePorts)
    return fail(Kind::conflict, "{} has {} volumes already", instance_id, kMachinePorts);
  if (Room::runs(machine) && machine.monitor) {
    auto& monitor = *machine.monitor;
    auto done = monitor.run("blockdev-add", drive_of(disk));
    if (done) {
      done = monitor.run("device_add", device_of(disk));
      if (!done)
        (void)monitor.run("blockdev-del", Tree::map({{"node-name", drive_name(volume_id)}}));
    }
    if (!done) return fail(done.error(), "attaching {} to {}", volume_id, instance_id);
  }
  machine.disks.push_back(std::move(disk));
  return {};
}

Result<void> MachineHosts::unplug(std::string const& volume_id, std::string const& instance_id) {
  auto const found = room_->find(instance_id);
  if (!found) return room_->others->unplug(volume_id, instance_id);
  auto& machine = *found;
  std::lock_guard operation(machine.operation);
  auto const disk = std::ranges::find(machine.disks, volume_id, &MachineDisk::volume);
  if (disk == machine.disks.end())
    return fail(Kind::invalid, "volume {} is not attached to {}", volume_id, instance_id);
  if (Room::runs(machine) && machine.monitor) {
    // A guest would give away a disk that it mounts, and lose what it has not written yet.
    auto const held =
        run_in_guest(machine.places.agent,
                     {"/bin/sh", "-c", kWhereMounted, "sh", serial_of(volume_id)}, kHeldDeadline);
    if (!held)
      return fail(Kind::conflict, "volume {} may be in use on {}: {}", volume_id, instance_id,
                  held.error().message.text);
    if (!held->out.empty())
      return fail(Kind::conflict, "volume {} is in use on {}: it is mounted on {}", volume_id,
                  instance_id, held->out.substr(0, held->out.find('\n')));
    auto& monitor = *machine.monitor;
    monitor.forget();
    auto const device = device_name(volume_id);
    auto const until = std::chrono::steady_clock::now() + kUnplugDeadline;
    for (bool gone = false; !gone;) {
      // Asked twice it says that it is being done.
      (void)monitor.run("device_del", Tree::map({{"id", device}}));
      auto const now = std::chrono::steady_clock::now();
      if (now >= until)
        return fail(Kind::conflict, "volume {}: {} does not let it go", volume_id, instance_id);
      gone = monitor.saw("DEVICE_DELETED", device, std::min(until, now + kAskAgain));
      if (!Room::runs(machine)) break;  // the power went: so did the device
    }
    if (Room::runs(machine)) {
      auto closed = monitor.run("blockdev-del", Tree::map({{"node-name", drive_name(volume_id)}}));
      if (!closed) return fail(closed.error(), "detaching {}", volume_id);
    }
  }
  machine.disks.erase(disk);
  return {};
}

Result<void> MachineHosts::set_targets(std::vector<std::string> const& addresses) {
  return room_->others->set_targets(addresses);
}

Result<void> MachineHosts::partition(std::vector<std::string> const& one,
                                     std::vector<std::string> const& other) {
  return room_->others->partition(one, other);
}

Result<void> MachineHosts::heal() {
  return room_->others->heal();
}

int guest_run(int argc, char** argv) {
  if (argc < 4) return 2;
  auto const outcome = run_in_guest(argv[2], {argv + 3, argv + argc}, 1h);
  if (!outcome) {
    fmt::print(stderr, "haagent-sim: {}\n", outcome.error().message.text);
    return 1;
  }
  std::fwrite(outcome->out.data(), 1, outcome->out.size(), stdout);
  std::fwrite(outcome->err.data(), 1, outcome->err.size(), stderr);
  return outcome->code;
}

}  // namespace haagent::sim
