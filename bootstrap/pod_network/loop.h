// The program behind `haagent pod-network`: follows the nodes and keeps the network as they are.
#pragma once

#include <functional>
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

// Decided: what to report when the apiserver does not answer. A short outage, as during a restart,
// does not change the network that was made. A longer one is reported, since routes to new nodes
// are missing.
struct MadeNetwork {
  Message message;
  SteadyTime at;
};
inline constexpr Duration kUnansweredFor{30'000};
Message told_of_failure(Message failure, std::optional<MadeNetwork> const& made, SteadyTime now);

class Loop {
 public:
  struct Deps {
    Root root;
    Http& http;
    Process& process;
    Clock& clock;
  };
  explicit Loop(Deps deps);

  // Looks once and acts; returns what to report, and how long to wait before the next turn.
  struct Outcome {
    Message message;
    Duration next{0};
  };
  Outcome turn(std::stop_token stop);

  // Until stopped. What a turn finds goes to write_report(), at once where it differs; `heard` is
  // called with each message that has another reason or subject than the one before.
  void run(std::function<void(Message const&)> const& heard, std::stop_token stop);

 private:
  // Takes away what is ours, once: it is looked for when the program begins.
  Result<void> clear(std::stop_token stop);
  Outcome off(std::stop_token stop);
  Outcome failed(Reason reason, Error const& error);
  Result<void> follow(std::stop_token stop);
  Outcome make(Settings const& settings, std::stop_token stop);

  Deps deps_;
  KernelNetwork kernel_;
  Jitter jitter_;
  std::optional<NodeFeed> feed_;     // once it has a list; none after an error
  std::string settings_;             // the text that it goes by
  std::optional<MadeNetwork> made_;  // as of the last good answer
  int failures_ = 0;
  bool is_clear_ = false;  // nothing of ours is there
};

}  // namespace haagent::bootstrap::pod_network
