#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "agent/aws/ec2.h"
#include "agent/base/clock.h"
#include "agent/base/files.h"
#include "agent/base/http.h"
#include "agent/base/node_config.h"
#include "agent/base/process.h"
#include "agent/base/step.h"
#include "agent/base/units.h"
#include "agent/base/volume_marker.h"
#include "agent/base/volume_sight.h"
#include "bootstrap/etcd/backup/backup.h"
#include "bootstrap/etcd/backup/backup_decision.h"
#include "bootstrap/etcd/member/config_file.h"
#include "bootstrap/etcd/member/decision.h"
#include "bootstrap/hosts/peers.h"

namespace haagent::bootstrap {

// How patient a change of the members is.
struct EtcdPace {
  Duration tags_every = Peers::kEvery;  // EC2 is asked anew while all is well
  Duration tags_settle = kTagsSettle;
  Duration learner_patience = kLearnerPatience;
};

// What etcd's steps work with. All of it outlives them.
struct EtcdParts {
  NodeConfig const& config;
  Root root;
  Http& http;
  Clock& clock;
  Process& process;
  Units& units;
  aws::Ec2& ec2;
  OwnVolumes& volumes;
  // A row of the boot list sets facts.etcd(cluster).backups; while it has not, no cluster is
  // formed.
  bool asks_for_backups = false;
  EtcdPace pace = {};
  // Called before a member is added or removed, with a voter's endpoint; returns once there is a
  // backup, or an error where the change has to wait for one. Unset: there are no backups.
  std::function<Result<void>(EtcdCluster, MemberChange, std::string const&, std::stop_token)>
      before_change = {};
  // What operators' orders are read from and carried out with. Unset: there are none.
  std::shared_ptr<OrderBoard> orders = {};
  BackupParts const* backups = nullptr;
};

// The steps `etcd-main` and `etcd-events`: one member of one cluster, from its volume to a voter
// that serves. Each act is one move; the next look sees what came of it. Comes after
// mount-<cluster> and hosts. It keeps /etc/hosts right too, because members find each other by it
// while they form.
class EtcdStep final : public Step {
 public:
  EtcdStep(EtcdCluster cluster, EtcdParts parts, std::shared_ptr<Peers> peers);
  std::string_view name() const override { return name_; }
  Result<Finding> look(Facts& facts, std::stop_token stop) override;
  Result<void> act(Facts& facts, std::stop_token stop) override;
  void pause(Clock& clock, Duration at_most, std::stop_token stop) override;
  // Not for long while a turn goes round: others wait for this member's restart.
  bool rest(Clock& clock, Duration at_most, std::stop_token stop) override;

 private:
  struct WriteHosts {
    std::vector<HostsEntry> entries;
  };
  struct Restart {};
  struct WriteVersion {};  // into the volume's haagent.json
  struct PassLead {        // before a restart
    std::uint64_t to = 0;
  };
  struct EraseLeases {
    std::vector<std::string> keys;
  };
  struct LetEtcdIn {
    UnitUser etcd;
    bool data = false;
  };
  struct DropRestored {};  // what a restore has begun here before the member came back otherwise
  using Move = std::variant<std::monostate, WriteHosts, Restart, WriteVersion, PassLead,
                            EraseLeases, LetEtcdIn, DropRestored, Decision>;

