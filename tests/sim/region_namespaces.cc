#include "tests/sim/region_namespaces.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "agent/base/file_descriptor.h"

namespace haagent::sim {
namespace {

// A folder that all regions share as a place to mount on; each sees only its own tmpfs there. It
// is never removed: removing it would take the mounts of the other regions with it.
constexpr char const* kWork = "/run/haagent-sim";

int code_of(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Waits for `child`, passing the signals on, and reaps whoever else becomes ours. Never returns.
[[noreturn]] void keep(pid_t child, sigset_t const& signals) {
  for (;;) {
    int status = 0;
    pid_t ended = 0;
    while ((ended = ::waitpid(-1, &status, WNOHANG)) > 0)
      if (ended == child) ::_exit(code_of(status));
    int number = ::sigwaitinfo(&signals, nullptr);
    if (number > 0 && number != SIGCHLD) ::kill(child, number);
  }
}

Result<void> set_up(std::string const& marker) {
  if (::unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC) != 0)
    return fail_errno(errno, "making the region's namespaces");
  if (::mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return fail_errno(errno, "making the region's mounts private");
  // Its own pids, so that /proc/<pid> is whom we mean.
  if (::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0)
    return fail_errno(errno, "mounting the region's /proc");
  if (::mkdir(kWork, 0700) != 0 && errno != EEXIST)
    return fail_errno(errno, fmt::format("making {}", kWork));
  auto source = "haagent-sim-" + marker;
  if (::mount(source.c_str(), kWork, "tmpfs", 0, "mode=0700,size=90%") != 0)
    return fail_errno(errno, fmt::format("mounting a tmpfs on {}", kWork));
  return {};
}

}  // namespace

Result<RegionNamespaces> enter_region_namespaces() {
  if (::geteuid() != 0)
    return fail(Kind::denied,
                "the simulated region needs root: it makes namespaces, bridges and loop devices");
  auto marker = std::to_string(::getpid());
  ::setenv("HAAGENT_SIM", marker.c_str(), 1);

  sigset_t signals, before;
  sigemptyset(&signals);
  for (int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) sigaddset(&signals, number);
  ::sigprocmask(SIG_BLOCK, &signals, &before);

  int alive[2];  // its write end closes when this process ends
  if (::pipe2(alive, O_CLOEXEC) != 0) return fail_errno(errno, "making a pipe");
  FileDescriptor watch(alive[0]), hold(alive[1]);
  if (::unshare(CLONE_NEWPID) != 0) return fail_errno(errno, "making a pid namespace");
  auto keeper = ::fork();
  if (keeper < 0) return fail_errno(errno, "forking");
  if (keeper > 0) {
    watch.reset();
    keep(keeper, signals);
  }

  // Pid 1 of the region: when it ends, the kernel kills everything inside. It ends with the process
  // outside (which may have died before the prctl) and with the region's own.
  hold.reset();
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  pollfd gone{watch.get(), POLLIN, 0};
  if (::poll(&gone, 1, 0) != 0) ::_exit(1);
  watch.reset();
  // No terminal: a Ctrl-C reaches the process outside alone, which passes it on once.
  ::setsid();
  ::prctl(PR_SET_NAME, ("simkeep-" + marker).c_str());
  auto region = ::fork();
  if (region < 0) ::_exit(1);
  if (region > 0) keep(region, signals);

  ::prctl(PR_SET_NAME, "haagent-sim");
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  if (auto done = set_up(marker); !done) return std::unexpected(done.error());
  return RegionNamespaces{marker, kWork};
}

}  // namespace haagent::sim
