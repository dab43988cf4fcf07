// The join port: on a master the exchange with machines that want to join, on a worker the answer
// to a master that calls back. Bound for as long as the agent runs, and a worker's kept by systemd
// while it starts anew, so that nobody else on the machine has it.
#pragma once

#include <memory>
#include <string>
#include <thread>

#include "agent/base/facts.h"
#include "agent/base/node_config.h"
#include "agent/server/listener.h"

namespace haagent {

struct Collaborators;

class JoinListener {
 public:
  // A master writes a line of the journal for each decision.
  JoinListener(Collaborators& machine, NodeConfig const& config, Identity const& identity);
  ~JoinListener();
  // Tries until somebody else lets go of the port: what could not be bound is tried again, since
  // nothing else would.
  void listen(std::string const& address);
  // What a master has answered so far; nothing on a worker.
  JoinFacts facts() const;

 private:
  Result<void> bind(std::string const& address);

  struct Master;
  std::unique_ptr<Master> master_;  // null: a worker
  std::unique_ptr<HttpListener> listener_;
  std::jthread binding_;
};

// Has systemd let go of the port that it keeps, where it does.
void forget_join_socket();

}  // namespace haagent
