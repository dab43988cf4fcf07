#include "agent/base/units_systemd.h"

#include <grp.h>
#include <pwd.h>
#include <sdbus-c++/sdbus-c++.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <mutex>

#include "agent/base/journal.h"
#include "agent/base/last_words.h"
#include "agent/base/machine_end.h"
#include "agent/base/wait_accounting.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;

constexpr char kService[] = "org.freedesktop.systemd1";
constexpr char kManager[] = "org.freedesktop.systemd1.Manager";
constexpr char kUnit[] = "org.freedesktop.systemd1.Unit";
constexpr char kServiceUnit[] = "org.freedesktop.systemd1.Service";
constexpr Duration kCallTimeout = 10s;
constexpr Duration kStampsTimeout = 2s;
constexpr Duration kPoll = 100ms;
constexpr Duration kKillGrace = 5s;
// Of a run that has ended: etcd's last line has a stack of some KiB in it.
constexpr std::size_t kOutput = 64u << 10u;
// How long a queued stop may wait for its turn.
constexpr Duration kTurn = 1s;

// The connection is at its end: the bus has ended or was restarted.
bool is_dead(std::string_view error) {
  return error.ends_with(".Disconnected") || error.ends_with(".ECONNRESET") ||
         error.ends_with(".ENOTCONN") || error.ends_with(".EPIPE");
}

Error to_error(sdbus::Error const& error, std::string_view doing) {
  std::string_view name = error.getName();
  auto kind = Kind::internal;
  if (name.ends_with(".AccessDenied") || name.ends_with(".InteractiveAuthorizationRequired")) {
    kind = Kind::denied;
  } else if (name.ends_with(".NoSuchUnit") || name.ends_with(".LoadFailed") ||
             name.ends_with(".UnitMasked") || name.ends_with(".BadUnitSetting") ||
             name.ends_with(".InvalidArgs")) {
    kind = Kind::invalid;
  } else if (name.ends_with(".NoReply") || name.ends_with(".Timeout") ||
             name.ends_with(".TimedOut") || is_dead(name) || name.ends_with(".ServiceUnknown") ||
             name.ends_with(".NoServer") || name.ends_with(".FileNotFound") ||
             name.ends_with(".TransactionIsDestructive")) {
    // The bus is not up yet or is being restarted, or a stop of the unit is queued.
    kind = Kind::transient;
  }
  auto what = fmt::format("{}: {} ({})", doing, error.getMessage(), name);
  if (!SystemdUnits::available()) {
    kind = Kind::internal;
    what += "; this machine does not run systemd as pid 1";
  }
  return {kind, std::move(what), {}};
}

// Loaded, active and sub state of one unit, and its job, as ListUnitsByNames tells them.
using ListedUnit =
    sdbus::Struct<std::string, std::string, std::string, std::string, std::string, std::string,
                  sdbus::ObjectPath, std::uint32_t, std::string, sdbus::ObjectPath>;

class Manager {
 public:
  Manager() : bus_(sdbus::createSystemBusConnection()) {
    bus_->setMethodCallTimeout(std::chrono::microseconds(kCallTimeout).count());
    manager_ = sdbus::createProxy(*bus_, kService, "/org/freedesktop/systemd1");
  }

  // Loads the unit's file where it is not loaded. A file that is missing shows as load_state. How a
  // service has ended is asked only where it has.
  SystemdProperties properties(std::string const& name) {
    std::vector<ListedUnit> listed;
    manager_->callMethod("ListUnitsByNames")
        .onInterface(kManager)
        .withArguments(std::vector<std::string>{name})
        .storeResultsTo(listed);
    SystemdProperties found;
    if (listed.empty()) {
      found.load_state = "error";
      found.active_state = "inactive";
      return found;
    }
    auto const& one = listed.front();
    found.load_state = one.get<2>();
    found.active_state = one.get<3>();
    found.sub_state = one.get<4>();
    found.job = one.get<8>();
    auto unit = sdbus::createProxy(*bus_, kService, one.get<6>());
    auto get = [&](auto& value, char const* interface, char const* property) {
      value = unit->getProperty(property)
                  .onInterface(interface)
                  .get<std::remove_reference_t<decltype(value)>>();
    };
    get(found.state_change_us, kUnit, "StateChangeTimestamp");
    if (!name.ends_with(".service")) return found;
    get(found.main_pid, kServiceUnit, "MainPID");
    if (found.active_state == "active") return found;
    get(found.result, kServiceUnit, "Result");
    get(found.exec_main_code, kServiceUnit, "ExecMainCode");
    get(found.exec_main_status, kServiceUnit, "ExecMainStatus");
    std::vector<std::uint8_t> invocation;
    get(invocation, kUnit, "InvocationID");
    for (auto const byte : invocation) found.invocation_id += fmt::format("{:02x}", byte);
    return found;
  }

