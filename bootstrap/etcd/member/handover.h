// What a member does before its volume goes to its successor: it passes leadership on, then ends
// cleanly. Neither needs a fact of the boot, so that an agent that was killed in between goes on.
#pragma once

#include <stop_token>
#include <string>
#include <string_view>

#include "agent/base/step.h"
#include "bootstrap/etcd/member/deps.h"

namespace haagent::bootstrap {

// `leader-<cluster>`: where the local member leads, moves the lead to successor_of(). Done where it
// does not lead, does not run or does not answer. What it cannot do it says and does not try for
// ever: an election costs a second, the volume's minutes are dearer.
class LeaderStep final : public Step {
 public:
  LeaderStep(EtcdCluster cluster, EtcdDeps deps);
  std::string_view name() const override { return name_; }
  Result<Finding> look(Facts& facts, std::stop_token stop) override;

 private:
  Result<void> move_to(std::uint64_t id, std::stop_token stop);

  EtcdCluster const cluster_;
  EtcdDeps deps_;
  std::string const name_;
  int moves_ = 0;
};

// `stop-etcd-<cluster>`: SIGTERM, and SIGKILL where that takes longer than etcd ever needs.
class StopStep final : public Step {
 public:
  StopStep(EtcdCluster cluster, EtcdDeps deps);
  std::string_view name() const override { return name_; }
  Result<Finding> look(Facts& facts, std::stop_token stop) override;

 private:
  EtcdCluster const cluster_;
  EtcdDeps deps_;
  std::string const name_;
};

}  // namespace haagent::bootstrap
