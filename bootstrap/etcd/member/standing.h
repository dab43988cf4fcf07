// Which members are up, as one of them hears them, and the words for it. Pure, a part of the
// decision.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bootstrap/etcd/member/observation.h"

namespace haagent::bootstrap {

// For a todo where there is nothing to do.
inline constexpr char const* kByItself = "nothing to do: it goes on by itself";

std::uint64_t id_of(std::string const& text);  // hexadecimal; 0: none
bool is_mine(EtcdMember const& member, MemberInputs const& inputs);
std::string name_of(EtcdMember const& member);  // or its id, while it has none

// The cluster that my volume belongs to: its log knows best, then the marker, then the tag; 0: none
// yet.
std::uint64_t own_cluster(MemberInputs const& inputs);

// A peer that a quorum stands behind: of my own cluster, where one of it answers. Another cluster's
// list does not have me, which must not read as a removal. Null: there is none.
MemberAnswer const* quorum_peer(MemberInputs const& inputs);

// It answers and follows a leader.
bool is_well(std::uint64_t id, MemberInputs const& inputs);

struct Voters {
  std::vector<EtcdMember const*> all;  // of the list that they were taken from
  std::vector<EtcdMember const*> down;
  std::string down_names() const;
};
Voters voters_of(std::vector<EtcdMember> const& list, MemberInputs const& inputs);

// "b does not answer (connection refused) and c does not answer as etcd does (HTTP 404)"; empty:
// all answer.
std::string missing(MemberInputs const& inputs);
// Who of them that is: "b", "c"; and as "b,c", for a message's subject.
std::vector<std::string> silent_peers(MemberInputs const& inputs);
std::string names_of_silent(MemberInputs const& inputs);
std::string joined(std::vector<std::string> const& names);
std::string because(std::string const& reason);  // ": reason", or nothing
// What to do about who does not answer; and where what they had may be lost for ever.
std::string bring_back(MemberInputs const& inputs);
std::string lost_for_ever(MemberInputs const& inputs);

}  // namespace haagent::bootstrap
