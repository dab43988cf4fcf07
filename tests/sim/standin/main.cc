#include <signal.h>

#include <stop_token>
#include <thread>

#include "tests/sim/standin/apiserver_standin.h"

int main() {
  sigset_t signals;
  sigemptyset(&signals);
  for (int number : {SIGTERM, SIGINT}) sigaddset(&signals, number);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::jthread watcher([&](std::stop_token stop) {
    haagent::sim::run_apiserver_standin("/etc/kubernetes/manifests", stop);
  });
  int number = 0;
  ::sigwait(&signals, &number);
  return 0;
}
