// What a master's join port lets in and answers: the bounds of its listener, and its pages.
#pragma once

#include <stop_token>
#include <vector>

#include "agent/server/listener.h"

namespace haagent {

namespace bootstrap::join {
class JoinService;
}

ListenerLimits join_limits(bool addresses_hidden);

// `service` must outlive the listener; what it waits for ends with `stop`.
std::vector<Route> join_routes(bootstrap::join::JoinService& service, std::stop_token const& stop);

}  // namespace haagent
