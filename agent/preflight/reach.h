// Whether something listens at an address: a connection that is made and closed again.
#pragma once

#include <stop_token>
#include <string>

#include "agent/base/clock.h"
#include "agent/base/result.h"

namespace haagent::preflight {

struct Reached {
  enum class How {
    connected,
    refused,      // by the machine itself, or by a load balancer that has nobody behind it
    timed_out,    // nobody answers: a security group, a route, or a load balancer that comes back
    unreachable,  // this machine itself knows no way
  };
  std::string address;  // "10.0.0.10", "fd00::1"
  int port = 0;
  How how = How::timed_out;
  bool operator==(Reached const&) const = default;
};

// Errors: invalid where it is no address, interrupted when stopped.
Result<Reached> reach(std::string const& address, int port, Duration patience,
                      std::stop_token stop);

}  // namespace haagent::preflight
