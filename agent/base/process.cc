#include "agent/base/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include "agent/base/file_descriptor.h"
#include "agent/base/last_words.h"
#include "agent/base/program.h"
#include "agent/base/stop_event.h"
#include "agent/base/wait_accounting.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;

constexpr Duration kTermGrace = 2s;  // between SIGTERM and SIGKILL
constexpr Duration kKillGrace =
    5s;  // a process in the kernel's hands (a hung disk) outlives SIGKILL
// How long output may stay open after the program has ended: somebody whom it left behind holds it.
constexpr Duration kLeftoverGrace = 1s;

struct Pipe {
  FileDescriptor read;
  FileDescriptor write;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail_errno(errno, "making a pipe");
  Pipe pipe{FileDescriptor(ends[0]), FileDescriptor(ends[1])};
  // Only our end: a program does not expect EAGAIN from its standard output.
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return pipe;
}

// The input as a file in memory: nothing to feed while the program runs, and no SIGPIPE where it
// does not read all of it.
Result<FileDescriptor> make_input(std::string_view input) {
  if (input.empty()) {
    FileDescriptor null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!null) return fail_errno(errno, "opening /dev/null");
    return null;
  }
  FileDescriptor memory(::memfd_create("stdin", MFD_CLOEXEC));
  if (!memory) return fail_errno(errno, "making a file in memory");
  while (!input.empty()) {
    auto written = ::write(memory.get(), input.data(), input.size());
    if (written < 0) return fail_errno(errno, "writing a program's input");
    input.remove_prefix(static_cast<std::size_t>(written));
  }
  ::lseek(memory.get(), 0, SEEK_SET);
  return memory;
}

// Owns what posix_spawn wants initialised and destroyed.
class SpawnOptions {
 public:
  SpawnOptions(int in, int out, int err, ProcessSpec const& spec) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawn_file_actions_adddup2(&actions_, in, STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions_, out, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions_, err, STDERR_FILENO);
    if (spec.inherits >= 0)
      ::posix_spawn_file_actions_adddup2(&actions_, spec.inherits, kInherited);
    // Also what a library of ours opened without O_CLOEXEC.
    ::posix_spawn_file_actions_addclosefrom_np(&actions_,
                                               spec.inherits >= 0 ? kInherited + 1 : kInherited);

    ::posix_spawnattr_init(&attributes_);
    // A session, so that there is no terminal to ask questions on, and a group to end as one. No
    // signal stays blocked or ignored: a program that misses SIGPIPE or SIGTERM never ends.
    ::posix_spawnattr_setflags(&attributes_,
                               POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    sigset_t signals;
    sigemptyset(&signals);
    ::posix_spawnattr_setsigmask(&attributes_, &signals);
    sigfillset(&signals);
    // A word to a reader that has died must not end it. The agent ignores SIGPIPE, and so does it.
    if (spec.to_its_end) sigdelset(&signals, SIGPIPE);
    ::posix_spawnattr_setsigdefault(&attributes_, &signals);
  }
  ~SpawnOptions() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  SpawnOptions(SpawnOptions const&) = delete;
  SpawnOptions& operator=(SpawnOptions const&) = delete;

  posix_spawn_file_actions_t const* actions() const { return &actions_; }
  posix_spawnattr_t const* attributes() const { return &attributes_; }

 private:
  static constexpr int kInherited = STDERR_FILENO + 1;
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

struct Stream {
  FileDescriptor pipe;
  std::string* text;
  bool keeps_end = false;
};

// Reads what is there; closes the pipe at its end. Past the cap it reads on and drops, so that the
// program does not block on a full pipe: of what it writes the end, since that is parsed or
// nothing; of what it complains about the begin, since the cause comes last.
void drain(Stream& stream, std::size_t cap, bool& truncated) {
  std::array<char, 16'384> buffer;
  while (stream.pipe) {
    auto got = ::read(stream.pipe.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return stream.pipe.reset();
    auto room = cap - std::min(cap, stream.text->size());
    auto count = static_cast<std::size_t>(got);
    truncated = truncated || count > room;
    if (!stream.keeps_end) {
      stream.text->append(buffer.data(), std::min(count, room));
      continue;
    }
    stream.text->append(buffer.data(), count);
    // Up to half as much again is held for a while, so that not every read moves all of it.
    if (stream.text->size() > cap + std::max(cap / 2, buffer.size()))
      stream.text->erase(0, stream.text->size() - cap);
  }
}

int exit_code_of(pid_t pid) {
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED) != 0 && errno == EINTR) {
  }
  return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

std::string said_last(ProcessOutcome const& outcome) {
  auto const words = last_words(outcome.err);
  return words.empty() ? "" : "; it said last: " + words;
}

enum class End { by_itself, deadline, stopped };
struct Watched {
  End end = End::by_itself;
  bool gone = false;  // ended, though not waited for yet
};

// Until the program has ended and its output is closed. Its pid stays a zombie's, and so the number
// of its process group stays ours.
Watched watch(pid_t pid, FileDescriptor child, ProcessSpec const& spec,
              std::array<Stream, 2>& streams, bool& truncated, std::stop_token stop) {
  enum class Phase { running, terminated, killed };
  StopEvent stopped(std::move(stop));
  using Steady = std::chrono::steady_clock;
  auto limit = spec.to_its_end ? Steady::time_point::max() : Steady::now() + spec.deadline;
  auto phase = Phase::running;
  Watched result;
  for (;;) {
    // poll() skips negative descriptors: what is over is not polled again.
    pollfd polled[] = {
        {streams[0].pipe.get(), POLLIN, 0},
        {streams[1].pipe.get(), POLLIN, 0},
        {result.gone ? -1 : child.get(), POLLIN, 0},
        {phase == Phase::running && !spec.to_its_end ? stopped.fd() : -1, POLLIN, 0}};
    auto left = std::chrono::ceil<Duration>(limit - Steady::now());
    ::poll(polled, std::size(polled),
           static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000)));
    auto now = Steady::now();

