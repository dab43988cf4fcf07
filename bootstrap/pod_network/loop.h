// The program behind `haagent pod-network`: follows the nodes and keeps the network as they are.
#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "agent/base/clock.h"
#include "agent/base/files.h"
#include "agent/base/http.h"
#include "agent/base/process.h"
#include "agent/base/retry.h"
#include "bootstrap/pod_network/feed.h"
#include "bootstrap/pod_network/kernel.h"
#include "bootstrap/pod_network/report.h"

namespace haagent::bootstrap::pod_network {

class Loop {
 public:
  struct Deps {
    Root root;
    Http& http;
    Process& process;
    Clock& clock;
  };
  explicit Loop(Deps deps);

  // One look and what follows from it; returns what is to be told, and after how long to look
  // again.
  struct Outcome {
    Message message;
    Duration next{0};
  };
  Outcome turn(std::stop_token stop);

  // Until stopped. Every turn is told by write_report(); `heard` is called with each message that
  // differs from the one before.
  void run(std::function<void(Message const&)> const& heard, std::stop_token stop);

 private:
  Outcome off(std::stop_token stop);
  Outcome failed(Reason reason, Error const& error);
  Result<void> follow(std::stop_token stop);
  Outcome make(Settings const& settings, std::stop_token stop);

  Deps deps_;
  KernelNetwork kernel_;
  Jitter jitter_;
  std::optional<NodeFeed> feed_;  // once it has a list; none after an error
  std::string settings_;          // the text that it goes by
  int failures_ = 0;
  bool made_ = false;  // since this program began
};

}  // namespace haagent::bootstrap::pod_network
