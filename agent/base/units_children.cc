#include "agent/base/units_children.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <mutex>

#include "agent/base/file_descriptor.h"
#include "agent/base/files.h"
#include "agent/base/json.h"
#include "agent/base/last_words.h"
#include "agent/base/process.h"
#include "agent/base/program.h"
#include "agent/base/running.h"
#include "agent/base/stop_event.h"
#include "agent/base/wait_accounting.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr off_t kLogRotatedAt = 10 << 20;
constexpr off_t kLogTail = 64 << 10;   // etcd's last line has a stack of some KiB in it
constexpr Duration kKillGrace = 5s;    // a process in the kernel's hands outlives SIGKILL
constexpr Duration kGroupPoll = 20ms;  // there is no descriptor that says when a group is empty

// One at a time looks, reaps and writes down: two that look at once would find one exit status.
// Recursive, since start() looks.
std::recursive_mutex& bookkeeping() {
  static std::recursive_mutex mutex;
  return mutex;
}

std::optional<ProcessStat> stat_of(pid_t pid) {
  auto text = read_file(fmt::format("/proc/{}/stat", pid), 4096);
  if (!text || !*text) return std::nullopt;
  return parse_process_stat(**text);
}

// What <state>/<name>.json holds.
struct Record {
  pid_t pid = 0;
  std::uint64_t start_time = 0;
  std::string boot_id;  // pids and start times start over with each boot
  std::int64_t started_ms = 0;
  std::uint64_t log_offset = 0;  // where this run's log begins
  std::string ended;             // "exited with 2"; empty as far as anybody has seen it end
  std::int64_t ended_ms = 0;
};

