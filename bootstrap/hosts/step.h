#pragma once

#include <memory>

#include "agent/base/row_names.h"
#include "agent/base/step.h"
#include "bootstrap/hosts/peers.h"

namespace haagent::bootstrap {

// The step `hosts`: the members' names in /etc/hosts, mine first of all, so that etcd can start
// before the others are known. Comes after volume-main. An announcement wakes it.
class HostsStep final : public Step {
 public:
  explicit HostsStep(std::shared_ptr<Peers> peers) : peers_(std::move(peers)) {}
  std::string_view name() const override { return row_names::kHosts; }
  Result<Finding> look(Facts& facts, std::stop_token stop) override;
  bool rest(Clock& clock, Duration at_most, std::stop_token stop) override;

 private:
  std::shared_ptr<Peers> peers_;
};

}  // namespace haagent::bootstrap
