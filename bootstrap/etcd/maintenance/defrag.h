// Gives the free pages of every member's database back to its disk, one member at a time and the
// leader last, because a member serves nobody meanwhile.
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/http.h"
#include "bootstrap/etcd/client/client.h"

namespace haagent::bootstrap {

struct DefragTarget {
  EtcdMember member;
  EtcdStatus status;
};
struct DefragDone {
  std::string name;
  std::uint64_t before = 0;  // bytes
  std::uint64_t after = 0;
  Duration took{};
};

// Pure: followers and learners by id, the leader last. Errors: refused where a member is down or
// never started, since taking one more away could cost the quorum. An alarm for want of space is no
// hindrance: this is what helps.
Result<std::vector<DefragTarget>> defrag_order(std::vector<EtcdMember> const& members,
                                               std::vector<DefragTarget> const& answers);

// `done` is called after each member. Ends at the first that fails, or does not serve again.
Result<void> defragment(Http& http, Clock& clock, HttpTls const& tls,
                        std::vector<DefragTarget> const& order,
                        std::function<void(DefragDone const&)> const& done, std::stop_token stop);

}  // namespace haagent::bootstrap
