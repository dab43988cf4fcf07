// The steps `etcd-main` and `etcd-events`: one member of one cluster, from its volume to a voter
// that serves. Each look observes, decides and carries the one act that was decided; the next look
// sees what came of it.
#pragma once

#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/facts.h"
#include "agent/base/step.h"
#include "bootstrap/etcd/member/decision.h"
#include "bootstrap/etcd/member/deps.h"
#include "bootstrap/etcd/member/memory.h"
#include "bootstrap/etcd/member/observe.h"

namespace haagent::bootstrap {

// Comes after mount-<cluster> and hosts. It keeps /etc/hosts right too, because members find each
// other by it while they form.
class EtcdStep final : public Step {
 public:
  EtcdStep(EtcdCluster cluster, EtcdDeps deps, std::shared_ptr<Peers> peers);
  std::string_view name() const override { return name_; }
  Result<Finding> look(Facts& facts, std::stop_token stop) override;

 private:
  Result<Observed> observe(Facts& facts, std::stop_token stop);
  Result<void> ask_ec2(Observed& observed, Facts& facts, std::stop_token stop);
  void tell_peers(Observed const& observed);
  void tell_others(Decision const& decision, Facts& facts);
  Result<Finding> found(Decision const& decision, Observed observed, Facts& facts);
  std::string member_of(EtcdMember const& listed) const;

  EtcdCluster const cluster_;
  EtcdDeps deps_;
  std::shared_ptr<Peers> peers_;
  std::string const name_;
  MemberMemory memory_;
};

// `time`: what announcements are dated and judged by; null: this machine's clock.
std::shared_ptr<Peers> make_peers(EtcdDeps const& deps, aws::RegionView& region,
                                  Clock* time = nullptr);

// `hosts`, `etcd-main` and `etcd-events`, in this order.
std::vector<std::unique_ptr<Step>> make_etcd_steps(EtcdDeps const& deps,
                                                   std::shared_ptr<Peers> const& peers);

}  // namespace haagent::bootstrap
