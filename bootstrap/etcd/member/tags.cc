#include "bootstrap/etcd/member/tags.h"

#include <algorithm>

namespace haagent::bootstrap {
namespace {

InitialMember const* named(MemberInputs const& in, std::string const& member) {
  for (std::size_t i = 0; i < std::min(in.me.expected.size(), in.me.expected_members.size()); ++i)
    if (in.me.expected_members[i] == member) return &in.me.expected[i];
  return member == in.me.member ? &in.me.self : nullptr;
}

}  // namespace

bool Tags::names_known(MemberInputs const& in) const {
  return std::ranges::all_of(wanted, [&](std::string const& member) { return named(in, member); });
}

Tags tags_of(MemberInputs const& in) {
  Tags tags;
  std::vector<VolumeEvidence> volumes;
  for (auto const& volume : in.ec2.volumes.value_or(std::vector<VolumeEvidence>{}))
    if (volume.tagged) volumes.push_back(volume);
  if (volumes.empty()) return tags;
  auto as_set = [](VolumeEvidence const& volume) {
    return std::set(volume.members.begin(), volume.members.end());
  };
  tags.wanted = as_set(volumes.front());
  bool const differ = std::ranges::any_of(volumes, [&](VolumeEvidence const& volume) {
    return volume.members.empty() || as_set(volume) != tags.wanted;
  });
  if (differ) {
    tags.state = Tags::State::disagree;
    tags.wanted.clear();
    std::vector<std::string> words;
    for (auto const& volume : volumes)
      words.push_back(fmt::format("{} says {}", volume.volume_id,
                                  volume.members.empty() ? "nobody" : in_words(volume.members)));
    tags.words = in_words(words);
    return tags;
  }
  for (auto const& member : tags.wanted)
    if (std::ranges::find(volumes, member, &VolumeEvidence::member) == volumes.end())
      tags.without_volume.push_back(member);
  tags.state = tags.without_volume.empty() ? Tags::State::agreed : Tags::State::partial;
  return tags;
}

bool is_member(EtcdMember const& listed, InitialMember const& member) {
  return listed.name == member.name ||
         std::ranges::find(listed.peer_urls, member.peer_url) != listed.peer_urls.end();
}

bool is_wanted(EtcdMember const& listed, MemberInputs const& in, Tags const& tags) {
  return std::ranges::any_of(tags.wanted, [&](std::string const& member) {
    auto const* known = named(in, member);
    return known && is_member(listed, *known);
  });
}

std::vector<std::string> absent_of(MemberInputs const& in, Tags const& tags,
                                   std::vector<EtcdMember> const& list) {
  std::vector<std::string> absent;
  for (auto const& member : tags.wanted) {
    auto const* known = named(in, member);
    bool const votes = known && std::ranges::any_of(list, [&](EtcdMember const& listed) {
                         return !listed.learner && is_member(listed, *known);
                       });
    if (!votes) absent.push_back(member);
  }
  return absent;
}

}  // namespace haagent::bootstrap
