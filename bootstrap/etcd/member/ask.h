#pragma once

#include "agent/base/http.h"
#include "bootstrap/etcd/member/decision.h"

namespace haagent::bootstrap {

// Masters are a millisecond or two apart. Who takes no connection for so long, TLS included, is
// taken for gone until the next look.
inline constexpr Duration kAskPatience{600};
// The same while this member starts. An etcd that has no leader yet takes the connection and says
// nothing: in a new cluster the others wait for this one, which would wait for them.
inline constexpr Duration kAskPatienceStarting{200};

struct AskedMember {
  std::string member;    // "b"
  std::string endpoint;  // "http://10.0.0.11:2379"; empty: its address is not known
  Duration patience = kAskPatience;
};

// What each answers, in the same order, asked side by side within about three seconds.
std::vector<MemberAnswer> ask_members(Http& http, std::vector<AskedMember> const& members,
                                      HttpTls const& tls, std::stop_token stop);

}  // namespace haagent::bootstrap
