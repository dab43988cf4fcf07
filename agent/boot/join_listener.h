// The join port: on a master the exchange with machines that want to join, on a worker the answer
// to a master that calls back. The agent binds it for as long as it runs, and systemd keeps a
// worker's while the agent restarts, so that no other program on the machine takes it.
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