  Result<Finding> find(Facts& facts, std::stop_token stop);
  Result<void> do_move(Facts& facts, std::stop_token stop);
  Result<MemberInputs> gather(Facts& facts, std::stop_token stop);
  Result<void> see_volume(EtcdVolume const& volume, MemberInputs& inputs);
  Result<void> see_again();
  Result<void> ask_ec2(MemberInputs& inputs, std::stop_token stop);
  void watch_learner(MemberInputs& inputs);
  void count_failures(UnitState const& unit);
  Result<std::string> config_bytes(EtcdInitial const& initial, Duration derived_heartbeat) const;
  Result<EtcdInitial> initial_on_disk() const;
  Result<Duration> derived_heartbeat_on_disk() const;
  Result<Finding> when_serving(Facts& facts, std::string sentence, std::stop_token stop);
  Result<bool> may_load_trust(Facts& facts) const;
  Result<std::optional<Finding>> let_etcd_in();
  std::optional<Finding> pass_lead();
  bool knows_new_version() const;
  Result<void> start(EtcdInitial const& initial);
  Result<void> stop_etcd(std::stop_token stop);
  Result<void> write_config(EtcdInitial const& initial);
  Result<void> promote(std::uint64_t id, std::stop_token stop);
  Result<void> tag(std::uint64_t id, std::stop_token stop);
  Result<void> mark(std::uint64_t id, std::stop_token stop);
  Result<void> write_version();
  bool takes_a_voter(Decision const& decision) const;
  Result<std::vector<std::string>> stale_leases(std::stop_token stop);
  Result<void> drop_begun_restore() const;
  Result<void> restore(std::stop_token stop);
  Result<void> force_alone(std::stop_token stop);
  Result<void> adopt(std::uint64_t id, std::stop_token stop);
  Result<void> set_aside();
  Result<void> carried_out(std::function<void(VolumeMarker&)> const& change);
  Result<void> ask_store_again(Decision const& decision, Facts& facts, std::stop_token stop);
  Result<void> carry_out(Decision const& decision, std::stop_token stop);
  Result<EtcdVersions> versions_of(std::string const& endpoint, std::stop_token stop) const;
  Result<EtcdVersions> own_versions(std::stop_token stop) const;
  EtcdClient voters() const;
  EtcdClient own() const;
  std::string member_of(EtcdMember const& listed) const;
  void take_evidence(MemberInputs& inputs) const;

  EtcdCluster const cluster_;
  EtcdParts parts_;
  std::shared_ptr<Peers> peers_;
  std::string const name_;

  std::string version_;  // of the installed etcd
  EtcdVersions serves_;  // what the running one said when it last served
  bool restarted_for_version_ = false;
  int lead_passed_ = 0;    // times that was asked for, since it last did not lead
  bool gathered_ = false;  // by this look
  EtcdVolume volume_;
  // Held from a look to the act that it leads to, and no longer: it keeps the volume from being
  // unmounted.
  VolumeSight sight_;
  MemberInputs inputs_;                       // of the last look
  std::vector<std::string> voter_endpoints_;  // that a quorum stands behind
  std::vector<std::uint64_t> last_list_;
  SteadyTime list_since_{};  // since when it is this one
  std::string tagged_;       // by us: EC2 shows a new tag late
  Move move_;
  bool started_ = false;  // by us, and not yet seen to serve or to fail
  int failed_starts_ = 0;
  std::string last_end_;  // how a run of it has ended since it last served
  SteadyTime next_start_{};
  UtcTime next_start_utc_{};
  bool between_starts_ = false;    // systemd is about to start it again
  bool too_early_ = false;         // said etcd of the last change of its members
  bool polls_change_ = false;      // waits until etcd takes it
  bool turns_ = false;             // a rotation, or another's restart, is under way
  std::string promotion_refused_;  // by etcd, and the next look tells
  std::string leases_erased_;      // after the restore of that order

  // The learner in the list, how far its log was seen to be, and since when no further.
  std::uint64_t learner_ = 0;
  std::uint64_t learner_index_ = 0;
  SteadyTime learner_since_{};
};

// `time`: what hellos are dated and judged by; null: this machine's clock.
std::shared_ptr<Peers> make_peers(EtcdParts const& parts, Clock* time = nullptr);

// `hosts`, `etcd-main` and `etcd-events`, in this order.
std::vector<std::unique_ptr<Step>> make_etcd_steps(EtcdParts const& parts,
                                                   std::shared_ptr<Peers> const& peers);

}  // namespace haagent::bootstrap
