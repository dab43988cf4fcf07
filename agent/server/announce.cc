#include "agent/server/announce.h"

#include "bootstrap/pki/client.h"

namespace haagent {

ServerReply answer_announcement(NodeConfig const& config, bootstrap::Peers& peers,
                                ServerCall const& call) {
  using What = bootstrap::AnnouncementAnswer::What;
  auto const announcement = bootstrap::parse_announcement(call.body);
  if (!announcement) return {400, announcement.error().message.sentence()};
  auto const certificate = bootstrap::pki::parse_certificate(call.certificate);
  if (!certificate) return {403, certificate.error().message.sentence()};
  // A reader's certificate names no host, so that no announcement is right with it anyhow.
  if (!certificate->server || certificate->organization == bootstrap::pki::kClientsOrganization)
    return {403, "the caller's certificate is no agent's"};
  auto const may = bootstrap::check_announcement(config, *announcement,
                                                 {.names = certificate->dns_names,
                                                  .addresses = certificate->addresses,
                                                  .address = call.address});
  if (!may) return {403, may.error().message.sentence()};
  auto const answer = peers.receive(*announcement);
  switch (answer.what) {
    case What::yes:
      return {200, answer.sentence};
    case What::no:
      return {409, answer.sentence};
    case What::later:
      break;
  }
  return {503, answer.sentence};
}

}  // namespace haagent
