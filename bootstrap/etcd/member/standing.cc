#include "bootstrap/etcd/member/standing.h"

#include <algorithm>
#include <charconv>

#include "bootstrap/etcd/member/tags.h"

namespace haagent::bootstrap {
namespace {

using Reach = MemberAnswer::Reach;

}  // namespace

std::uint64_t id_of(std::string const& text) {
  std::uint64_t id = 0;
  std::from_chars(text.data(), text.data() + text.size(), id, 16);
  return id;
}

bool is_mine(EtcdMember const& member, MemberInputs const& in) {
  return is_member(member, in.me.self);
}

std::string name_of(EtcdMember const& member) {
  return member.name.empty() ? etcd_id_text(member.id) : member.name;
}

std::uint64_t own_cluster(MemberInputs const& in) {
  if (in.volume.data.identity.cluster_id != 0) return in.volume.data.identity.cluster_id;
  return id_of(in.volume.marker_cluster_id.empty() ? in.volume.tag_cluster_id
                                                   : in.volume.marker_cluster_id);
}

MemberAnswer const* quorum_peer(MemberInputs const& in) {
  MemberAnswer const* any = nullptr;
  for (auto const& peer : in.others.peers) {
    if (!peer.quorum_list) continue;
    if (peer.cluster_id == own_cluster(in)) return &peer;
    if (!any) any = &peer;
  }
  return any;
}

bool is_well(std::uint64_t id, MemberInputs const& in) {
  auto well = [&](MemberAnswer const& answer) {
    return answer.reach == Reach::answers && answer.member_id == id &&
           (answer.leader_id != 0 || answer.quorum_list);
  };
  return well(in.etcd.own) || std::ranges::any_of(in.others.peers, well);
}

std::string Voters::down_names() const {
  std::vector<std::string> names;
  for (auto const* each : down) names.push_back(name_of(*each));
  return in_words(names);
}

Voters voters_of(std::vector<EtcdMember> const& list, MemberInputs const& in) {
  Voters voters;
  for (auto const& member : list) {
    if (member.learner) continue;
    voters.all.push_back(&member);
    if (!is_well(member.id, in)) voters.down.push_back(&member);
  }
  return voters;
}

std::vector<std::string> silent_peers(MemberInputs const& in) {
  std::vector<std::string> names;
  for (auto const& peer : in.others.peers)
    if (peer.reach != Reach::answers) names.push_back(peer.member);
  return names;
}

std::string missing(MemberInputs const& in) {
  std::vector<std::string> words;
  for (auto const& peer : in.others.peers) {
    if (peer.reach == Reach::unreachable)
      words.push_back(fmt::format("{} does not answer ({})", peer.member, peer.why));
    if (peer.reach == Reach::not_etcd)
      words.push_back(fmt::format("{} answers strangely ({})", peer.member, peer.why));
  }
  return in_words(words);
}

std::string joined(std::vector<std::string> const& names) {
  return fmt::format("{}", fmt::join(names, ","));
}

std::string names_of_silent(MemberInputs const& in) {
  return joined(silent_peers(in));
}

std::string because(std::string const& reason) {
  return reason.empty() ? "" : ": " + reason;
}

std::string bring_back(MemberInputs const& in) {
  auto const silent = silent_peers(in);
  if (silent.empty()) return kByItself;
  return fmt::format("if it stays so, see to the master{} of {}", silent.size() == 1 ? "" : "s",
                     in_words(silent));
}

std::string lost_for_ever(MemberInputs const& in) {
  auto words = bring_back(in);
  if (words == kByItself) return words;
  return words + fmt::format("; if what they had is lost for ever, run '{}' here, or '{}'",
                             etcd_command(in.me.cluster, "recover"),
                             etcd_command(in.me.cluster, "restore"));
}

}  // namespace haagent::bootstrap
