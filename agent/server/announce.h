#pragma once

#include "agent/base/node_config.h"
#include "agent/server/call.h"
#include "bootstrap/hosts/peers.h"

namespace haagent {

// What the server answers to POST /v1/hello. 200: known from now on; 400: not an announcement; 403:
// not the caller's to say; 409: somebody else carries the member; 503: say it again later.
ServerReply answer_announcement(NodeConfig const& config, bootstrap::Peers& peers,
                                ServerCall const& call);

}  // namespace haagent
