#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/step.h"
#include "bootstrap/etcd/client/metrics.h"
#include "bootstrap/etcd/maintenance/maintenance.h"
#include "bootstrap/etcd/member/deps.h"
#include "bootstrap/etcd/member/timing.h"

namespace haagent::bootstrap {

// The steps `maintenance-main` and `maintenance-events`: keeps the cluster of the local member fit
// (maintenance.h) and tells what its disk and network do against etcd's guidance. Each five minutes
// it reads from all members how long round trips between them took, and records the heartbeat that
// follows for etcd's next start (timing.h); it restarts nobody for it. Comes after etcd-<cluster>.
// Whatever it finds, the member serves; so it waits for nothing and never keeps a boot from being
// done.
class MaintenanceStep final : public Step {
 public:
  MaintenanceStep(EtcdCluster cluster, EtcdDeps deps);
  std::string_view name() const override { return name_; }
  Result<Finding> look(Facts& facts, std::stop_token stop) override;
  // Not for long while it waits for the turn.
  bool rest(Clock& clock, Duration at_most, std::stop_token stop) override;

 private:
  Result<void> maintain(Maintenance const& what, std::stop_token stop);
  Result<void> record(Duration heartbeat) const;
  std::optional<UnseenVolume> unseen() const;
  bool has_turn(Facts& facts) const;
  EtcdClient client_at(std::string const& host, EtcdTimeouts timeouts) const;
  std::optional<MaintenanceInputs> gather(Facts& facts, std::stop_token stop);
  std::optional<EtcdMetrics> metrics_of(std::string const& host, std::stop_token stop) const;
  void measure_round_trips(Facts& facts, std::stop_token stop);
  void tell_timing(Facts& facts) const;
  std::vector<Message> measure(Facts& facts, std::stop_token stop);
  std::vector<Message> slow_disk(Facts& facts, std::vector<Message> slow) const;

  EtcdCluster const cluster_;
  EtcdDeps deps_;
  std::string const name_;
  std::optional<EtcdVolume> volume_;
  // Since the NOSPACE alarm was seen.
  std::optional<SteadyTime> alarm_since_;
  std::optional<SteadyTime> defragmented_;
  bool compacted_ = false;
  std::optional<SteadyTime> failed_;  // the last defragmentation; nothing: it did not
  bool waits_for_turn_ = false;
  // Readings of /metrics: figures are of the time between two that are minutes apart.
  struct Reading {
    SteadyTime at;
    EtcdMetrics metrics;
  };
  std::optional<Reading> before_;
  EtcdLatencies said_;  // of the last look
  // What all members had told of their round trips at the last measure, by where they were asked.
  std::map<std::string, EtcdMetrics> members_before_;
  std::optional<SteadyTime> members_read_;
  std::optional<TimingWatch> timing_;
  std::optional<double> round_trip_;
};

}  // namespace haagent::bootstrap
