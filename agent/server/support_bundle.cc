#include "agent/server/support_bundle.h"

#include <algorithm>

#include "agent/base/cidr.h"
#include "bootstrap/hosts/peers.h"
#include "bootstrap/pki/client.h"

namespace haagent {
namespace {

constexpr std::chrono::seconds kOneTakes{30};

}  // namespace

Result<void> check_bundle_caller(NodeConfig const& config, ServerCall const& call) {
  auto const refuse = [](std::string_view why) {
    return fail(Kind::denied, Reason::PermissionDenied,
                "a support bundle is for another master's agent: the caller's certificate {}", why);
  };
  auto const certificate = bootstrap::pki::parse_certificate(call.certificate);
  if (!certificate) return refuse("cannot be read");
  if (!certificate->server || certificate->organization == bootstrap::pki::kClientsOrganization)
    return refuse("is no agent's");
  if (std::ranges::none_of(certificate->dns_names, [&](auto const& name) {
        return !bootstrap::member_of_host(config, name).empty();
      }))
    return refuse("names no etcd member");
  auto const from = [&](auto const& address) { return is_same_address(address, call.address); };
  if (std::ranges::none_of(certificate->addresses, from))
    return refuse(fmt::format("is not for {}", call.address));
  return {};
}

Answer BundleAnswers::answer(ServerCall const& call) {
  auto say = [](int status, std::string text) {
    return Answer{.status = status, .type = "text/plain", .body = std::move(text) + "\n"};
  };
  if (auto const may = check_bundle_caller(config_, call); !may)
    return say(403, may.error().message.text);
  std::unique_lock const alone(making_, std::try_to_lock);
  if (!alone) {
    auto busy = say(429, "another support bundle is being made");
    busy.retry_after = kOneTakes;
    return busy;
  }
  auto made = make_();
  if (!made) return say(503, made.error().message.sentence());
  return {.status = 200, .type = "application/zstd", .body = *std::move(made)};
}

}  // namespace haagent
