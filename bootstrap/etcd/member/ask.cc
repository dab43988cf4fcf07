#include "bootstrap/etcd/member/ask.h"

#include "agent/base/side_by_side.h"

namespace haagent::bootstrap {
namespace {

constexpr Duration kRequest{1'500};

// The same words for the same trouble, whatever milliseconds the library adds to them.
std::string brief(Error const& error) {
  if (error.code == std::errc::timed_out) return "timed out";
  auto const colon = error.message.text.rfind(": ");
  auto last = colon == std::string::npos ? "" : error.message.text.substr(colon + 2);
  return last.empty() ? error.message.sentence() : last;
}

MemberAnswer ask(Http& http, AskedMember const& asked, HttpTls const& tls, std::stop_token stop) {
  MemberAnswer answer{.member = asked.member};
  if (asked.endpoint.empty()) {
    answer.why = "its address is not known";
    return answer;
  }
  EtcdClient client(http, {asked.endpoint}, tls, {.connect = asked.patience, .request = kRequest});
  auto status = client.status(stop);
  if (!status) {
    // What came from a server of any kind, and what TLS did not let through, may be a member.
    bool const heard =
        etcd_errc(status.error()) != EtcdErrc::none || status.error().kind != Kind::transient;
    answer.reach = heard ? MemberAnswer::Reach::not_etcd : MemberAnswer::Reach::unreachable;
    answer.why = brief(status.error());
    return answer;
  }
  if (status->header.cluster_id == 0 || status->header.member_id == 0) {
    answer.reach = MemberAnswer::Reach::not_etcd;
    answer.why = "its status names no cluster";
    return answer;
  }
  answer.reach = MemberAnswer::Reach::answers;
  answer.cluster_id = status->header.cluster_id;
  answer.member_id = status->header.member_id;
  answer.server.version = status->version;
  answer.learner = status->learner;
  answer.raft_index = status->raft_index;
  answer.leader_id = status->leader;
  answer.server.db_size = status->db_size;
  for (auto const& error : status->errors)
    if (!error.contains("no leader")) answer.server.alarms.push_back(error);
  if (status->leader == 0 || status->learner) return answer;
  if (auto list = client.members(Consistency::linearizable, stop))
    answer.quorum_list = std::move(list->members);
  return answer;
}

}  // namespace

std::vector<MemberAnswer> ask_members(Http& http, std::vector<AskedMember> const& members,
                                      HttpTls const& tls, std::stop_token stop) {
  return each_side_by_side(members,
                           [&](AskedMember const& each) { return ask(http, each, tls, stop); });
}

}  // namespace haagent::bootstrap
