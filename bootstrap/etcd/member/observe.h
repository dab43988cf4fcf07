// One look at a member: the world into the value that the decision is made from. Nothing is changed
// by it, here or anywhere; what has to be remembered goes in and comes out as a value.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "agent/base/facts.h"
#include "agent/base/volume_sight.h"
#include "bootstrap/etcd/client/client.h"
#include "bootstrap/etcd/member/deps.h"
#include "bootstrap/etcd/member/memory.h"
#include "bootstrap/etcd/member/observation.h"

namespace haagent::bootstrap {

struct Observed {
  MemberInputs inputs;
  EtcdVolume volume;
  // Held from a look to the act that it leads to, and no longer: it keeps the volume from being
  // unmounted.
  VolumeSight sight;
  std::vector<std::string> voter_endpoints;  // that a quorum stands behind
  std::vector<EtcdMember> list;              // by one of them; empty: there is none
  bool list_changed = false;                 // since the look before
  MemberMemory memory;                       // for the next look
};

// Errors: transient where this master holds no volume of the cluster, or etcd's version cannot be
// asked; interrupted; else what cannot be read of the volume or the unit.
Result<Observed> observe_member(EtcdCluster cluster, EtcdDeps const& deps, Peers& peers,
                                MemberMemory memory, Facts& facts, std::stop_token stop);

// What EC2 said last, and what /etc/hosts lacks: again, once it was asked again.
void observe_region(Peers& peers, Peers::View const& view, Clock const& clock, Observed& observed);

}  // namespace haagent::bootstrap
