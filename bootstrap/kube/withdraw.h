#pragma once

#include <functional>
#include <set>

#include "agent/base/files.h"
#include "agent/base/node_config.h"
#include "agent/base/row_names.h"
#include "agent/base/running.h"
#include "agent/base/step.h"

namespace haagent::bootstrap::kube {

// How long etcd goes on for an apiserver that is ending, decided.
struct ApiserverWait {
  Duration waited{0};            // since it was to end
  Duration grace{30'000};        // that the kubelet gives its pod before it is killed
  std::optional<Duration> left;  // until the machine is taken away; nothing: nobody says when
};
// The kubelet has seen that a manifest is gone within seconds, and looks for it each 20 s.
inline constexpr Duration kKubeletNotices{25'000};
// What etcd's end, the unmount and the detach take after it. They come first: an etcd that is
// killed with its machine is worse than an apiserver that fails its last requests.
inline constexpr Duration kEtcdEnds{30'000};
// `haagent hand-over` follows for three minutes, whatever the pod's grace is.
inline constexpr Duration kLongestWait{90'000};
// For how long still; zero: etcd is stopped now.
Duration still_to_wait(ApiserverWait const& in);

struct WithdrawDeps {
  NodeConfig const& config;
  Root root;
  Clock& clock;
  // The instance goes away: the manifests are taken away, and the kubelet ends their pods. The
  // files are rendered from the config, so nothing is lost: an ordinary boot writes them again. A
  // machine that only reboots keeps them.
  bool take_manifests = true;
  // The machine is on its way down, and the kubelet with it: it may have ended the pod before, or
  // it never will. So the process is told to end, which it does in its own time.
  bool end_process = false;
  std::function<void(pid_t)> end = {};  // SIGTERM
  // Until the machine is taken away, as it is known now; asked at each look.
  std::function<std::optional<Duration>()> left = {};
};

// `withdraw`: the apiserver goes before its etcd does. It then says at /readyz that it ends, serves
// on until the load balancer has turned to the others (--shutdown-delay-duration), answers what it
// has begun, and its process ends; until then etcd must serve it. Waits for that process, as
// still_to_wait() says: a kubelet that does not run ends no pod, and etcd's clean end must not wait
// for it for ever.
class Withdraw final : public Step {
 public:
  explicit Withdraw(WithdrawDeps deps) : deps_(std::move(deps)) {}
  std::string_view name() const override { return row_names::kWithdraw; }
  Result<Finding> look(Facts& facts, std::stop_token stop) override;

 private:
  Result<void> end(Facts& facts, std::stop_token stop);
  Result<std::vector<std::string>> manifests(Facts& facts) const;
  Result<std::vector<RunningProgram>> apiservers();

  WithdrawDeps deps_;
  std::optional<SteadyTime> since_;
  std::optional<std::set<pid_t>> first_;  // that ran at the first look
  std::set<pid_t> told_;                  // to end
};

}  // namespace haagent::bootstrap::kube
