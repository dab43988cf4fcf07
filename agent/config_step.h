#pragma once

#include <memory>

#include "agent/aws/imds.h"
#include "agent/base/node_config.h"
#include "agent/base/step.h"
#include "agent/config.h"

namespace haagent {

// `config`: the node's configuration, user-data included. Problems are one `invalid` error that
// holds the whole page. Where nobody has said anything yet, a daemon waits until somebody does.
std::unique_ptr<Step> config_step(Root const& root, ConfigRequest request, aws::Imds& imds,
                                  Fact<NodeConfig>& into, bool waits);

}  // namespace haagent
