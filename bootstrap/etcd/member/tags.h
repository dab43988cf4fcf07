// Who is to be a member: what the tags of all the cluster's volumes say. Pure, a part of the
// decision.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "bootstrap/etcd/member/decision.h"

namespace haagent::bootstrap {

struct Tags {
  enum class State {
    none,      // EC2 was not asked, or shows no volume
    disagree,  // they list different members, or one lists none
    partial,   // they agree, and EC2 shows no volume of one that they list
    agreed,
  };
  State state = State::none;
  std::set<std::string> wanted;             // of partial and agreed: "a", "b", "c"
  std::vector<std::string> without_volume;  // of partial
  std::string words;                        // of disagree: "vol-1 says a and vol-2 a, b and c"

  std::vector<std::string> listed() const { return {wanted.begin(), wanted.end()}; }
  // Whether I can tell who in etcd's list each of them is.
  bool names_known(MemberInputs const& inputs) const;
};

Tags tags_of(MemberInputs const& inputs);

// By name or by peer URL.
bool is_member(EtcdMember const& listed, InitialMember const& member);
bool is_wanted(EtcdMember const& listed, MemberInputs const& inputs, Tags const& tags);

// Whom the tags list and etcd's list does not have as a voter.
std::vector<std::string> absent_of(MemberInputs const& inputs, Tags const& tags,
                                   std::vector<EtcdMember> const& list);

}  // namespace haagent::bootstrap
