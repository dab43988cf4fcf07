#include <signal.h>
#include <unistd.h>

#include <functional>
#include <iostream>
#include <stop_token>
#include <string_view>
#include <thread>

#include "tests/sim/standin/apiserver_standin.h"
#include "tests/sim/standin/kubelet_standin.h"

namespace {

using namespace haagent;

// "serve <manifest>": the apiserver's part; "proxy --config=<document>": kube-proxy's; else the
// kubelet's.
Result<void> play(int argc, char** argv, std::stop_token stop) {
  std::string_view const part = argc >= 3 ? argv[1] : "";
  std::string_view what = argc >= 3 ? argv[2] : "";
  if (part == "serve") return sim::run_apiserver_standin(what, stop);
  constexpr std::string_view kConfig = "--config=";
  if (part == "proxy" && what.starts_with(kConfig))
    return sim::run_kube_proxy_standin(what.substr(kConfig.size()), stop);
  sim::run_kubelet_standin("/etc/kubernetes/manifests", stop);
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  sigset_t signals;
  sigemptyset(&signals);
  for (int number : {SIGTERM, SIGINT}) sigaddset(&signals, number);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  int code = 0;
  std::jthread worker([&](std::stop_token stop) {
    auto const done = play(argc, argv, stop);
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
