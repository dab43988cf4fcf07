// A wrong wall clock for the programs of one simulated instance. Named in its /etc/ld.so.preload,
// it adds to the time of day so many seconds as /etc/clock-shift says at the moment: all instances
// of a region share the machine's clock, which no time namespace moves. Steady clocks stay as they
// are, and so do programs that are linked statically, as etcd is.
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>

namespace {

constexpr long kReadAgain = 100'000'000;  // nanoseconds

std::atomic<long> shift{0};
std::atomic<long> read_at{-1};

long steady() {
  timespec now{};
  ::syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

long seconds_ahead() {
  auto const now = steady();
  auto const last = read_at.load();
  if (last >= 0 && now - last < kReadAgain) return shift;
  read_at = now;
  long const fd = ::syscall(SYS_openat, AT_FDCWD, "/etc/clock-shift", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return shift;
  char text[32] = "";
  ::syscall(SYS_read, fd, text, sizeof text - 1);
  ::syscall(SYS_close, fd);
  shift = std::strtol(text, nullptr, 10);
  return shift;
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t which, timespec* into) {
  long const failed = ::syscall(SYS_clock_gettime, which, into);
  if (failed == 0 && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE))
    into->tv_sec += seconds_ahead();
  return static_cast<int>(failed);
}

int gettimeofday(timeval* into, void*) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  into->tv_sec = now.tv_sec;
  into->tv_usec = now.tv_nsec / 1'000;
  return 0;
}

time_t time(time_t* into) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (into) *into = now.tv_sec;
  return now.tv_sec;
}

}  // extern "C"