    if (polled[2].revents != 0) {
      result.gone = true;
      limit = std::min<Steady::time_point>(limit, now + kLeftoverGrace);
    }
    for (auto& stream : streams) drain(stream, spec.output_cap, truncated);
    bool closed = !streams[0].pipe && !streams[1].pipe;
    if (result.gone && (closed || phase == Phase::killed)) return result;

    bool stop_now = phase == Phase::running && polled[3].revents != 0;
    if (now < limit && !stop_now) continue;
    switch (phase) {
      case Phase::running:
        if (!result.gone) result.end = stop_now ? End::stopped : End::deadline;
        ::kill(-pid, SIGTERM);
        phase = Phase::terminated;
        limit = now + kTermGrace;
        break;
      case Phase::terminated:
        ::kill(-pid, SIGKILL);
        phase = Phase::killed;
        limit = now + kKillGrace;
        if (result.gone) return result;
        break;
      case Phase::killed:
        return result;
    }
  }
}

bool plain(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || std::string_view("_@%+=:,./-").contains(c);
}

}  // namespace

Result<ProcessOutcome> SystemProcess::run(ProcessSpec const& spec, std::stop_token stop) {
  if (spec.argv.empty()) return fail(Kind::internal, "no program to run");
  if (stop.stop_requested()) return fail(Kind::interrupted, "{}: stopped", spec.argv[0]);
  AccountedWait wait(WaitFor::program);

  auto words = clean_environment(spec.environment);
  auto program = TRY(find_program(spec.argv[0], words));
  auto in = TRY(make_input(spec.input));
  auto out = TRY(make_pipe());
  auto err = TRY(make_pipe());

  auto argv = exec_array(spec.argv);
  auto environment = exec_array(words);
  pid_t pid = 0;
  {
    SpawnOptions options(in.get(), out.write.get(), err.write.get(), spec);
    int error = ::posix_spawn(&pid, program.c_str(), options.actions(), options.attributes(),
                              argv.data(), environment.data());
    if (error != 0) {
      auto failed = errno_error(error, fmt::format("{} cannot be started", program));
      failed.kind = Kind::internal;
      return std::unexpected(std::move(failed));
    }
  }
  FileDescriptor child(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!child) {
    auto failed = errno_error(errno, fmt::format("{} cannot be watched", program));
    ::kill(-pid, SIGKILL);
    exit_code_of(pid);
    return std::unexpected(std::move(failed));
  }
  out.write.reset();
  err.write.reset();
  in.reset();

  ProcessOutcome outcome;
  std::array<Stream, 2> streams = {Stream{std::move(out.read), &outcome.out},
                                   Stream{std::move(err.read), &outcome.err, /*keeps_end=*/true}};
  auto watched = watch(pid, std::move(child), spec, streams, outcome.truncated, stop);
  // What it left behind in its group goes with it where it did not end by itself.
  if (watched.end != End::by_itself) ::kill(-pid, SIGKILL);
  if (watched.gone) outcome.exit_code = exit_code_of(pid);
  if (outcome.err.size() > spec.output_cap)
    outcome.err.erase(0, outcome.err.size() - spec.output_cap);
  auto still = watched.gone ? "" : "; it is still there after SIGKILL, waiting for the kernel";
  switch (watched.end) {
    case End::by_itself:
      return outcome;
    case End::deadline:
      return fail(Kind::transient, "{} was ended after {}{}{}", to_words(spec.argv),
                  to_words(spec.deadline), still, said_last(outcome));
    case End::stopped:
      return fail(Kind::interrupted, "{} was stopped{}", to_words(spec.argv), still);
  }
  return outcome;
}

std::string to_words(std::vector<std::string> const& argv) {
  std::string words;
  for (auto const& word : argv) {
    if (!words.empty()) words += ' ';
    if (!word.empty() && std::ranges::all_of(word, plain)) {
      words += word;
      continue;
    }
    words += '\'';
    for (char c : word) {
      if (c == '\'') {
        words += "'\\''";
      } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
        words += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
      } else {
        words += c;
      }
    }
    words += '\'';
  }
  return words;
}

}  // namespace haagent
