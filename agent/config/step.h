#pragma once

#include <memory>
#include <string>

#include "agent/aws/imds.h"
#include "agent/base/clock.h"
#include "agent/base/node_config.h"
#include "agent/base/step.h"
#include "agent/config/load.h"

namespace haagent {

// A config that appears while it is waited for may be met half written: its problems count once
// they have stayed the same for a while.
class PassingProblems {
 public:
  static constexpr Duration kSettled{30'000};
  bool may_pass(std::string const& problems, SteadyTime now);

 private:
  std::string problems_;
  SteadyTime since_{};
};

// `config`: the node's configuration, user-data included. Problems are one `invalid` error that
// holds the whole page. Where nobody has said anything yet, a daemon waits until somebody does, and
// has said all of it.
std::unique_ptr<Step> config_step(Root const& root, ConfigRequest request, aws::Imds& imds,
                                  Fact<NodeConfig>& into, bool waits, Clock& clock);

}  // namespace haagent