std::int64_t to_ms(UtcTime time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

UtcTime from_ms(std::int64_t ms) {
  return UtcTime(std::chrono::milliseconds(ms));
}

Result<std::string> this_boot() {
  auto text = TRY(read_file("/proc/sys/kernel/random/boot_id", 100));
  auto id = text.value_or("");
  return id.substr(0, id.find('\n'));
}

// Names are file names here.
Result<fs::path> file_of(fs::path const& folder, std::string const& name, char const* suffix) {
  if (name.empty() || name.starts_with('.') || name.contains('/') || name.contains('\0')) {
    return fail(Kind::invalid, "'{}' is no name for a unit", name);
  }
  return folder / (name + suffix);
}

// What was written down about the name in this boot; nothing where it has never been started.
Result<std::optional<Record>> load(fs::path const& file) {
  auto text = TRY(read_file(file));
  if (!text) return std::nullopt;
  auto tree = json::parse(*text);
  auto number = [&](std::string_view key) {
    auto const* node = tree->find(key);
    return node != nullptr ? node->as_integer().value_or(0) : 0;
  };
  if (!tree || number("pid") <= 1) {
    return fail(Kind::internal,
                "{} does not say which process it stands for; remove it once the "
                "program is stopped",
                file.string());
  }
  auto boot = TRY(this_boot());
  if (tree->text_at("bootId") != boot) return std::nullopt;
  return Record{.pid = static_cast<pid_t>(number("pid")),
                .start_time = static_cast<std::uint64_t>(number("startTime")),
                .boot_id = boot,
                .started_ms = number("startedAtMs"),
                .log_offset = static_cast<std::uint64_t>(number("logOffset")),
                .ended = tree->text_at("ended"),
                .ended_ms = number("endedAtMs")};
}

Result<void> save(fs::path const& file, Record const& record) {
  auto tree = Tree::map({{"pid", record.pid},
                         {"startTime", record.start_time},
                         {"bootId", record.boot_id},
                         {"startedAtMs", record.started_ms},
                         {"logOffset", record.log_offset}});
  if (!record.ended.empty()) {
    tree.set("ended", record.ended);
    tree.set("endedAtMs", record.ended_ms);
  }
  return replace_file(file, json::print(tree) + "\n");
}

bool readable_within(int fd, Duration time) {
  pollfd polled{fd, POLLIN, 0};
  return ::poll(&polled, 1, static_cast<int>(time.count())) > 0;
}

// A descriptor of the process while it runs, empty where it has ended (a zombie has). Opened before
// its start time is read: where that is right, the descriptor is no later process's.
FileDescriptor running(Record const& record) {
  FileDescriptor process(static_cast<int>(::syscall(SYS_pidfd_open, record.pid, 0)));
  if (!process || readable_within(process.get(), 0ms)) return {};
  auto stat = stat_of(record.pid);
  if (!stat || stat->start_time != record.start_time) return {};
  return process;
}

// For a process that has ended: waits for it if it is our child, and says how it ended.
std::string reap(Record const& record) {
  auto stat = stat_of(record.pid);
  int status = 0;
  // Another process of this pid may be another part's child, which that part waits for.
  if (!stat || stat->start_time != record.start_time ||
      ::waitpid(record.pid, &status, WNOHANG) != record.pid) {
    return "ended, no longer a child of the agent that could tell its exit status";
  }
  if (WIFEXITED(status)) return fmt::format("exited with {}", WEXITSTATUS(status));
  auto const* signal = ::sigabbrev_np(WTERMSIG(status));
  return fmt::format("ended by SIG{}", signal != nullptr ? signal : "?");
}

bool group_has_members(pid_t group) {
  std::error_code error;
  for (auto const& entry : fs::directory_iterator("/proc", error)) {
    auto name = entry.path().filename().string();
    pid_t pid = 0;
    auto parsed = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (parsed.ec != std::errc() || *parsed.ptr != '\0') continue;
    auto stat = stat_of(pid);
    if (stat && stat->group == group && !stat->zombie) return true;
  }
  return false;
}

// What this run wrote, as far as it fits.
std::string end_of_log(fs::path const& log, std::uint64_t offset) {
  FileDescriptor fd(::open(log.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status{};
  if (!fd || ::fstat(fd.get(), &status) != 0) return {};
  auto begin = static_cast<off_t>(offset);
  if (begin > status.st_size) begin = 0;  // rotated by somebody else
  bool cut = status.st_size - begin > kLogTail;
  if (cut) begin = status.st_size - kLogTail;
  std::string text(static_cast<std::size_t>(std::min(status.st_size - begin, kLogTail)), '\0');
  auto got = ::pread(fd.get(), text.data(), text.size(), begin);
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  if (cut) text.erase(0, text.find('\n') + 1);  // half a line
  return text;
}

Result<FileDescriptor> open_log(fs::path const& log) {
  struct stat status{};
  if (::stat(log.c_str(), &status) == 0 && status.st_size > kLogRotatedAt) {
    auto old = log.string() + ".1";
    if (::rename(log.c_str(), old.c_str()) != 0) return fail_errno(errno, "rotating " + old);
  }
  FileDescriptor fd(::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
  if (!fd) return fail_errno(errno, fmt::format("opening {}", log.string()));
  return fd;
}

// What the child needs, made before the fork: after it, in a program of several threads, only
// system calls are safe.
struct Child {
  char const* program;
  char* const* argv;
  char* const* environment;
  int null, log;
  int go_read, go_write;  // a byte: the state file names you, go. An end: the agent is gone
  int failed_write;       // takes the errno of exec; closed by exec where it works
};

[[noreturn]] void run_child(Child const& child) {
  ::close(child.go_write);
  ::setsid();
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
  ::umask(022);
  char byte = 0;
  while (::read(child.go_read, &byte, 1) < 0 && errno == EINTR) {
  }
  if (byte == 0) ::_exit(0);
  ::dup2(child.null, STDIN_FILENO);
  ::dup2(child.log, STDOUT_FILENO);
  ::dup2(child.log, STDERR_FILENO);
  ::syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
  if (::chdir("/") == 0) ::execve(child.program, child.argv, child.environment);
  int error = errno;
  (void)!::write(child.failed_write, &error, sizeof(error));
  ::_exit(127);
}

struct Pipe {
  FileDescriptor read, write;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail_errno(errno, "making a pipe");
  return Pipe{FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

// No signal handler of ours runs in the child.
pid_t fork_quietly(Child const& child) {
  sigset_t all, before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  auto pid = ::fork();
  if (pid == 0) run_child(child);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return pid;
}

}  // namespace

ChildUnits::ChildUnits(fs::path state, fs::path logs, Clock& clock)
    : state_(std::move(state)), logs_(std::move(logs)), clock_(clock) {}

Result<UnitState> ChildUnits::state(std::string const& name) {
  using Phase = UnitState::Phase;
  auto file = TRY(file_of(state_, name, ".json"));
  std::lock_guard lock(bookkeeping());
  auto record = TRY(load(file));
  if (!record) return UnitState{};
  auto& known = *record;
  if (known.ended.empty()) {
    if (running(known)) return UnitState{Phase::running, known.pid, "", from_ms(known.started_ms)};
    // Written down, because how it ended can be asked only once. Where that fails, it is still
    // true.
    known.ended = reap(known);
    known.ended_ms = to_ms(clock_.utc());
    (void)save(file, known);
  }
  auto words = last_words(end_of_log(logs_ / (name + ".log"), known.log_offset));
  auto detail = words.empty() ? known.ended : fmt::format("{}: {}", known.ended, words);
  return UnitState{Phase::failed, 0, std::move(detail), from_ms(known.ended_ms)};
}

Result<void> ChildUnits::start(UnitSpec const& spec) {
  std::lock_guard lock(bookkeeping());
  auto before = TRY(state(spec.name));
  if (before.phase == UnitState::Phase::running) return {};
  if (spec.argv.empty()) return fail(Kind::internal, "{} has no program to start", spec.name);

  auto doing = fmt::format("starting {}", spec.name);
  auto file = state_ / (spec.name + ".json");
  auto environment = clean_environment(spec.environment);
  auto program = TRY_DURING(find_program(spec.argv[0], environment), "{}", doing);
  for (auto const& folder : {state_, logs_}) {
    TRY_DURING(make_directories(folder), "{}", doing);
  }
  auto boot = TRY_DURING(this_boot(), "{}", doing);
  auto log = TRY_DURING(open_log(logs_ / (spec.name + ".log")), "{}", doing);
  FileDescriptor null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!null) return fail_errno(errno, doing);
  auto go = TRY_DURING(make_pipe(), "{}", doing);
  auto failed = TRY_DURING(make_pipe(), "{}", doing);
  auto argv = exec_array(spec.argv);
  auto variables = exec_array(environment);

  struct stat status{};
  ::fstat(log.get(), &status);
  auto pid = fork_quietly({program.c_str(), argv.data(), variables.data(), null.get(), log.get(),
                           go.read.get(), go.write.get(), failed.write.get()});
  if (pid < 0) return fail_errno(errno, doing);
  failed.write.reset();

  // The program runs only once the state file names it: whenever the agent dies, either its next
  // run finds the program, or the program never ran.
  auto stat = stat_of(pid);
  Record record;
  record.pid = pid;
  record.start_time = stat ? stat->start_time : 0;
  record.boot_id = boot;
  record.started_ms = to_ms(clock_.utc());
  record.log_offset = static_cast<std::uint64_t>(status.st_size);
  auto saved = save(file, record);
  // go->read is ours as well, so that this cannot raise SIGPIPE.
  if (saved && ::write(go.write.get(), "g", 1) != 1) saved = fail_errno(errno, "letting it go");
  go.write.reset();
  int error = 0;
  auto got = ::read(failed.read.get(), &error, sizeof(error));
  if (saved && got <= 0) return {};
  ::waitpid(pid, nullptr, 0);
  std::error_code ignored;
  fs::remove(file, ignored);
  if (!saved) return fail(saved.error(), "{}", doing);
  auto refused = errno_error(error, fmt::format("{}: {} cannot be run", doing, program));
  refused.kind = Kind::internal;
  return std::unexpected(std::move(refused));
}

Result<void> ChildUnits::stop(std::string const& name, Duration deadline, std::stop_token stop) {
  AccountedWait accounted(WaitFor::program);
  auto file = TRY(file_of(state_, name, ".json"));
  if (stop.stop_requested()) return fail(Kind::interrupted, "{} was left running", name);
  std::optional<Record> known;
  {
    std::lock_guard lock(bookkeeping());
    auto record = TRY(load(file));
    known = record;
  }
  if (auto process = known ? running(*known) : FileDescriptor()) {
    // Its group as well: a wrapper's child would hold the port and the disk. While one member is
    // left, the group's number is nobody else's.
    StopEvent stopped(std::move(stop));
    auto limit = std::chrono::steady_clock::now() + deadline;
    ::kill(-known->pid, SIGTERM);
    for (bool killed = false;;) {
      auto left = std::chrono::ceil<Duration>(limit - std::chrono::steady_clock::now());
      bool gone = readable_within(process.get(), 0ms);
      if (gone && !group_has_members(known->pid)) break;
      if (left <= 0ms && killed) {
        return fail(Kind::transient,
                    "{} (pid {}) is still there after SIGKILL, waiting for the kernel: look for a "
                    "disk that does not answer",
                    name, known->pid);
      }
      if (left <= 0ms) {
        ::kill(-known->pid, SIGKILL);
        killed = true;
        limit += kKillGrace;
        continue;
      }
      auto wait = std::min(left, gone ? kGroupPoll : Duration(1h));
      pollfd polled[] = {{stopped.fd(), POLLIN, 0}, {gone ? -1 : process.get(), POLLIN, 0}};
      ::poll(polled, 2, static_cast<int>(wait.count()));
      if (polled[0].revents != 0) {
        return fail(Kind::interrupted, "{} was asked to end; stopped while waiting for it", name);
      }
    }
  }
  std::lock_guard lock(bookkeeping());
  auto now = load(file);
  if (!now || !*now || (*now)->pid != known.value_or(Record{}).pid) return {};
  if ((*now)->ended.empty()) reap(**now);
  std::error_code error;
  fs::remove(file, error);
  if (error) return fail_errno(error.value(), fmt::format("removing {}", file.string()));
  return {};
}

}  // namespace haagent
