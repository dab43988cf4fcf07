// What haagent does on its way to ready, by the calls that take its time: named in an instance's
// /etc/ld.so.preload it stands in front of those of libc and OpenSSL, and writes a line for each to
// /run/boot-profile/PID:
//   BEGAN (UTC, us)  TOOK (us)  ROW  KIND  ABOUT
// ROW is the thread's name, which is its row's (thread_monitor.h). Other programs are left alone.
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstring>

namespace {

constexpr std::int64_t kSeen = 1000;  // us: a wait that is shorter is none

std::int64_t now() {
  timespec time{};
  ::clock_gettime(CLOCK_REALTIME, &time);
  return time.tv_sec * 1'000'000 + time.tv_nsec / 1000;
}

int open_log() {
  char program[4096] = {};
  if (::readlink("/proc/self/exe", program, sizeof program - 1) < 0) return -1;
  auto const* name = std::strrchr(program, '/');
  if (!name || std::strcmp(name, "/haagent") != 0) return -1;
  char path[64];
  ::mkdir("/run/boot-profile", 0755);
  std::snprintf(path, sizeof path, "/run/boot-profile/%d", ::getpid());
  return ::open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

int log() {
  static int const fd = open_log();
  return fd;
}

void tell(std::int64_t began, char const* kind, char const* about = "") {
  if (log() < 0) return;
  auto const error = errno;
  char row[16] = {}, line[4400];
  ::prctl(PR_GET_NAME, row);
  int const size =
      std::snprintf(line, sizeof line, "%lld\t%lld\t%s\t%s\t%s\n", static_cast<long long>(began),
                    static_cast<long long>(now() - began), row, kind, about);
  if (size > 0) (void)!::write(log(), line, static_cast<std::size_t>(size));
  errno = error;
}

void tell_of_file(std::int64_t began, char const* kind, int fd) {
  char link[32], path[4096] = {};
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  if (::readlink(link, path, sizeof path - 1) < 0) path[0] = '\0';
  tell(began, kind, path);
}

// The function that would have been called without this library.
template <class Function>
Function* next(char const* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

int flush(char const* name, int fd) {
  auto* const real = next<int(int)>(name);
  auto const began = now();
  int const result = real(fd);
  tell_of_file(began, "fsync", fd);
  return result;
}

// A handshake is many calls, until one of them succeeds.
thread_local void* shaking = nullptr;
thread_local std::int64_t shaking_since = 0;

int shake_hands(char const* name, void* ssl) {
  auto* real = next<int(void*)>(name);
  if (shaking != ssl) {
    shaking = ssl;
    shaking_since = now();
  }
  int const result = real(ssl);
  if (result == 1) {
    tell(shaking_since, "handshake", name);
    shaking = nullptr;
  }
  return result;
}

}  // namespace

extern "C" {

int fsync(int fd) {
  return flush("fsync", fd);
}
int fdatasync(int fd) {
  return flush("fdatasync", fd);
}
int syncfs(int fd) noexcept {
  return flush("syncfs", fd);
}

int posix_spawn(pid_t* pid, char const* path, posix_spawn_file_actions_t const* actions,
                posix_spawnattr_t const* attributes, char* const argv[],
                char* const environment[]) {
  static auto* const real = next<decltype(::posix_spawn)>("posix_spawn");
  auto const began = now();
  int const result = real(pid, path, actions, attributes, argv, environment);
  tell(began, "program", path);
  return result;
}

int connect(int fd, sockaddr const* address, socklen_t length) {
  static auto* const real = next<int(int, sockaddr const*, socklen_t)>("connect");
  auto const began = now();
  int const result = real(fd, address, length);
  if (address->sa_family == AF_INET || address->sa_family == AF_INET6) tell(began, "connection");
  return result;
}

// Reports a wait that timed out. A wait that another thread ended is not a pause.
int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock,
                           timespec const* until) {
  static auto* const real =
      next<int(pthread_cond_t*, pthread_mutex_t*, clockid_t, timespec const*)>(
          "pthread_cond_clockwait");
  auto const began = now();
  int const result = real(condition, mutex, clock, until);
  if (result == ETIMEDOUT && now() - began >= kSeen) tell(began, "pause");
  return result;
}

int clock_nanosleep(clockid_t clock, int flags, timespec const* time, timespec* left) {
  static auto* const real =
      next<int(clockid_t, int, timespec const*, timespec*)>("clock_nanosleep");
  auto const began = now();
  int const result = real(clock, flags, time, left);
  if (now() - began >= kSeen) tell(began, "pause");
  return result;
}

// EVP_EC_gen and EVP_RSA_gen: each has one argument more.
void* EVP_PKEY_Q_keygen(void* context, char const* properties, char const* type, ...) {
  static auto* const real = next<void*(void*, char const*, char const*, ...)>("EVP_PKEY_Q_keygen");
  va_list arguments;
  va_start(arguments, type);
  void* const argument = va_arg(arguments, void*);
  va_end(arguments);
  auto const began = now();
  void* const key = real(context, properties, type, argument);
  tell(began, "key", type);
  return key;
}

int SSL_connect(void* ssl) {
  return shake_hands("SSL_connect", ssl);
}
int SSL_accept(void* ssl) {
  return shake_hands("SSL_accept", ssl);
}
int SSL_do_handshake(void* ssl) {
  return shake_hands("SSL_do_handshake", ssl);
}

}  // extern "C"
