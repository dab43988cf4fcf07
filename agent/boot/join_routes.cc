#include "agent/boot/join_routes.h"

#include "bootstrap/join/master/service.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;
namespace join = bootstrap::join;

// From the connection to the first request, from one request to the next (the worker asks STS in
// between), and for an answer to be read; how long a master takes to answer is its own matter.
constexpr ServerConnection::Limits kExchange{.whole = 10s};
// A thread waits for others most of its time. A machine has one exchange at a time, and a load
// balancer that hides addresses has all of them.
constexpr ConnectionLimits kMasters{.threads = 128,
                                    .threads_per_address = 2,
                                    .connections = 512,
                                    .per_address = 4,
                                    .silence = 10s,
                                    .rest_waits = true};
constexpr int kBacklog = 4096;

join::Connection connection_of(ServerCall const& call) {
  return {.nonce = call.nonce, .server_key = call.server_key, .address = call.address};
}

Answer answer_of(join::Reply reply) {
  return {.status = reply.status,
          .type = "application/json",
          .body = std::move(reply.body),
          .retry_after = reply.retry_after,
          .kept = std::move(reply.place)};
}

}  // namespace

ListenerLimits join_limits(bool addresses_hidden) {
  auto connections = kMasters;
  if (addresses_hidden) {
    connections.threads_per_address = connections.threads;
    connections.per_address = connections.connections;
  }
  return {.connections = connections, .connection = kExchange, .backlog = kBacklog};
}

std::vector<Route> join_routes(join::JoinService& service, std::stop_token const& stop) {
  return {
      {.method = "GET",
       .path = join::kNoncePath,
       .goes_on = true,
       .answer =
           [&service, stop](ServerCall const& call) {
             return answer_of(service.offer(connection_of(call), stop));
           }},
      {.method = "POST",
       .path = join::kJoinPath,
       .body_cap = join::kAskCap,
       .answer =
           [&service, stop](ServerCall const& call) {
             return answer_of(service.join(call.body, connection_of(call), stop));
           }},
      {.method = "POST",
       .path = join::kRenewPath,
       .body_cap = join::kAskCap,
       .answer = [&service, stop](ServerCall const& call) {
         return answer_of(service.renew(call.body, call.certificate, connection_of(call), stop));
       }}};
}

}  // namespace haagent
