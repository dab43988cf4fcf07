#include "bootstrap/hosts/step.h"

namespace haagent::bootstrap {

Result<Finding> HostsStep::look(Facts& facts, std::stop_token stop) {
  auto view = TRY(peers_->look(facts, std::move(stop)));
  if (view.written) return Done{view.sentence};
  wanted_ = std::move(view.entries);
  return Needed{"write to /etc/hosts: " + view.sentence};
}

Result<void> HostsStep::act(Facts&, std::stop_token) {
  return peers_->write(wanted_);
}

bool HostsStep::rest(Clock& clock, Duration at_most, std::stop_token stop) {
  return peers_->nap(clock, at_most, std::move(stop));
}

}  // namespace haagent::bootstrap
