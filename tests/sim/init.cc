#include "tests/sim/init.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utmpx.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <optional>

#include "agent/base/clock.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
using Time = std::chrono::steady_clock::time_point;

constexpr auto kRestartAfter = 1s;
constexpr auto kMainGrace = 60s;
constexpr auto kRestGrace = 5s;

Time now() {
  return std::chrono::steady_clock::now();
}

void console(std::string const& line) {
  int fd = ::open("/var/log/console.log", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return;
  auto text = to_rfc3339(std::chrono::system_clock::now(), true) + " " + line + "\n";
  if (::write(fd, text.data(), text.size()) < 0) { /* a full disk; there is nobody to tell */
  }
  ::close(fd);
}

// As sysvinit tells programs where the machine is going: 0 is off, 6 is a reboot.
void write_run_level(char level) {
  utmpx record{};
  record.ut_type = RUN_LVL;
  record.ut_pid = level;
  std::memcpy(record.ut_user, "runlevel", 8);
  record.ut_line[0] = '~';
  int fd = ::open("/run/utmp", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0 || ::write(fd, &record, sizeof record) != sizeof record)
    console("the run level could not be written to /run/utmp");
  if (fd >= 0) ::close(fd);
}

std::string name_of(InitProgram const& program) {
  if (!program.name.empty()) return program.name;
  return std::filesystem::path(program.argv[0]).filename().string();
}

// In the child: never returns.
[[noreturn]] void execute(InitProgram const& program, std::vector<std::string> const& environment) {
  ::setsid();
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  auto log = "/var/log/" + name_of(program) + ".log";
  int in = ::open("/dev/null", O_RDONLY);
  int out = ::open(log.c_str(), O_WRONLY | O_APPEND | O_CREAT, 0644);
  if (in < 0 || out < 0) ::_exit(127);
  ::dup2(in, 0);
  ::dup2(out, 1);
  ::dup2(out, 2);
  ::close_range(3, ~0u, 0);
  std::vector<char*> argv, envp;
  for (auto const& word : program.argv) argv.push_back(const_cast<char*>(word.c_str()));
  for (auto const& word : environment) envp.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  envp.push_back(nullptr);
  ::execvpe(argv[0], argv.data(), envp.data());
  console(fmt::format("{}: {}", program.argv[0], std::strerror(errno)));
  ::_exit(127);
}

class Service {
 public:
  Service(InitProgram const& program, std::vector<std::string> const& environment)
      : program_(program), environment_(environment) {
    if (!program.argv.empty()) due_ = now();
  }

  pid_t pid() const { return pid_; }
  // When it wants to be started, if so.
  std::optional<Time> due() const { return due_; }
  void forget() { due_.reset(); }

  void start() {
    due_.reset();
    pid_ = ::fork();
    if (pid_ == 0) execute(program_, environment_);
    if (pid_ < 0) due_ = now() + kRestartAfter;
    console(name_of(program_) + " starts");
  }
  void ended(int status) {
    pid_ = 0;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    bool final =
        !program_.always && (code == 0 || std::ranges::count(program_.final_codes, code) > 0);
    console(
        fmt::format("{} ended with {}{}", name_of(program_), code, final ? "" : ", starts again"));
    if (!final) due_ = now() + kRestartAfter;
  }

 private:
  InitProgram const& program_;
  std::vector<std::string> const& environment_;
  pid_t pid_ = 0;
  std::optional<Time> due_;
};

class Init {
 public:
  explicit Init(InitSpec const& spec) {
    services_.emplace_back(spec.main, spec.environment);
    for (auto const& service : spec.services) services_.emplace_back(service, spec.environment);
    sigemptyset(&signals_);
    for (int number : {SIGTERM, SIGINT, SIGCHLD}) sigaddset(&signals_, number);
    ::sigprocmask(SIG_BLOCK, &signals_, nullptr);
  }

  [[noreturn]] void run() {
    console("power on");
    for (;;) {
      std::optional<Time> next;
      for (auto& service : services_) {
        if (service.due() && *service.due() <= now()) service.start();
        if (service.due() && (!next || *service.due() < *next)) next = service.due();
      }
      auto const number = wait(next);
      if (number == SIGTERM || number == SIGINT) shut_down(number == SIGINT);
    }
  }

 private:
  // The next signal, or 0 at that time. Ended children are looked after.
  int wait(std::optional<Time> until) {
    int number = 0;
    if (until) {
      auto left = std::max(std::chrono::nanoseconds(*until - now()), 0ns);
      timespec time{left / 1s, (left % 1s).count()};
      number = ::sigtimedwait(&signals_, nullptr, &time);
    } else {
      number = ::sigwaitinfo(&signals_, nullptr);
    }
    reap();
    return std::max(number, 0);
  }

  void reap() {
    int status = 0;
    pid_t pid = 0;
    while ((pid = ::waitpid(-1, &status, WNOHANG)) > 0)
      for (auto& service : services_)
        if (service.pid() == pid) service.ended(status);
  }

  bool alone() {
    reap();
    siginfo_t info{};
    return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 && errno == ECHILD;
  }

  [[noreturn]] void shut_down(bool reboot) {
    console(reboot ? "rebooting" : "shutting down");
    write_run_level(reboot ? '6' : '0');
    for (auto& service : services_) service.forget();
    auto const& main = services_.front();
    if (main.pid() > 0) {
      ::kill(main.pid(), SIGTERM);
      for (auto end = now() + kMainGrace; main.pid() > 0 && now() < end;) wait(end);
    }
    ::kill(-1, SIGTERM);
    for (auto end = now() + kRestGrace; !alone() && now() < end;) wait(end);
    ::kill(-1, SIGKILL);
    for (auto end = now() + kRestGrace; !alone() && now() < end;) wait(end);
    console("power off");
    ::_exit(0);
  }

  sigset_t signals_{};
  std::vector<Service> services_;  // the main program is the first
};

}  // namespace

void run_init(InitSpec const& spec) {
  Init(spec).run();
}

}  // namespace haagent::sim
