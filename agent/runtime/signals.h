// SIGTERM and SIGINT as a stop token. Made first thing in main, before any thread: the signals are
// blocked and waited for in one place, so that there is no handler code.
#pragma once

#include <atomic>
#include <stop_token>
#include <thread>

namespace haagent {

class Signals {
 public:
  Signals();
  ~Signals();
  std::stop_token token() const { return source_.get_token(); }
  int received() const { return received_; }  // 0: none yet

 private:
  std::stop_source source_;
  std::atomic<int> received_ = 0;
  std::jthread thread_;
};

}  // namespace haagent
