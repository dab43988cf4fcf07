#pragma once

#include <memory>

#include "agent/aws/imds.h"
#include "agent/base/step.h"

namespace haagent {

// `identity`: who this instance is, from instance metadata.
std::unique_ptr<Step> identity_step(aws::Imds& imds);

}  // namespace haagent
