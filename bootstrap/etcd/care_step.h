#pragma once

#include <optional>
#include <string>

#include "agent/base/step.h"
#include "bootstrap/etcd/care.h"
#include "bootstrap/etcd/metrics.h"
#include "bootstrap/etcd/step.h"

namespace haagent::bootstrap {

// The steps `care-main` and `care-events`: keeps the cluster of the local member fit (care.h) and
// tells what its disk and network do against etcd's guidance. Comes after etcd-<cluster>. Whatever
// it finds, the member serves; so it waits for nothing and never keeps a boot from being done.
class CareStep final : public Step {
 public:
  CareStep(EtcdCluster cluster, EtcdParts parts);
  std::string_view name() const override { return name_; }
  Result<Finding> look(Facts& facts, std::stop_token stop) override;
  Result<void> act(Facts& facts, std::stop_token stop) override;

 private:
  EtcdClient client_at(std::string const& host, EtcdTimeouts timeouts) const;
  std::optional<CareInputs> gather(Facts& facts, std::stop_token stop);
  std::vector<std::string> measure(Facts& facts, std::stop_token stop);

  EtcdCluster const cluster_;
  EtcdParts parts_;
  std::string const name_;
  Care care_ = NothingToDo{};
  // Since the NOSPACE alarm was seen.
  std::optional<SteadyTime> alarm_since_;
  std::optional<SteadyTime> defragmented_;
  bool compacted_ = false;
  // Readings of /metrics: figures are of the time between two that are minutes apart.
  struct Reading {
    SteadyTime at;
    EtcdMetrics metrics;
  };
  std::optional<Reading> before_;
};

}  // namespace haagent::bootstrap
