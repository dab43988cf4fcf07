// The join port: on a master the exchange with machines that want to join, on a worker the answer
// to a master that calls back. Bound for as long as the agent runs, so that nobody else on the
// machine has it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/base/facts.h"
#include "agent/base/node_config.h"
#include "agent/server/listener.h"
#include "bootstrap/join/master/service.h"

namespace haagent {

struct Collaborators;

class JoinListener {
 public:
  // `told`: each decision of a master, from the listener's threads.
  JoinListener(Collaborators& machine, NodeConfig const& config, Identity const& identity,
               std::function<void(bootstrap::join::Decided const&)> told);
  ~JoinListener();
  Result<int> listen(std::string const& address);

 private:
  struct Master;
  std::unique_ptr<Master> master_;  // null: a worker
  std::unique_ptr<HttpListener> listener_;
};

}  // namespace haagent
