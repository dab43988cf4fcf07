#include "bootstrap/pki/rotation_inputs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "bootstrap/layout/trust.h"
#include "bootstrap/pki/leaves.h"

namespace haagent::bootstrap::pki {
namespace {

std::string member_of(Facts& facts) {
  return facts.main.volume.get().value_or(EtcdVolume{}).member;
}

// Why no etcd member may restart now; empty: every voter is healthy, as the members here see it.
std::string unwell_of(Facts& facts) {
  for (auto cluster : kEtcdClusters) {
    auto& etcd = facts.etcd(cluster);
    if (!etcd.volume.get()) continue;
    auto const member = etcd.member.get();
    if (!member) return fmt::format("etcd {} does not serve here", to_string(cluster));
    if (member->learner) return fmt::format("{} does not vote yet", member->name);
    if (member->leader.empty()) return fmt::format("etcd {} has no leader", to_string(cluster));
    if (member->healthy_voters < member->voters)
      return member->silent_voters.empty()
                 ? fmt::format("a voter of etcd {} is not healthy", to_string(cluster))
                 : fmt::format("{} of etcd {} does not answer",
                               fmt::join(member->silent_voters, ", "), to_string(cluster));
  }
  return "";
}

}  // namespace

Result<RotationInputs> rotation_inputs(Facts& facts, Root const& root,
                                       std::map<std::string_view, Bundle> const& bundles,
                                       std::string turn, ApiserverWatch& apiserver) {
  RotationInputs in{.me = member_of(facts),
                    .masters = {},
                    .authorities = {},
                    .turn = std::move(turn),
                    .unwell = unwell_of(facts)};
  if (auto const peers = facts.main.peers.get()) {
    in.masters.insert(in.me);
    for (auto const& peer : *peers) in.masters.insert(peer.member);
  }
  auto const instance = facts.identity.get().value_or(Identity{}).instance_id;
  std::map<std::string_view, std::optional<Message>> lacks;
  for (auto cluster : kEtcdClusters) {
    if (!facts.etcd(cluster).volume.get()) continue;
    in.restart = in.restart || facts.etcd(cluster).wants_restart.get().value_or(false);
    in.defragment = in.defragment || facts.etcd(cluster).wants_defrag.get().value_or(false);
    auto loaded = TRY(loaded_trust(root, cluster));
    for (auto const& [authority, trust] :
         {std::pair(kEtcdAuthority, loaded.clients), std::pair(kEtcdPeerAuthority, loaded.peers)}) {
      auto const bundle = bundles.find(authority.name);
      if (bundle == bundles.end() || trust == trust_of(bundle->second)) continue;
      auto const held = facts.etcd(cluster).restart_held.get().value_or("");
      if (held.empty())
        in.restart = true;
      else
        in.held = held;
      auto lack = held.empty() ? Message(Reason::EtcdTrustOld,
                                         fmt::format("etcd {} has to restart", to_string(cluster)))
                               : Message(Reason::RotationHeldByEtcd,
                                         fmt::format("etcd {} of {} has to restart and may not: {}",
                                                     to_string(cluster), in.me, held));
      lacks[authority.name] = std::move(lack).about(std::string(to_string(cluster)));
    }
  }
  for (auto const& file : trust_files()) {
    auto const name = file.authority.name;
    auto const bundle = bundles.find(name);
    if (!rotates(file.authority) || bundle == bundles.end()) continue;
    auto& lack = lacks[name];
    if (!lack) {
      auto unread = TRY(apiserver.lacks(name, bundle->second, in.me, instance));
      lack = std::move(unread);
    }
    in.authorities.push_back(
        {.name = name, .bundle = &bundle->second, .loaded = !lack, .lacks = lack});
  }
  return in;
}

}  // namespace haagent::bootstrap::pki
