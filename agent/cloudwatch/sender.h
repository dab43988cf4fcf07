// Sends the node's metrics to CloudWatch at each interval, on a thread of its own. Nothing waits
// for that thread. A failure sets a fact, and the next interval sends the next values.
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "agent/aws/cloudwatch.h"
#include "agent/base/clock.h"
#include "agent/base/facts.h"
#include "agent/base/node_config.h"

namespace haagent::cloudwatch {

struct SenderDeps {
  NodeConfig const& config;
  Clock& clock;
  std::function<std::string()> page;               // the one that Prometheus reads
  std::function<void(std::string const&)> record;  // a line of the embedded metric format
  aws::CloudWatch& cloudwatch;
  Fact<CloudWatchFacts>& fact;
};

class Sender {
 public:
  explicit Sender(SenderDeps deps) : deps_(std::move(deps)) {}
  // Until stopped; not at all where the configuration does not ask for it.
  void run(std::stop_token stop);
  void send_once(std::stop_token stop);

 private:
  SenderDeps deps_;
};

}  // namespace haagent::cloudwatch
