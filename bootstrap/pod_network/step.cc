#include "bootstrap/pod_network/step.h"

#include <filesystem>

#include "bootstrap/layout/paths.h"

namespace haagent::bootstrap::pod_network {

Finding decide_pod_network(bool wanted, std::optional<Report> const& report, UtcTime now) {
  if (!wanted)
    return Done{Message(Reason::PodNetworkOff,
                        "the pod network is left to an add-on (cluster.podNetwork: none)")};
  if (!report || now - report->at > kSilent)
    return Waiting{Message(Reason::PodNetworkSilent,
                           report
                               ? fmt::format("it has said nothing since {}", to_rfc3339(report->at))
                               : std::string("it has said nothing since this machine started"),
                           "systemctl status haagent-pod-network.service")};
  auto const reason = report->message.reason;
  if (reason == Reason::PodNetworkMade || reason == Reason::PodNetworkForeign)
    return Done{report->message};
  return Waiting{report->message};
}

Result<Finding> PodNetworkStep::look(Facts&, std::stop_token) {
  std::error_code ignored;
  return decide_pod_network(std::filesystem::exists(root_(kube::kPodNetworkSettings), ignored),
                            read_report(root_), clock_.utc());
}

}  // namespace haagent::bootstrap::pod_network
