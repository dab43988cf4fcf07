#include "bootstrap/health/pod_steps.h"

#include <algorithm>

#include "bootstrap/apiserver/client.h"
#include "bootstrap/health/pod_finding.h"
#include "bootstrap/kube/apiserver_process.h"
#include "bootstrap/kube/serving_places.h"
#include "bootstrap/kube/static_pod.h"
#include "bootstrap/layout/paths.h"

namespace haagent::bootstrap::health {
namespace {

Result<bool> kube_proxy_runs(HealthDeps const& deps) {
  auto const running = TRY(running_programs(deps.root, "kube-proxy", deps.clock.utc()));
  auto const ours = fmt::format("--config={}", kube::kKubeProxyConfig);
  return std::ranges::any_of(running, [&](RunningProgram const& each) {
    return std::ranges::find(each.arguments, ours) != each.arguments.end();
  });
}

}  // namespace

Result<Finding> ApiserverStep::look(Facts& facts, std::stop_token stop) {
  auto const identity = TRY(facts.identity.require("identity"));
  auto const places =
      TRY(places_.of(identity, [&] { return kube::serving_places(deps_.config, identity); }));
  PodSeen seen;
  // As the administrator: where nobody may ask without a name, and before 1.32, this may.
  seen.answer = TRY(probe(deps_.http, places.apiserver + "/readyz?verbose",
                          as_administrator(deps_.root, places.apiserver).tls, std::move(stop)));
  if (seen.answer.is == Answer::Is::silent) {
    seen.runs = !TRY(kube::own_apiservers(deps_.root, deps_.clock.utc())).empty();
    seen.log =
        newest_pod_log(deps_.root, kApiserverReasons.program, identity.hostname, deps_.clock.utc());
  }
  return pod_finding(kApiserverReasons, seen);
}

Result<Finding> KubeProxyStep::look(Facts& facts, std::stop_token stop) {
  auto const identity = TRY(facts.identity.require("identity"));
  auto const places =
      TRY(places_.of(identity, [&] { return kube::serving_places(deps_.config, identity); }));
  auto const manifest = kube::manifest_path(kube::Component::kube_proxy);
  auto const bytes = TRY(read_file(deps_.root(manifest)));
  if (!bytes)
    return Done{
        Message(Reason::KubeProxyNotOurs, "haagent runs no kube-proxy here").about(manifest)};
  if (!places.kube_proxy)
    return Done{
        Message(Reason::KubeProxyNotOurs, "kube-proxy serves no healthz (healthzBindAddress)")
            .about("healthzBindAddress")};
  PodSeen seen;
  seen.answer = TRY(probe(deps_.http, *places.kube_proxy, {}, std::move(stop)));
  if (seen.answer.is == Answer::Is::silent) {
    seen.runs = TRY(kube_proxy_runs(deps_));
    seen.log =
        newest_pod_log(deps_.root, kKubeProxyReasons.program, identity.hostname, deps_.clock.utc());
  }
  return pod_finding(kKubeProxyReasons, seen);
}

}  // namespace haagent::bootstrap::health
