#include "agent/base/thread_monitor.h"

#include <fmt/format.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <list>
#include <mutex>

#include "agent/base/files.h"
#include "agent/base/running.h"
#include "agent/base/wait_accounting.h"

namespace haagent {
namespace {

struct Watched {
  std::string name;
  pid_t thread;
  AccountedWait::Where const* where;  // that thread's
};

std::mutex& bookkeeping() {
  static std::mutex mutex;
  return mutex;
}

std::list<Watched>& all() {
  static std::list<Watched> threads;
  return threads;
}

bool is_held(pid_t thread) {
  auto const text = read_file(fmt::format("/proc/self/task/{}/stat", thread), 4096);
  if (!text || !*text) return false;
  auto const stat = parse_process_stat(**text);
  return stat && stat->held;
}

}  // namespace

ThreadMonitor::ThreadMonitor(std::string name) {
  // For `ps -L`, `top -H` and core dumps; the kernel keeps fifteen bytes. The first thread's name
  // is the process's.
  if (::gettid() != ::getpid()) ::pthread_setname_np(::pthread_self(), name.substr(0, 15).c_str());
  std::lock_guard lock(bookkeeping());
  auto const* where = AccountedWait::where_this_thread_is();
  counts_ = std::ranges::none_of(all(), [&](Watched const& each) { return each.where == where; });
  if (!counts_) return;
  AccountedWait::restart_own_time();
  all().push_back({std::move(name), ::gettid(), where});
}

ThreadMonitor::~ThreadMonitor() {
  if (!counts_) return;
  std::lock_guard lock(bookkeeping());
  std::erase_if(all(), [where = AccountedWait::where_this_thread_is()](Watched const& each) {
    return each.where == where;
  });
}

std::vector<MonitoredThread> monitored_threads(SteadyTime now) {
  std::vector<MonitoredThread> found;
  std::lock_guard lock(bookkeeping());
  for (auto const& each : all()) {
    MonitoredThread thread{.name = each.name};
    if (auto const since = each.where->own_since.load(); since != SteadyTime::max() && since < now)
      thread.in_own_code = std::chrono::duration_cast<Duration>(now - since);
    if (thread.in_own_code > Duration(0)) thread.held_by_kernel = is_held(each.thread);
    found.push_back(std::move(thread));
  }
  return found;
}

std::string hanging(std::vector<MonitoredThread> const& threads, Duration limit) {
  std::string why;
  for (auto const& each : threads) {
    if (each.held_by_kernel || each.in_own_code <= limit) continue;
    why += fmt::format("{}{} has been at one thing for {}", why.empty() ? "" : "; ", each.name,
                       to_words(each.in_own_code));
  }
  return why;
}

}  // namespace haagent
