#include "agent/base/facts.h"

#include "agent/base/step.h"

namespace haagent {

std::string_view to_string(EtcdCluster cluster) {
  return cluster == EtcdCluster::main ? "main" : "events";
}

std::string_view to_string(SpaceLevel level) {
  switch (level) {
    case SpaceLevel::ok:
      return "ok";
    case SpaceLevel::warning:
      return "warning";
    case SpaceLevel::critical:
      return "critical";
  }
  return "critical";
}

Message const& message_of(Finding const& finding) {
  return std::visit([](auto const& each) -> Message const& { return each.message; }, finding);
}

std::string sentence_of(Finding const& finding) {
  return message_of(finding).sentence();
}

void Step::pause(Clock& clock, Duration at_most, std::stop_token stop) {
  clock.sleep(at_most, std::move(stop));
}

bool Step::rest(Clock& clock, Duration at_most, std::stop_token stop) {
  return clock.sleep(at_most, std::move(stop));
}

}  // namespace haagent
