#pragma once

#include <stop_token>

#include "agent/aws/imds.h"
#include "agent/base/result.h"
#include "agent/config/load.h"

namespace haagent {

// The request with this instance's user-data, as instance metadata gives it; as it is where it has
// user-data already, or files, which stand instead of the machine's own sources.
Result<ConfigRequest> with_own_user_data(ConfigRequest request, aws::Imds& imds,
                                         std::stop_token stop);

}  // namespace haagent
