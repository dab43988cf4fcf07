#include <signal.h>
#include <unistd.h>

#include <iostream>
#include <stop_token>
#include <string_view>
#include <thread>

#include "tests/sim/standin/apiserver_standin.h"

// Without arguments, the kubelet's part; "serve <manifest>": the apiserver's.
int main(int argc, char** argv) {
  sigset_t signals;
  sigemptyset(&signals);
  for (int number : {SIGTERM, SIGINT}) sigaddset(&signals, number);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  bool const serves = argc >= 3 && std::string_view(argv[1]) == "serve";
  int code = 0;
  std::jthread worker([&](std::stop_token stop) {
    if (!serves) return haagent::sim::run_kubelet_standin("/etc/kubernetes/manifests", stop);
    auto const done = haagent::sim::run_apiserver_standin(argv[2], stop);
    if (done) return;
    std::cerr << done.error().message.text << std::endl;
    code = 1;
    ::kill(::getpid(), SIGTERM);
  });
  int number = 0;
  ::sigwait(&signals, &number);
  worker.request_stop();
  worker.join();
  return code;
}