  std::pair<std::string, std::string> user_and_group(std::string const& name) {
    sdbus::ObjectPath path;
    manager_->callMethod("LoadUnit").onInterface(kManager).withArguments(name).storeResultsTo(path);
    auto unit = sdbus::createProxy(*bus_, kService, path);
    auto get = [&](char const* property) {
      return unit->getProperty(property).onInterface(kServiceUnit).get<std::string>();
    };
    return {get("User"), get("Group")};
  }

  MachineEnd machine_end() {
    auto const state =
        manager_->getProperty("SystemState").onInterface(kManager).get<std::string>();
    using Job = sdbus::Struct<std::uint32_t, std::string, std::string, std::string,
                              sdbus::ObjectPath, sdbus::ObjectPath>;
    std::vector<Job> jobs;
    manager_->callMethod("ListJobs").onInterface(kManager).storeResultsTo(jobs);
    std::vector<std::string> names;
    for (auto const& job : jobs)
      if (job.get<2>() == "start") names.push_back(job.get<1>());
    return machine_end_of(state, names);
  }

  void reset_failed(std::string const& name) {
    manager_->callMethod("ResetFailedUnit").onInterface(kManager).withArguments(name);
  }
  // The job is queued; nobody waits for it here, because a unit that is ordered after the agent's
  // own would wait for the agent.
  void queue(char const* method, std::string const& name) {
    sdbus::ObjectPath job;
    manager_->callMethod(method)
        .onInterface(kManager)
        .withArguments(name, std::string("replace"))
        .storeResultsTo(job);
  }
  // An error is no news: whether the unit is gone is asked next.
  void kill(std::string const& name, char const* whom, int signal) {
    try {
      manager_->callMethod("KillUnit")
          .onInterface(kManager)
          .withArguments(name, std::string(whom), static_cast<std::int32_t>(signal));
    } catch (sdbus::Error const&) {
    }
  }

 private:
  std::unique_ptr<sdbus::IConnection> bus_;
  std::unique_ptr<sdbus::IProxy> manager_;
};

// Connections that nobody uses now. A new one costs the bus, systemd and us a dozen messages.
class Connections {
 public:
  // Runs `ask` with a connection to systemd; no exception leaves.
  template <class Ask>
  auto run(std::string const& doing, Ask ask) -> decltype(ask(std::declval<Manager&>())) {
    for (;;) {
      auto manager = take();
      bool const kept = manager != nullptr;
      try {
        if (!manager) manager = std::make_unique<Manager>();
        auto answer = ask(*manager);
        give_back(std::move(manager));
        return answer;
      } catch (sdbus::Error const& error) {
        // The bus may have been restarted since it was used last.
        if (kept && is_dead(error.getName())) continue;
        return std::unexpected(to_error(error, doing));
      } catch (std::exception const& error) {
        return fail(Kind::internal, "{}: {}", doing, error.what());
      }
    }
  }

 private:
  std::unique_ptr<Manager> take() {
    std::lock_guard lock(mutex_);
    if (idle_.empty()) return nullptr;
    auto manager = std::move(idle_.back());
    idle_.pop_back();
    return manager;
  }
  void give_back(std::unique_ptr<Manager> manager) {
    std::lock_guard lock(mutex_);
    idle_.push_back(std::move(manager));
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<Manager>> idle_;
};

bool has_ended(SystemdProperties const& properties) {
  return properties.active_state == "inactive" || properties.active_state == "failed";
}

// A start that is asked for has not begun when the answer comes: systemd runs jobs when it has
// answered everybody.
bool is_over(SystemdProperties const& properties) {
  return has_ended(properties) && properties.job != "start" && properties.job != "restart";
}

}  // namespace

bool tells_why_it_ended(SystemdProperties const& properties) {
  // In auto-restart it has died too, and the reason helps as much.
  return properties.sub_state == "auto-restart" ||
         (properties.active_state == "failed" && is_over(properties));
}

