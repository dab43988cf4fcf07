// Pid 1 of an instance: runs its programs as an init system does, and adopts their orphans.
#pragma once

#include <string>
#include <vector>

namespace haagent::sim {

struct InitProgram {
  std::string name;               // its log is /var/log/<name>.log
  std::vector<std::string> argv;  // empty: none
  // 0 and these codes mean that starting it again will not help; after another end it is started
  // again a second later.
  std::vector<int> final_codes;
  bool always = false;  // it is started again whatever it ends with
};

struct InitSpec {
  // Ended first at shutdown, while everything else still runs, as systemd ends a unit that is
  // ordered after its services.
  InitProgram main;
  std::vector<InitProgram> services;     // beside it; ended with the rest
  std::vector<std::string> environment;  // all of it, "NAME=value"
};

// Called in pid 1, single-threaded, once its root is in place; never returns. Output goes to
// /var/log/<program>.log, init's own lines to /var/log/console.log. SIGTERM shuts down, and
// SIGINT (what the kernel sends for Ctrl-Alt-Del) shuts down for a reboot: the run level, 0 or 6,
// goes to /run/utmp, as sysvinit has it; then 60 s for the main program, 5 s for the rest, then
// file systems are written back by the kernel as it ends.
[[noreturn]] void run_init(InitSpec const& spec);

}  // namespace haagent::sim
