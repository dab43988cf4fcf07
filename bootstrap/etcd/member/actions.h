// Each outcome's act. What was found is what is done; what must not have changed since is looked at
// again, right before it.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "agent/base/facts.h"
#include "agent/base/volume_marker.h"
#include "bootstrap/etcd/client/client.h"
#include "bootstrap/etcd/member/config_file.h"
#include "bootstrap/etcd/member/decision.h"
#include "bootstrap/etcd/member/deps.h"
#include "bootstrap/etcd/member/observe.h"

namespace haagent::bootstrap {

// Owns what one look has found. For one act.
class MemberActions {
 public:
  // `memory` is the step's, for the next look.
  MemberActions(EtcdDeps const& deps, Peers& peers, Facts& facts, MemberMemory& memory,
                Observed observed)
      : deps_(deps), peers_(peers), facts_(facts), memory_(memory), seen_(std::move(observed)) {}

  // Errors: transient where the volume, a request, or the list is not as it was found any more.
  Result<void> carry_out(Decision const& decision, std::stop_token stop);

 private:
  // One for each alternative that is not Standing: where one is missing, carry_out() does not
  // compile.
  Result<void> take(WriteHosts const& move, std::stop_token stop);
  Result<void> take(LetEtcdIn const& move, std::stop_token stop);
  Result<void> take(StartAsIs const& move, std::stop_token stop);
  Result<void> take(FormNew const& move, std::stop_token stop);
  Result<void> take(StartJoined const& move, std::stop_token stop);
  Result<void> take(SetAside const& move, std::stop_token stop);
  Result<void> take(StopUnit const& move, std::stop_token stop);
  Result<void> take(RemoveStale const& move, std::stop_token stop);
  Result<void> take(AddLearner const& move, std::stop_token stop);
  Result<void> take(Promote const& move, std::stop_token stop);
  Result<void> take(UpdatePeerUrl const& move, std::stop_token stop);
  Result<void> take(TagVolume const& move, std::stop_token stop);
  Result<void> take(MarkVolume const& move, std::stop_token stop);
  Result<void> take(RemoveMember const& move, std::stop_token stop);
  Result<void> take(MoveLeader const& move, std::stop_token stop);
  Result<void> take(RestoreData const& move, std::stop_token stop);
  Result<void> take(ForceAlone const& move, std::stop_token stop);
  Result<void> take(AdoptCluster const& move, std::stop_token stop);
  Result<void> take(WriteVersion const& move, std::stop_token stop);
  Result<void> take(EraseLeases const& move, std::stop_token stop);
  Result<void> take(DropLeftovers const& move, std::stop_token stop);
  Result<void> take(PassLead const& move, std::stop_token stop);
  Result<void> take(RestartEtcd const& move, std::stop_token stop);

  Result<void> see_again();
  Result<void> ask_for_request_again(std::stop_token stop);
  Result<void> ask_for_backups_again(std::stop_token stop);
  Result<void> back_up_before(MemberChange change, std::stop_token stop);

  Result<void> start(EtcdInitial const& initial);
  Result<void> wait_until_alone(std::stop_token stop);
  Result<void> tag(std::uint64_t id, std::stop_token stop);
  Result<void> write_request_done(std::function<void(VolumeMarker&)> const& change);
  Result<void> drop_begun_restore() const;
  void make_own(VolumeMarker& marker) const;

  MemberInputs const& in() const { return seen_.inputs; }
  EtcdCluster cluster() const { return in().me.cluster; }
  EtcdClient voters() const;
  EtcdClient own() const;

  EtcdDeps const& deps_;
  Peers& peers_;
  Facts& facts_;
  MemberMemory& memory_;
  Observed seen_;
};

}  // namespace haagent::bootstrap
