// What a member does before its volume goes to its successor: it passes leadership on, then ends
// cleanly. Neither needs a fact of the boot, so that an agent that was killed in between goes on.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "bootstrap/etcd/client/client.h"
#include "bootstrap/etcd/member/decision.h"
#include "bootstrap/etcd/member/step.h"

namespace haagent::bootstrap {

// Who shall lead: of the voters that answer and see the same leader, the one that has caught up
// furthest; among equals the first by name. Nothing where no other voter is healthy: then the
// member that holds the lead ends with it, since its volume goes away whatever we do.
std::optional<std::uint64_t> successor_of(std::uint64_t leader,
                                          std::vector<EtcdMember> const& members,
                                          std::vector<MemberAnswer> const& answers);

// `leader-<cluster>`: where the local member leads, moves the lead to successor_of(). Done where it
// does not lead, does not run or does not answer. What it cannot do it says and does not try for
// ever: an election costs a second, the volume's minutes are dearer.
class LeaderStep final : public Step {
 public:
  LeaderStep(EtcdCluster cluster, EtcdParts parts);
  std::string_view name() const override { return name_; }
  Result<Finding> look(Facts& facts, std::stop_token stop) override;
  Result<void> act(Facts& facts, std::stop_token stop) override;

 private:
  EtcdCluster const cluster_;
  EtcdParts parts_;
  std::string const name_;
  std::uint64_t to_ = 0;
  int moves_ = 0;
};

// `stop-etcd-<cluster>`: SIGTERM, and SIGKILL where that takes longer than etcd ever needs.
class StopStep final : public Step {
 public:
  StopStep(EtcdCluster cluster, EtcdParts parts);
  std::string_view name() const override { return name_; }
  Result<Finding> look(Facts& facts, std::stop_token stop) override;
  Result<void> act(Facts& facts, std::stop_token stop) override;

 private:
  EtcdCluster const cluster_;
  EtcdParts parts_;
  std::string const name_;
};

}  // namespace haagent::bootstrap
