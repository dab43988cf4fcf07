#include "tests/sim/instance_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/file_descriptor.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr Duration kBootDeadline = 20s;
constexpr Duration kFreezeDeadline = 5s;

// ext4 and xfs alike: the log is not flushed, and all later writes fail.
constexpr unsigned long kFsShutdown = 0x8004587d;  // FS_IOC_SHUTDOWN
constexpr std::uint32_t kNoLogFlush = 2;

// In a thread of its own: the pid namespace for its children is a thread's, and such a thread can
// start no other.
Result<pid_t> fork_instance(std::filesystem::path const& program, FileDescriptor const& inside) {
  Result<pid_t> result;
  char name[] = "init";
  auto argument = std::string(kInstanceInit);
  char* const argv[] = {name, argument.data(), nullptr};
  std::thread([&] {
    if (::unshare(CLONE_NEWPID) != 0) {
      result = fail_errno(errno, "making a pid namespace");
      return;
    }
    auto pid = ::fork();
    if (pid == 0) {
      // Nothing of the region's stays open inside: sockets above all.
      ::dup2(inside.get(), kTalk);
      ::fcntl(kTalk, F_SETFD, 0);
      ::close_range(kTalk + 1, ~0u, 0);
      ::execve(program.c_str(), argv, environ);
      ::_exit(127);
    }
    if (pid < 0)
      result = fail_errno(errno, "forking an instance");
    else
      result = pid;
  }).join();
  return result;
}

// One message from pid 1, empty where it ended.
Result<std::string> hear(FileDescriptor const& talk) {
  pollfd polled{talk.get(), POLLIN, 0};
  auto ready = ::poll(&polled, 1, static_cast<int>(kBootDeadline.count()));
  if (ready <= 0)
    return fail(Kind::internal, "the instance did not boot within {}", to_words(kBootDeadline));
  std::string text(4096, '\0');
  auto got = ::read(talk.get(), text.data(), text.size());
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  return text;
}

Result<void> expect(FileDescriptor const& talk, char wanted) {
  auto text = hear(talk);
  if (!text) return std::unexpected(text.error());
  if (*text == std::string(1, wanted)) return {};
  return fail(Kind::internal, "{}", text->empty() ? "pid 1 ended while it booted" : *text);
}

std::string text_of(fs::path const& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string pid_namespace_of(fs::path const& process) {
  std::error_code gone;
  return fs::read_symlink(process / "ns/pid", gone).string();
}

// The letter after the last ')': names may hold anything.
char state_of(pid_t pid) {
  auto stat = text_of(fmt::format("/proc/{}/stat", pid));
  auto end = stat.rfind(')');
  return end == std::string::npos || end + 2 >= stat.size() ? 'X' : stat[end + 2];
}

std::vector<pid_t> processes_of(pid_t init) {
  std::vector<pid_t> pids;
  auto own = pid_namespace_of(fmt::format("/proc/{}", init));
  std::error_code ignored;
  for (auto const& entry : fs::directory_iterator("/proc", ignored)) {
    auto name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    if (!own.empty() && pid_namespace_of(entry.path()) == own) pids.push_back(std::stoi(name));
  }
  return pids;
}

// mountinfo writes blanks and backslashes as \ooo.
std::string unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                 (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

}  // namespace

Result<pid_t> boot_instance(std::filesystem::path const& program, Boot const& boot,
                            std::function<Result<void>(pid_t)> const& connect) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return fail_errno(errno, "making a socket pair");
  FileDescriptor outside(ends[0]), inside(ends[1]);
  auto pid = fork_instance(program, inside);
  if (!pid) return pid;
  inside.reset();
  Result<void> booted;
  auto const text = encode(boot);
  if (::send(outside.get(), text.data(), text.size(), MSG_NOSIGNAL) < 0)
    booted = fail_errno(errno, "telling pid 1 what to boot");
  if (booted) booted = expect(outside, kReady);
  if (booted) booted = connect(*pid);
  if (booted && ::send(outside.get(), &kGo, 1, MSG_NOSIGNAL) != 1)
    booted = fail_errno(errno, "telling pid 1 to go on");
  if (booted) booted = expect(outside, kRunning);
  if (booted) return pid;
  ::kill(*pid, SIGKILL);
  ::waitpid(*pid, nullptr, 0);
  return fail(booted.error(), "booting {}", boot.hostname);
}

Result<void> freeze_processes(pid_t init, bool frozen,
                              std::optional<InstanceCgroups> const& cgroups) {
  auto end = std::chrono::steady_clock::now() + kFreezeDeadline;
  // Again and again, for those that were forked while we looked; pid 1 comes first in /proc.
  for (;;) {
    bool all = true;
    auto pids = processes_of(init);
    if (cgroups) std::ranges::copy(cgroups->members(), std::back_inserter(pids));
    for (auto pid : pids) {
      auto state = state_of(pid);
      bool is_stopped = state == 'T' || state == 't';
      if (state == 'Z' || state == 'X' || is_stopped == frozen) continue;
      ::kill(pid, frozen ? SIGSTOP : SIGCONT);
      all = false;
    }
    if (all) return {};
    if (std::chrono::steady_clock::now() >= end)
      return fail(Kind::transient, "not all processes {} within {}", frozen ? "stopped" : "went on",
                  to_words(kFreezeDeadline));
    std::this_thread::sleep_for(1ms);
  }
}

Result<void> cut_file_systems(pid_t init, dev_t device) {
  auto number = fmt::format("{}:{}", major(device), minor(device));
  std::istringstream mounts(text_of(fmt::format("/proc/{}/mountinfo", init)));
  std::string last;
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream fields(line);
    std::string id, parent, where, root, point;
    fields >> id >> parent >> where >> root >> point;
    if (where != number) continue;
    auto path = fmt::format("/proc/{}/root{}", init, unescaped(point));
    FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat at{};
    // Never another file system than this device's: a mount may lie over it.
    if (!fd || ::fstat(fd.get(), &at) != 0 || at.st_dev != device) {
      last = fmt::format("{} is hidden by another mount", point);
      continue;
    }
    std::uint32_t flags = kNoLogFlush;
    if (::ioctl(fd.get(), kFsShutdown, &flags) == 0) return {};
    last = errno_error(errno, "shutting down the file system at " + point).message.text;
  }
  if (!last.empty()) return fail(Kind::internal, "{}", last);
  return {};
}

}  // namespace haagent::sim
