// The row `cloudwatch`, where metrics are to get to CloudWatch: how that goes. It is always done,
// since a node whose metrics do not arrive serves all the same; what is wrong stands in its
// message.
#pragma once

#include "agent/base/node_config.h"
#include "agent/base/row_names.h"
#include "agent/base/step.h"

namespace haagent::cloudwatch {

class CloudWatchStep final : public Step {
 public:
  explicit CloudWatchStep(NodeConfig const& config) : config_(config) {}
  std::string_view name() const override { return row_names::kCloudWatch; }
  Result<Finding> look(Facts& facts, std::stop_token stop) override;

 private:
  NodeConfig const& config_;
};

}  // namespace haagent::cloudwatch
