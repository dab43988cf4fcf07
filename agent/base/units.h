// Long-running programs that outlive the agent: etcd, kubelet. Under systemd they are units;
// elsewhere they are child processes that a restarted agent finds again.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/files.h"
#include "agent/base/result.h"

namespace haagent {

struct UnitSpec {
  std::string name;  // "haagent-etcd@main.service"
  // What the unit file's ExecStart runs. SystemdUnits takes it from the unit file and ignores this.
  std::vector<std::string> argv;
  std::vector<std::string> environment;
};

struct UnitState {
  enum class Phase { stopped, starting, running, failed };
  Phase phase = Phase::stopped;
  pid_t pid = 0;       // 0 unless starting or running
  std::string detail;  // "exited with 2: panic: tocommit(7) is out of range": for a sentence
  std::optional<UtcTime> since;
};
inline bool is_up(UnitState::Phase phase) {
  return phase == UnitState::Phase::starting || phase == UnitState::Phase::running;
}

// Whom a program runs as.
struct UnitUser {
  uid_t uid = 0;
  gid_t gid = 0;
  bool operator==(UnitUser const&) const = default;
};
UnitUser own_user();  // of this process

// Of a file of the agent's own that a program of this user reads, and nobody else does.
FileMode shown_to(UnitUser const& user);

class Units {
 public:
  virtual ~Units() = default;
  virtual Result<UnitState> state(std::string const& name) = 0;
  // Starts it unless it runs; does not wait for it to be ready.
  virtual Result<void> start(UnitSpec const& spec) = 0;
  // SIGTERM, then SIGKILL at the deadline; no error where it does not run. Returns when it is gone.
  virtual Result<void> stop(std::string const& name, Duration deadline, std::stop_token stop) = 0;
  // One that runs is ended and started again; one that does not is left so. Does not wait for it,
  // and an agent that dies meanwhile leaves no unit stopped: it is one job of systemd's. Errors
  // (invalid) where programs are not run by systemd.
  virtual Result<void> restart(std::string const& name);
  // Whether systemd runs them, so that units which haagent has not started are known as well.
  virtual bool is_systemd() const { return false; }
  // Whom it is run as: the agent's own user, unless the unit says another.
  virtual Result<UnitUser> user(std::string const& name);
};

}  // namespace haagent
