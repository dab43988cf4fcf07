#pragma once

#include "agent/base/http.h"
#include "bootstrap/etcd/member/decision.h"

namespace haagent::bootstrap {

struct AskedMember {
  std::string member;    // "b"
  std::string endpoint;  // "http://10.0.0.11:2379"; empty: its address is not known
};

// What each answers, in the same order, asked side by side within about three seconds.
std::vector<MemberAnswer> ask_members(Http& http, std::vector<AskedMember> const& members,
                                      HttpTls const& tls, std::stop_token stop);

}  // namespace haagent::bootstrap
