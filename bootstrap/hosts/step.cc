#include "bootstrap/hosts/step.h"

namespace haagent::bootstrap {

Result<Finding> HostsStep::look(Facts& facts, std::stop_token stop) {
  auto view = TRY(peers_->look(facts, std::move(stop)));
  if (!view.written)
    return Needed{
        Message(Reason::HostsDiffer, "write to /etc/hosts: " + view.sentence).about(view.subject),
        [this, entries = std::move(view.entries)](std::stop_token) {
          return peers_->write(entries);
        }};
  if (view.trouble)
    return Done{Message(Reason::AddressesNotRefreshed,
                        fmt::format("{}; EC2 was no help: {}", view.sentence, view.trouble->text))
                    .because_of(*view.trouble)};
  return Done{Message(Reason::HostsWritten, view.sentence).about(view.subject)};
}

bool HostsStep::rest(Clock& clock, Duration at_most, std::stop_token stop) {
  return peers_->wait_for_change(clock, at_most, std::move(stop));
}

}  // namespace haagent::bootstrap