UnitState to_unit_state(SystemdProperties const& properties) {
  using Phase = UnitState::Phase;
  UnitState state;
  auto const& active = properties.active_state;
  state.phase = is_over(properties) ? (active == "failed" ? Phase::failed : Phase::stopped)
                : has_ended(properties) || active == "activating"
                    ? Phase::starting
                    : Phase::running;  // deactivating is still there
  if (is_up(state.phase)) {
    state.pid = static_cast<pid_t>(properties.main_pid);
  }
  if (tells_why_it_ended(properties)) {
    if (properties.exec_main_code == CLD_EXITED) {
      state.detail = fmt::format("exited with {}", properties.exec_main_status);
    } else if (properties.exec_main_code != 0) {
      auto const* signal = ::sigabbrev_np(properties.exec_main_status);
      state.detail = fmt::format("ended by SIG{}", signal != nullptr ? signal : "?");
    }
    if (!properties.result.empty() && properties.result != "exit-code" &&
        properties.result != "signal") {
      state.detail +=
          fmt::format("{}systemd says {}", state.detail.empty() ? "" : "; ", properties.result);
    }
    if (auto const words = last_words(properties.output); !words.empty())
      state.detail += (state.detail.empty() ? "" : ": ") + words;
  }
  if (properties.state_change_us != 0) {
    state.since = UtcTime(std::chrono::microseconds(properties.state_change_us));
  }
  return state;
}

