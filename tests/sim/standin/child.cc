#include "tests/sim/standin/child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace haagent::sim {

using namespace std::chrono_literals;

bool Child::runs() {
  if (pid_ > 0 && ::waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = 0;
  return pid_ > 0;
}

void Child::start(std::filesystem::path const& program, std::vector<std::string> words,
                  Duration grace, std::filesystem::path const& log) {
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  grace_ = grace;
  pid_ = ::fork();
  if (pid_ != 0) return;
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (!log.empty()) {
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    int const file = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    ::dup2(file, STDOUT_FILENO);
    ::dup2(file, STDERR_FILENO);
  }
  ::execv(program.c_str(), arguments.data());
  ::_exit(127);
}

void Child::end() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGTERM);
  SystemClock clock;
  for (auto const until = clock.steady() + grace_; runs();) {
    if (clock.steady() >= until) ::kill(pid_, SIGKILL);
    clock.sleep(5ms, {});
  }
}

}  // namespace haagent::sim
