// Lets connections in, as many as there is room for. The rest is closed at once, or waits outside
// in the kernel's queue: anyone who opens thousands costs neither memory nor threads, and keeps
// nobody else out for good.
//
// A connection costs a thread only once its first bytes are there; one that stays silent is closed.
// No address has more than its part of the room or of the threads.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/file_descriptor.h"

namespace haagent {

struct ConnectionLimits {
  std::size_t threads = 4;  // at most: each is started when there is a connection for it
  std::size_t threads_per_address = 2;
  std::size_t connections = 64;
  std::size_t per_address = 8;
  Duration silence{2'000};  // from the connection to a thread of its own; then it is closed
  // Where there is no room, new connections wait in the kernel's queue. A caller that is closed
  // connects again at once, and each connection costs more than one that waits. A connection over
  // its address's limit is closed all the same.
  bool rest_waits = false;
};

class ConnectionLimiter {
 public:
  // Called from one of the threads, for a socket that does not block. It is closed afterwards, and
  // shut down while it is served where the limiter is destroyed.
  using Serve = std::function<void(int socket)>;
  ConnectionLimiter(ConnectionLimits limits, Serve serve);
  ~ConnectionLimiter();

  // Takes the socket over. Never waits.
  void admit(FileDescriptor socket);
  // Whether the next may be let in, or closed. Where there is no room, those that have said nothing
  // yet go for it.
  bool make_room();

 private:
  struct Guest {
    FileDescriptor socket;
    std::string address;
    SteadyTime until;
  };
  void watch();
  void start_thread();
  void work();
  std::size_t guests_of(std::string const& address) const;
  std::size_t served_of(std::string const& address) const;

  ConnectionLimits const limits_;
  Serve const serve_;
  FileDescriptor woken_;
  mutable std::mutex mutex_;
  std::condition_variable called_;
  bool over_ = false;
  std::vector<Guest> waiting_;
  std::deque<Guest> called_in_;       // for the next thread
  std::vector<Guest const*> served_;  // by a thread
  std::size_t idle_ = 0;              // threads that wait to be called
  std::vector<std::thread> threads_;  // that serve
  std::thread watching_;
};

}  // namespace haagent
