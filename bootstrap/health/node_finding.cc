#include "bootstrap/health/node_finding.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/base/one_line.h"

namespace haagent::bootstrap::health {
namespace {

constexpr std::size_t kReadyWords = 200;
// Kubernetes' default, where the Lease does not say.
constexpr std::int64_t kLeaseSeconds = 40;

Tree const* ready_of(Tree const& node) {
  auto const* conditions = node.at_path("status.conditions");
  if (!conditions) return nullptr;
  auto const ready = std::ranges::find_if(
      conditions->items(), [](Tree const& each) { return each.text_at("type") == "Ready"; });
  return ready == conditions->items().end() ? nullptr : &*ready;
}

Duration lasts(Tree const& lease) {
  auto const* seconds = lease.at_path("spec.leaseDurationSeconds");
  auto const stated = seconds ? seconds->as_integer().value_or(kLeaseSeconds) : kLeaseSeconds;
  return std::chrono::seconds(std::clamp<std::int64_t>(stated, 1, 3600));
}

std::optional<UtcTime> renewed(Tree const& lease) {
  auto const* time = lease.at_path("spec.renewTime");
  return time ? parse_rfc3339(time->text()) : std::nullopt;
}

Waiting unregistered(std::string const& name, std::string_view lacks, std::string advice) {
  return {Message(Reason::NodeNotRegistered,
                  fmt::format("the apiserver has no {} of {}", lacks, name), std::move(advice))
              .about(std::string(lacks))};
}

}  // namespace

std::string ready_words(Tree const& node) {
  auto const* ready = ready_of(node);
  if (!ready) return {};
  auto const message = ready->text_at("message");
  return one_line(fmt::format("Ready is {}{}{}", ready->text_at("status"),
                              message.empty() ? "" : ": ", message),
                  kReadyWords);
}

Finding node_finding(NodeSeen const& seen) {
  if (!seen.lease)
    return unregistered(seen.name, "Lease",
                        "if it lasts, look at 'journalctl -u kubelet': the kubelet makes it");
  auto const at = renewed(*seen.lease);
  auto const within = lasts(*seen.lease);
  auto const age = at ? std::chrono::duration_cast<Duration>(seen.now - *at) : Duration(0);
  // A clock that was set back makes a Lease of the future, which is as good as it was.
  if (!at || age > within)
    return Waiting{
        Message(Reason::NodeLeaseStale,
                at ? fmt::format("the kubelet has renewed its Lease {} ago, and it lasts {}",
                                 to_words(age), to_words(within))
                   : std::string("the kubelet has not renewed its Lease"),
                "if it lasts, look at 'journalctl -u kubelet': the kubelet does not get through to "
                "the apiserver, or is not let")};
  // A kubelet registers when it starts, and no more.
  if (!seen.node)
    return unregistered(seen.name, "Node",
                        "if it was deleted, 'systemctl restart kubelet' makes it again");
  auto const ready = ready_words(*seen.node);
  auto const* condition = ready_of(*seen.node);
  return Done{Message(Reason::NodeServes, fmt::format("the kubelet renews the Lease of {}{}{}",
                                                      seen.name, ready.empty() ? "" : "; ", ready))
                  .about(condition ? condition->text_at("status") : "")};
}

}  // namespace haagent::bootstrap::health
