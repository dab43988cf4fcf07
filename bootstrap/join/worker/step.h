// The step `join` of a worker: it has certificates that are good. What it lacks it asks a master
// for; what is due it renews over the client certificate, which the kubelet itself keeps fresh. A
// worker that was given a bootstrap-kubelet.conf, or was not told by what it knows a master, joins
// by what is brought (pki/worker_credentials.h). Sets the fact pki; where EC2's name for the node
// is another one than metadata's, the fact identity follows the certificate.
#pragma once

#include <optional>

#include "agent/base/clock.h"
#include "agent/base/files.h"
#include "agent/base/node_config.h"
#include "agent/base/retry.h"
#include "agent/base/row_names.h"
#include "agent/base/step.h"
#include "bootstrap/join/worker/client.h"
#include "bootstrap/pki/worker_credentials.h"
#include "bootstrap/pki/x509.h"

namespace haagent::bootstrap::join {

// Decided: what to do about what is on the disk. Of each certificate nothing where it does not
// serve: it is missing, broken, ended, another's, or of an authority that is not trusted.
struct WorkerDisk {
  std::optional<pki::Certificate> kubelet, kubelet_serving, kube_proxy;
};
enum class WorkerMove { none, join, renew };
// Two thirds of its life are over by then, which is counted from when it was signed.
UtcTime renew_at(pki::Certificate const& certificate);
WorkerMove decide_worker(WorkerDisk const& disk, UtcTime now);

class JoinStep final : public Step {
 public:
  JoinStep(NodeConfig const& config, Root root, Clock& clock, JoinClient client)
      : config_(config),
        root_(root),
        clock_(clock),
        client_(std::move(client)),
        brought_(config, root, clock) {}
  std::string_view name() const override { return row_names::kJoin; }
  Result<Finding> look(Facts& facts, std::stop_token stop) override;

 private:
  Result<WorkerDisk> read_disk() const;
  std::optional<pki::Certificate> serving(std::string const& cert, std::string const& key,
                                          std::string_view trust) const;
  Result<NodeKeys> keys() const;
  Result<void> join(Facts& facts, std::stop_token stop);
  Result<void> join_again(std::stop_token stop);
  Result<Grant> ask(NodeKeys const& keys, std::stop_token stop);
  Result<void> take(Grant const& grant, NodeKeys const& keys);
  Result<void> renew(Facts& facts, std::stop_token stop);
  Result<void> write_serving(std::string const& serving, std::string const& proxy,
                             NodeKeys const& keys, std::string const& ca) const;
  void mind(Error const& error);
  Result<void> minded(Result<void> result);

  NodeConfig const& config_;
  Root const root_;
  Clock& clock_;
  JoinClient client_;
  pki::WorkerCredentials brought_;
  // A master has said when to come again, or what it granted may not be used yet.
  struct Later {
    SteadyTime until;
    Message message;
  };
  std::optional<Later> later_;
  Jitter jitter_;
  int failures_ = 0;  // in a row
};

}  // namespace haagent::bootstrap::join
