#include "tests/sim/daemon.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <fstream>
#include <iterator>
#include <thread>

#include "agent/base/program.h"

namespace haagent::sim {

using namespace std::chrono_literals;

Result<pid_t> start_daemon(DaemonSpec const& spec) {
  auto const environment = clean_environment(spec.environment);
  auto const program = find_program(spec.argv.front(), environment);
  if (!program) return std::unexpected(program.error());
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&files, 1, spec.log.c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                     0600);
  ::posix_spawn_file_actions_adddup2(&files, 1, 2);
  ::posix_spawn_file_actions_addclosefrom_np(&files, 3);
  pid_t pid = 0;
  int const failed = ::posix_spawn(&pid, program->c_str(), &files, nullptr,
                                   exec_array(spec.argv).data(), exec_array(environment).data());
  ::posix_spawn_file_actions_destroy(&files);
  if (failed != 0) return fail_errno(failed, "starting " + *program);
  return pid;
}

void end_daemon(pid_t pid, Duration patience) {
  ::kill(pid, SIGTERM);
  auto const end = std::chrono::steady_clock::now() + patience;
  while (::waitpid(pid, nullptr, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() >= end) ::kill(pid, SIGKILL);
    std::this_thread::sleep_for(5ms);
  }
}

std::string end_of_log(std::filesystem::path const& log) {
  constexpr std::size_t kShown = 2000;
  std::ifstream file(log);
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (text.size() > kShown) text.erase(0, text.size() - kShown);
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

}  // namespace haagent::sim