namespace {

std::optional<unsigned> number_in(std::string const& text) {
  unsigned number = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<UnitUser> known_user(std::string const& name) {
  std::string room(16'384, '\0');
  struct passwd entry{};
  struct passwd* found = nullptr;
  auto const number = number_in(name);
  (void)(number ? ::getpwuid_r(*number, &entry, room.data(), room.size(), &found)
                : ::getpwnam_r(name.c_str(), &entry, room.data(), room.size(), &found));
  if (found != nullptr) return UnitUser{found->pw_uid, found->pw_gid};
  // systemd takes a number that has no name, too, with the group of that number.
  if (number) return UnitUser{*number, *number};
  return std::nullopt;
}

std::optional<gid_t> known_group(std::string const& name) {
  if (auto const number = number_in(name)) return number;
  std::string room(65'536, '\0');
  struct group entry{};
  struct group* found = nullptr;
  (void)::getgrnam_r(name.c_str(), &entry, room.data(), room.size(), &found);
  if (found == nullptr) return std::nullopt;
  return found->gr_gid;
}

}  // namespace

Result<UnitUser> to_unit_user(std::string const& name, std::string const& user,
                              std::string const& group) {
  UnitUser found;  // root's
  if (!user.empty()) {
    auto const known = known_user(user);
    if (!known)
      return fail(Kind::invalid,
                  "{} runs as the user '{}', and this machine has none: install the package again "
                  "(apt-get install --reinstall haagent), or make it with adduser --system",
                  name, user);
    found = *known;
  }
  if (!group.empty()) {
    auto const known = known_group(group);
    if (!known)
      return fail(Kind::invalid, "{} runs in the group '{}', and this machine has none", name,
                  group);
    found.gid = *known;
  }
  return found;
}

Result<void> check_loaded(std::string const& name, SystemdProperties const& properties) {
  if (properties.load_state == "loaded") return {};
  // An instance "etcd@main.service" comes from the file "etcd@.service".
  auto file = name;
  auto at = file.find('@');
  auto dot = file.rfind('.');
  if (at != std::string::npos && dot != std::string::npos && at < dot) {
    file.erase(at + 1, dot - at - 1);
  }
  if (properties.load_state == "not-found") {
    return fail(Kind::invalid,
                "systemd knows no unit {}: {} is missing from /lib/systemd/system "
                "and /etc/systemd/system; install it, then run systemctl daemon-reload",
                name, file);
  }
  if (properties.load_state == "masked") {
    return fail(Kind::invalid, "the unit {} is masked; run systemctl unmask {}", name, name);
  }
  return fail(Kind::invalid, "systemd cannot load the unit {} ({}); run systemd-analyze verify {}",
              name, properties.load_state, name);
}

struct SystemdUnits::Bus : Connections {};

SystemdUnits::SystemdUnits() : bus_(std::make_unique<Bus>()) {}
SystemdUnits::~SystemdUnits() = default;

Result<MachineEnd> systemd_machine_end() {
  AccountedWait wait(WaitFor::program);
  return Connections().run(
      "asking systemd whether the machine ends",
      [](Manager& manager) -> Result<MachineEnd> { return manager.machine_end(); });
}

bool SystemdUnits::available() {
  return ::access("/run/systemd/system", F_OK) == 0;
}

Result<UnitState> SystemdUnits::state(std::string const& name) {
  AccountedWait wait(WaitFor::program);
  return bus_->run("asking systemd about " + name, [&](Manager& manager) -> Result<UnitState> {
    auto properties = manager.properties(name);
    if (auto loaded = check_loaded(name, properties); !loaded && is_over(properties)) {
      return std::unexpected(loaded.error());
    }
    if (tells_why_it_ended(properties))
      properties.output = journal_of_run(properties.invocation_id, kOutput);
    return to_unit_state(properties);
  });
}

Result<UnitUser> SystemdUnits::user(std::string const& name) {
  AccountedWait wait(WaitFor::program);
  return bus_->run("asking systemd about " + name, [&](Manager& manager) {
    auto const [user, group] = manager.user_and_group(name);
    return to_unit_user(name, user, group);
  });
}

Result<void> SystemdUnits::start(UnitSpec const& spec) {
  AccountedWait wait(WaitFor::program);
  return bus_->run("starting " + spec.name, [&](Manager& manager) -> Result<void> {
    auto properties = manager.properties(spec.name);
    TRY(check_loaded(spec.name, properties));
    // Anyone who calls us paces the tries; systemd's own count of them would refuse the next.
    if (properties.active_state == "failed") manager.reset_failed(spec.name);
    manager.queue("StartUnit", spec.name);
    return {};
  });
}

Result<void> SystemdUnits::restart(std::string const& name) {
  AccountedWait wait(WaitFor::program);
  return bus_->run("restarting " + name, [&](Manager& manager) -> Result<void> {
    TRY(check_loaded(name, manager.properties(name)));
    manager.queue("TryRestartUnit", name);
    return {};
  });
}

Result<void> SystemdUnits::stop(std::string const& name, Duration deadline, std::stop_token stop) {
  AccountedWait wait(WaitFor::program);
  if (stop.stop_requested()) return fail(Kind::interrupted, "{} was left running", name);
  SystemClock clock;
  auto const turn = clock.steady() + std::min(kTurn, deadline / 2);
  auto limit = clock.steady() + deadline;
  return bus_->run("stopping " + name, [&](Manager& manager) -> Result<void> {
    if (is_over(manager.properties(name))) return {};
    manager.queue("StopUnit", name);
    bool killed = false, told = false;
    for (auto now = manager.properties(name); !is_over(now); now = manager.properties(name)) {
      // While the machine goes down its stop is queued behind the agent's own, which is this one:
      // it would never have its turn. SIGTERM is what a stop begins with.
      if (!told && now.active_state != "deactivating" && clock.steady() >= turn) {
        manager.kill(name, "main", SIGTERM);
        told = true;
      }
      if (clock.steady() >= limit && killed) {
        return fail(Kind::transient,
                    "{} is still there after SIGKILL, waiting for the kernel: "
                    "look for a disk that does not answer",
                    name);
      }
      if (clock.steady() >= limit) {
        manager.kill(name, "all", SIGKILL);
        killed = true;
        limit += kKillGrace;
      }
      if (!clock.sleep(kPoll, stop)) {
        return fail(Kind::interrupted, "{} was asked to end; stopped while waiting for it", name);
      }
    }
    return {};
  });
}

Result<SystemdStamps> systemd_stamps() try {
  AccountedWait wait(WaitFor::program);
  auto const bus = sdbus::createSystemBusConnection();
  bus->setMethodCallTimeout(std::chrono::microseconds(kStampsTimeout).count());
  auto const manager = sdbus::createProxy(*bus, kService, "/org/freedesktop/systemd1");
  std::map<std::string, sdbus::Variant> properties;
  manager->callMethod("GetAll")
      .onInterface("org.freedesktop.DBus.Properties")
      .withArguments(std::string(kManager))
      .storeResultsTo(properties);
  auto const stamp = [&](char const* name) {
    auto const found = properties.find(name);
    return found == properties.end() ? 0 : found->second.get<std::uint64_t>();
  };
  return SystemdStamps{.firmware = stamp("FirmwareTimestampMonotonic"),
                       .loader = stamp("LoaderTimestampMonotonic"),
                       .initrd = stamp("InitRDTimestampMonotonic"),
                       .userspace = stamp("UserspaceTimestampMonotonic"),
                       .finish = stamp("FinishTimestampMonotonic")};
} catch (sdbus::Error const& error) {
  return std::unexpected(to_error(error, "asking systemd how the machine booted"));
}

}  // namespace haagent
