#include "agent/runtime/signals.h"

#include <signal.h>

#include <atomic>

namespace haagent {
namespace {

sigset_t handled() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGUSR2);  // our own: ends the waiting thread
  return set;
}

}  // namespace

Signals::Signals() {
  auto set = handled();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  // A peer that closes its connection is an error of that write, not the end of the agent.
  signal(SIGPIPE, SIG_IGN);
  thread_ = std::jthread([this] {
    auto waited = handled();
    int number = 0;
    if (sigwait(&waited, &number) == 0 && number != SIGUSR2) {
      received_ = number;
      source_.request_stop();
    }
  });
}

Signals::~Signals() {
  pthread_kill(thread_.native_handle(), SIGUSR2);
}

}  // namespace haagent
