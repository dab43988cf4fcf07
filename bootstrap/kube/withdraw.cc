#include "bootstrap/kube/withdraw.h"

#include <algorithm>
#include <filesystem>

#include "bootstrap/kube/apiserver_process.h"
#include "bootstrap/kube/render.h"
#include "bootstrap/layout/paths.h"

namespace haagent::bootstrap::kube {
namespace {

using namespace std::chrono_literals;

// Kubernetes' default for a pod, unless the overlay says another.
Duration grace_of(NodeConfig const& config) {
  auto const* stated = config.apiserver.config.is_map()
                           ? config.apiserver.config.at_path("spec.terminationGracePeriodSeconds")
                           : nullptr;
  auto const seconds = stated ? stated->as_integer() : std::nullopt;
  if (!seconds || *seconds < 0) return 30s;
  return std::chrono::seconds(std::min<long long>(*seconds, 3600));
}

std::string pids_of(std::vector<RunningProgram> const& programs) {
  std::vector<std::string> pids;
  for (auto const& each : programs) pids.push_back(std::to_string(each.pid));
  return fmt::format("{}", fmt::join(pids, ", "));
}

std::string named(std::vector<RunningProgram> const& programs) {
  return fmt::format("kube-apiserver (process {})", pids_of(programs));
}

}  // namespace

Duration still_to_wait(ApiserverWait const& in) {
  auto until = std::min(in.grace + kKubeletNotices, kLongestWait) - in.waited;
  if (in.left) until = std::min(until, *in.left - kEtcdEnds);
  return std::max(until, Duration(0));
}

Result<std::vector<std::string>> Withdraw::manifests(Facts& facts) const {
  std::vector<std::string> there;
  if (!deps_.take_manifests) return there;
  auto identity = TRY(facts.identity.require("identity"));
  auto files = TRY(render(deps_.config, identity));
  for (auto const& file : files) {
    if (file.stage != RenderedFile::Stage::after_etcd || !file.path.starts_with(kManifests))
      continue;
    auto bytes = TRY(read_file(deps_.root(file.path)));
    if (bytes) there.push_back(file.path);
  }
  return there;
}

// Where the manifest stays, the kubelet may start another one: that has begun nothing yet.
Result<std::vector<RunningProgram>> Withdraw::apiservers() {
  auto running = TRY(own_apiservers(deps_.root, deps_.clock.utc()));
  if (!first_) {
    first_.emplace();
    for (auto const& each : running) first_->insert(each.pid);
  }
  if (!deps_.take_manifests)
    std::erase_if(running, [&](RunningProgram const& each) { return !first_->contains(each.pid); });
  return running;
}

Result<Finding> Withdraw::look(Facts& facts, std::stop_token) {
  auto const running = TRY(apiservers());
  auto const there = TRY(manifests(facts));
  if (!there.empty()) {
    auto const paths = fmt::format("{}", fmt::join(there, ", "));
    return Needed{Message(Reason::ApiserverToEnd, fmt::format("take {} away", paths)).about(paths),
                  act_of(*this, &Withdraw::end, facts)};
  }
  if (running.empty())
    return Done{Message(Reason::ApiserverEnded,
                        first_->empty() ? "no apiserver runs here" : "kube-apiserver has ended")};
  if (deps_.end_process && std::ranges::any_of(running, [&](RunningProgram const& each) {
        return !told_.contains(each.pid);
      }))
    return Needed{Message(Reason::ApiserverToEnd, fmt::format("end {}", named(running)))
                      .about(pids_of(running)),
                  act_of(*this, &Withdraw::end, facts)};
  if (!since_) since_ = deps_.clock.steady();
  ApiserverWait const wait{
      .waited = std::chrono::duration_cast<Duration>(deps_.clock.steady() - *since_),
      .grace = grace_of(deps_.config),
      .left = deps_.left ? deps_.left() : std::nullopt};
  if (still_to_wait(wait) == 0ms)
    return Done{Message(Reason::ApiserverNotEnded,
                        fmt::format("{} has not ended within {}; etcd ends all the same{}",
                                    named(running), to_words(wait.waited),
                                    wait.left ? ", since the machine is taken away" : ""),
                        wait.left ? "" : "look at 'systemctl status kubelet'")
                    .about(pids_of(running))};
  return Waiting{Message(Reason::ApiserverRunning,
                         fmt::format("etcd goes on until {} has ended", named(running)))
                     .about(pids_of(running))};
}

Result<void> Withdraw::end(Facts& facts, std::stop_token) {
  auto there = TRY(manifests(facts));
  for (auto const& path : there) {
    std::error_code error;
    std::filesystem::remove(deps_.root(path), error);
    if (error) return fail_errno(error.value(), "taking away " + path);
  }
  if (!deps_.end_process || !there.empty()) return {};
  auto const running = TRY(apiservers());
  for (auto const& each : running)
    if (told_.insert(each.pid).second && deps_.end) deps_.end(each.pid);
  return {};
}

}  // namespace haagent::bootstrap::kube
