#include "agent/server/connection_limiter.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <iterator>
#include <system_error>

namespace haagent {
namespace {

SteadyTime now() {
  return std::chrono::steady_clock::now();
}

// Its bytes: nobody reads them.
std::string address_of(int socket) {
  sockaddr_storage peer{};
  socklen_t length = sizeof peer;
  if (::getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &length) != 0) return {};
  auto bytes = [](auto const& address) {
    return std::string(reinterpret_cast<char const*>(&address), sizeof address);
  };
  if (peer.ss_family == AF_INET) return bytes(reinterpret_cast<sockaddr_in&>(peer).sin_addr);
  if (peer.ss_family == AF_INET6) return bytes(reinterpret_cast<sockaddr_in6&>(peer).sin6_addr);
  return {};
}

// A TLS client sends its first bytes in less time than this.
constexpr Duration kSpeaks{1'000};

bool says_nothing(int socket) {
  char byte = 0;
  return ::recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0;
}

}  // namespace

ConnectionLimiter::ConnectionLimiter(ConnectionLimits limits, Serve serve)
    : limits_(limits), serve_(std::move(serve)), woken_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  threads_.emplace_back([this] { work(); });
  watching_ = std::thread([this] { watch(); });
}

ConnectionLimiter::~ConnectionLimiter() {
  {
    std::lock_guard lock(mutex_);
    over_ = true;
    for (auto const* guest : served_) ::shutdown(guest->socket.get(), SHUT_RDWR);
  }
  ::eventfd_write(woken_.get(), 1);
  called_.notify_all();
  watching_.join();  // and nobody starts another
  for (auto& thread : threads_) thread.join();
}

std::size_t ConnectionLimiter::served_of(std::string const& address) const {
  auto const is = [&](auto const& guest) { return guest.address == address; };
  return static_cast<std::size_t>(std::ranges::count_if(called_in_, is)) +
         static_cast<std::size_t>(
             std::ranges::count_if(served_, [&](auto const* guest) { return is(*guest); }));
}

std::size_t ConnectionLimiter::guests_of(std::string const& address) const {
  return served_of(address) +
         static_cast<std::size_t>(std::ranges::count(waiting_, address, &Guest::address));
}

bool ConnectionLimiter::make_room() {
  std::lock_guard lock(mutex_);
  if (!limits_.rest_waits ||
      waiting_.size() + called_in_.size() + served_.size() < limits_.connections)
    return true;
  auto const time = now();
  for (auto& guest : waiting_)
    if (guest.until - limits_.silence + kSpeaks <= time && says_nothing(guest.socket.get()))
      guest.until = time;  // watch() lets it go
  ::eventfd_write(woken_.get(), 1);
  return false;
}

void ConnectionLimiter::admit(FileDescriptor socket) {
  int const flags = ::fcntl(socket.get(), F_GETFL);
  ::fcntl(socket.get(), F_SETFL, flags | O_NONBLOCK);
  ::fcntl(socket.get(), F_SETFD, FD_CLOEXEC);
  Guest guest{.socket = std::move(socket), .address = {}, .until = now() + limits_.silence};
  guest.address = address_of(guest.socket.get());
  {
    std::lock_guard lock(mutex_);
    bool const full = waiting_.size() + called_in_.size() + served_.size() >= limits_.connections;
    if (over_ || full || guests_of(guest.address) >= limits_.per_address) return;
    waiting_.push_back(std::move(guest));
  }
  ::eventfd_write(woken_.get(), 1);
}

// Calls in those that have something to say, while there is a thread for them.
void ConnectionLimiter::watch() {
  std::unique_lock lock(mutex_);
  while (!over_) {
    auto const time = now();
    std::erase_if(waiting_, [&](Guest const& guest) { return guest.until <= time; });
    bool const room = called_in_.size() + served_.size() < limits_.threads;
    std::vector<pollfd> polled = {{.fd = woken_.get(), .events = POLLIN, .revents = 0}};
    auto wake = SteadyTime::max();
    for (auto const& guest : waiting_) {
      bool const its_turn = room && served_of(guest.address) < limits_.threads_per_address;
      polled.push_back({.fd = guest.socket.get(),
                        .events = static_cast<short>(its_turn ? POLLIN : 0),
                        .revents = 0});
      wake = std::min(wake, guest.until);
    }
    int const timeout =
        waiting_.empty()
            ? -1
            : static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(wake - time).count());
    lock.unlock();
    ::poll(polled.data(), polled.size(), timeout);
    lock.lock();
    eventfd_t ignored = 0;
    ::eventfd_read(woken_.get(), &ignored);
    if (over_) break;
    // Anyone who came meanwhile stands behind those that were polled.
    std::vector<Guest> stay;
    for (std::size_t i = 0; i < waiting_.size(); ++i) {
      auto& guest = waiting_[i];
      auto const happened = i + 1 < polled.size() ? polled[i + 1].revents : short{0};
      bool const its_turn = called_in_.size() + served_.size() < limits_.threads &&
                            served_of(guest.address) < limits_.threads_per_address;
      if ((happened & POLLIN) != 0 && its_turn) {
        called_in_.push_back(std::move(guest));
        called_.notify_one();
        if (called_in_.size() > idle_) start_thread();
      } else if ((happened & POLLIN) != 0 || (happened & (POLLHUP | POLLERR | POLLNVAL)) == 0) {
        stay.push_back(std::move(guest));
      }
    }
    waiting_ = std::move(stay);
  }
  waiting_.clear();
}

void ConnectionLimiter::start_thread() {
  if (threads_.size() >= limits_.threads) return;
  try {
    threads_.emplace_back([this] { work(); });
  } catch (std::system_error const&) {
    // The machine gives no more: those that are there serve one guest after the other.
  }
}

void ConnectionLimiter::work() {
  // A write to a caller that has left is an error of that connection, not the program's end.
  sigset_t pipe;
  ::sigemptyset(&pipe);
  ::sigaddset(&pipe, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    called_.wait(lock, [&] { return over_ || !called_in_.empty(); });
    --idle_;
    if (over_) return;
    auto const guest = std::move(called_in_.front());
    called_in_.pop_front();
    served_.push_back(&guest);
    lock.unlock();
    serve_(guest.socket.get());
    lock.lock();
    std::erase(served_, &guest);
    ::eventfd_write(woken_.get(), 1);
  }
}

}  // namespace haagent
