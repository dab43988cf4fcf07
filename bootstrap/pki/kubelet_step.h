// The step `kubelet`: the kubelet goes by the certificates that are on the disk. One that has read
// them at its start alone, before they were renewed, is restarted; its pods go on.
//
// The serving certificate: from 1.36 on the kubelet follows the file. Before, it does so for
// clients that name it alone (SNI, RFC 6066), and gives those that reach it at an address, as the
// apiserver does, what it has read at its start: it opens its listener with the files, and Go's
// tls.Config asks GetCertificate only where there is a name (kubelet/server/server.go of 1.35).
//
// The client certificate of a master (kubelet_pair.h): the kubelet could ask the apiserver for a
// certificate by itself, and does so from 70 % of its life on, but nothing approves that on a
// cluster of ours; the pki step renews at two thirds, before it. Where somebody has bound the role
// that approves it, the kubelet's own certificate is as good as ours and stays: the last one to
// renew has written the file.
#pragma once

#include <optional>

#include "agent/base/clock.h"
#include "agent/base/files.h"
#include "agent/base/node_config.h"
#include "agent/base/row_names.h"
#include "agent/base/secret.h"
#include "agent/base/step.h"
#include "agent/base/units.h"
#include "bootstrap/kube/kubelet_restarts.h"
#include "bootstrap/layout/names.h"

namespace haagent::bootstrap::pki {

// When the agent last replaced the certificate, in milliseconds since boot: a clock that is set has
// no part in it, and a reboot, which clears /run, leaves no kubelet to restart.
inline constexpr char kKubeletRenewed[] = "/run/haagent/kubelet-certificate-renewed";
inline constexpr char kKubeletServingRenewed[] = "/run/haagent/kubelet-serving-renewed";
// The first minor version whose kubelet follows the file of its serving certificate.
inline constexpr int kFollowsServing = 36;

// write_pair() for the kubelet, and the note of when; the note is there before the pair is, so that
// an agent that dies in between leaves no kubelet with the old one.
Result<void> renew_kubelet_pair(Root const& root, std::string const& certificate, Secret const& key,
                                UtcTime now);

// The note for the serving certificate; before and after its files are replaced, as above.
Result<void> note_serving_renewal(Root const& root);

// Decided: what is to be done about the kubelets that began before a certificate was renewed.
struct KubeletSeen {
  std::vector<pid_t> old;  // those, kubelet.service's or not
  pid_t unit = 0;          // kubelet.service's process; 0: it does not run
  pid_t restarted = 0;     // for whose end this agent waits
  Duration waited{0};      // since then
};
enum class KubeletMove {
  none,     // every kubelet has read it
  restart,  // kubelet.service
  wait,     // it is on its way
  stuck,    // it was to restart, and does not
  foreign,  // an old one is there, and is not kubelet.service's
};
inline constexpr Duration kKubeletRestarts = kube::kKubeletEnds;
KubeletMove decide_kubelet(KubeletSeen const& seen);

class KubeletStep final : public Step {
 public:
  KubeletStep(NodeConfig const& config, Root root, Clock& clock, Units& units,
              kube::KubeletRestarts& restarts)
      : config_(config),
        root_(std::move(root)),
        clock_(clock),
        units_(units),
        restarts_(restarts) {}
  std::string_view name() const override { return row_names::kKubelet; }
  // Also a pair that an earlier version has left, certificates one behind the other in a plain
  // file, is put right, whatever the state store does: its first certificate and its key are good.
  Result<Finding> look(Facts& facts, std::stop_token stop) override;

 private:
  Result<void> lay_out() const;
  Result<void> restart(pid_t old);
  Result<std::string> flaw() const;
  Result<std::vector<pid_t>> old_kubelets() const;

  // When the last of what the kubelet reads at its start alone was renewed; nothing: not in this
  // boot.
  Result<std::optional<Duration>> renewed() const;

  NodeConfig const& config_;
  Root root_;
  Clock& clock_;
  Units& units_;
  kube::KubeletRestarts& restarts_;
  pid_t restarted_ = 0;
  SteadyTime asked_{};
};

}  // namespace haagent::bootstrap::pki
