#include "bootstrap/pki/kubelet_step.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "agent/base/kube_versions.h"
#include "agent/base/running.h"
#include "bootstrap/layout/paths.h"
#include "bootstrap/pki/kubelet_pair.h"
#include "bootstrap/pki/x509.h"

namespace haagent::bootstrap::pki {
namespace {

std::filesystem::path current_of(Root const& root) {
  return root(kube::kKubeletClient.cert);
}

Result<void> note_renewal(Root const& root, char const* note = kKubeletRenewed) {
  auto const now = time_since_boot(root);
  if (!now) return {};  // no /proc, and no kubelet that could be found
  auto const path = root(note);
  TRY(make_directories(path.parent_path()));
  return replace_file(path, fmt::format("{}\n", now->count()));
}

// Nothing where this boot has seen no renewal.
Result<std::optional<Duration>> renewed_at(Root const& root, char const* note) {
  auto const text = TRY(read_file(root(note), 4096));
  Duration::rep at = 0;
  if (!text || std::from_chars(text->data(), text->data() + text->size(), at).ec != std::errc())
    return std::nullopt;
  auto const now = time_since_boot(root);
  if (!now || Duration(at) > *now) return std::nullopt;  // of a boot before, where /run is kept
  return Duration(at);
}

// Whether a look at the pair finds a certificate with its key, so that it is worth laying out.
bool is_pair(CertificatePair const& pair) {
  return !pair.certificates.empty() && !pair.key.empty() && is_for_key(pair.certificates, pair.key);
}

}  // namespace

Result<void> renew_kubelet_pair(Root const& root, std::string const& certificate, Secret const& key,
                                UtcTime now) {
  TRY(note_renewal(root));
  TRY(write_pair(current_of(root), certificate, key, now));
  // A kubelet that began between the two has read the old one.
  return note_renewal(root);
}

Result<void> note_serving_renewal(Root const& root) {
  return note_renewal(root, kKubeletServingRenewed);
}

KubeletMove decide_kubelet(KubeletSeen const& seen) {
  if (seen.old.empty()) return KubeletMove::none;
  if (seen.unit == 0 || std::ranges::find(seen.old, seen.unit) == seen.old.end())
    return KubeletMove::foreign;
  if (seen.restarted != seen.unit) return KubeletMove::restart;
  return seen.waited < kKubeletRestarts ? KubeletMove::wait : KubeletMove::stuck;
}

Result<std::string> KubeletStep::flaw() const {
  auto pair = TRY(read_pair(current_of(root_), clock_.utc()));
  if (!pair || !is_pair(*pair)) return "";  // the step pki makes a new one
  return (pair)->flaw;
}

Result<std::optional<Duration>> KubeletStep::renewed() const {
  auto const client = TRY(renewed_at(root_, kKubeletRenewed));
  auto const version = TRY(parse_kube_version(config_.kubernetes.version));
  if (version.minor >= kFollowsServing) return client;
  // An empty one is less than any.
  return std::max(client, TRY(renewed_at(root_, kKubeletServingRenewed)));
}

// Those of this node, and not of a cluster inside of a pod, which have another kubeconfig or none.
Result<std::vector<pid_t>> KubeletStep::old_kubelets() const {
  std::vector<pid_t> old;
  auto const since = TRY(renewed());
  if (!since) return old;
  auto const running = TRY(running_programs(root_, "kubelet", clock_.utc()));
  auto const ours = fmt::format("--kubeconfig={}", kube::kKubeletKubeconfig);
  for (auto const& each : running)
    if (each.started_after_boot <= *since &&
        std::ranges::find(each.arguments, ours) != each.arguments.end())
      old.push_back(each.pid);
  return old;
}

Result<Finding> KubeletStep::look(Facts&, std::stop_token) {
  auto const wrong = TRY(flaw());
  if (!wrong.empty())
    return Needed{Message(Reason::KubeletCertificateMisplaced,
                          fmt::format("lay {} out as the kubelet does it: {}",
                                      kube::kKubeletClient.cert, wrong)),
                  [this](std::stop_token) { return lay_out(); }};
  auto const old = TRY(old_kubelets());
  KubeletSeen seen{.old = old, .restarted = restarted_, .waited = {}};
  if (!old.empty()) {
    // A machine whose kubelet is called otherwise has no such unit.
    if (auto const unit = units_.state(kKubeletUnit); unit)
      seen.unit = unit->pid;
    else if (unit.error().kind != Kind::invalid)
      return std::unexpected(unit.error());
  }
  seen.waited = std::chrono::duration_cast<Duration>(clock_.steady() - asked_);
  switch (decide_kubelet(seen)) {
    case KubeletMove::none:
      break;
    case KubeletMove::restart:
      return Needed{
          Message(Reason::KubeletToRestart,
                  fmt::format("restart {}: its process {} began before its certificate was renewed",
                              kKubeletUnit, seen.unit))
              .about(fmt::format("{}", seen.unit)),
          [this, old = seen.unit](std::stop_token) { return restart(old); }};
    case KubeletMove::wait:
      return Waiting{Message(Reason::KubeletRestarting, fmt::format("{} restarts", kKubeletUnit))};
    case KubeletMove::stuck:
      restarted_ = 0;  // and is asked again
      return std::unexpected(
          Error(Kind::transient,
                Message(Reason::KubeletRestarting,
                        fmt::format("{} was to restart, and its process {} is still there after {}",
                                    kKubeletUnit, seen.unit, to_words(kKubeletRestarts)),
                        fmt::format("look at 'systemctl status {}'", kKubeletUnit))));
    case KubeletMove::foreign:
      return Done{
          Message(Reason::KubeletForeign,
                  fmt::format("the kubelet of process {} began before its certificate was renewed, "
                              "and is not {}'s",
                              fmt::join(seen.old, ", "), kKubeletUnit),
                  "restart it, or it stops working when its old certificate expires")
              .about(fmt::format("{}", fmt::join(seen.old, ", ")))};
  }
  return Done{Message(Reason::KubeletCurrent, "the kubelet uses the certificates on the disk")};
}

Result<void> KubeletStep::restart(pid_t old) {
  auto restarted = restarts_.restart(old, kube::RestartCause::certificate);
  if (restarted) {
    restarted_ = old;
    asked_ = clock_.steady();
  }
  return restarted;
}

Result<void> KubeletStep::lay_out() const {
  auto const now = clock_.utc();
  auto const pair = TRY(read_pair(current_of(root_), now));
  if (!pair || !is_pair(*pair) || pair->flaw.empty()) return {};
  return renew_kubelet_pair(root_, without_flaws(*pair, now), pair->key, now);
}

}  // namespace haagent::bootstrap::pki
