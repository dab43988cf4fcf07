#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/files.h"
#include "agent/base/http.h"
#include "agent/base/row_names.h"
#include "agent/base/step.h"
#include "bootstrap/hosts/announcement.h"

namespace haagent::bootstrap {

// The step `announce`: announces this master's address to the peers' agents, side by side, and
// again whenever a peer has another address. It is done once each peer has answered or failed to,
// since a peer that it cannot reach learns the address from EC2: nothing waits for it. It announces
// itself again to a peer that did not take it, after 1 s, 2 s, 4 s, ... 5 min. Comes after pki and
// hosts.
class AnnounceStep final : public Step {
 public:
  // The clock: the state store's, as far as it is known.
  AnnounceStep(NodeConfig const& config, Root root, Http& http, Clock& clock)
      : config_(config), root_(std::move(root)), http_(http), clock_(clock) {}
  std::string_view name() const override { return row_names::kAnnounce; }
  Result<Finding> look(Facts& facts, std::stop_token stop) override;
  bool rest(Clock& clock, Duration at_most, std::stop_token stop) override;

 private:
  struct Peer {
    std::string address;  // empty: not known
    std::string body;     // what it is to be told
    bool knows = false;
    int attempts = 0;
    SteadyTime again{};   // not before
    std::string problem;  // of the last attempt: "does not answer"
    std::string code;     // of the same: "Unavailable", "404"
  };
  Result<void> update(Facts& facts);
  std::vector<std::string> due() const;
  Message message() const;
  Result<void> announce(std::vector<std::string> const& members, std::stop_token stop);
  void tell(Peer& peer, std::stop_token stop) const;

  NodeConfig const& config_;
  Root root_;
  Http& http_;
  Clock& clock_;
  std::optional<UtcTime> since_;
  std::optional<SteadyTime> began_;    // the same by the steady clock
  std::map<std::string, Peer> peers_;  // by member
};

}  // namespace haagent::bootstrap
