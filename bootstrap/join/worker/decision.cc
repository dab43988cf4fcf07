#include "bootstrap/join/worker/decision.h"

#include "bootstrap/join/exchange/names.h"
#include "bootstrap/pki/keys.h"
#include "bootstrap/pki/x509.h"

namespace haagent::bootstrap::join {
namespace {

constexpr std::string_view kSha256 = "sha256:";

}  // namespace

Result<void> check_trust(MasterTrust const& trust) {
  if (!trust.role.empty() || !trust.ca_pin.empty()) return {};
  return std::unexpected(
      Error{Kind::refused,
            Message(Reason::JoinTrustMissing, "nothing says by what this worker knows a master",
                    "set cluster.masterRole to the role of the masters")});
}

Result<void> check_offer(Offer const& offer, std::string_view server_key, UtcTime now) {
  if (offer.server_key != server_key)
    return fail(Kind::denied, Reason::MasterKeyDiffers,
                "who answers has another TLS key than the master's offer says");
  auto const off = std::chrono::duration_cast<std::chrono::seconds>(now - offer.time);
  if (std::chrono::abs(off) > kClocksApart)
    return fail(Kind::denied, Reason::MasterClockDiffers,
                "this machine's clock is {} {} the master's", to_words(std::chrono::abs(off)),
                off.count() > 0 ? "ahead of" : "behind");
  return {};
}

Result<void> check_master(aws::AssumedRole const& caller, MasterTrust const& trust) {
  if (caller.account != trust.account || caller.partition != trust.partition)
    return fail(Kind::denied, Reason::MasterAccountDiffers,
                "who answers is of the account {} of {}, and this machine of {}", caller.account,
                caller.partition, trust.account);
  if (!names(trust.role, caller.role, caller.account))
    return fail(Kind::denied, Reason::MasterRoleDiffers,
                "who answers has the role {}, and cluster.masterRole is {}", caller.role,
                trust.role);
  return {};
}

Result<void> check_pin(Offer const& offer, MasterTrust const& trust, UtcTime now) {
  auto refuse = [&](std::string_view why) {
    return fail(Kind::denied, Reason::MasterPinDiffers, "{}", why);
  };
  auto const authorities = pki::split_bundle(offer.ca);
  if (!authorities) return refuse("who answers shows no authority");
  for (auto const& each : *authorities) {
    auto const authority = pki::parse_certificate(each);
    if (!authority || std::string(kSha256) + authority->key_hash != trust.ca_pin) continue;
    if (auto good = pki::verify(offer.certificate, each, now); !good)
      return refuse(fmt::format("the pinned authority has not signed the master's certificate: {}",
                                good.error().message.text));
    auto const leaf = pki::parse_certificate(offer.certificate);
    // The same authority signs what every kubelet serves with.
    if (!leaf || leaf->key_hash != offer.server_key || !leaf->server ||
        leaf->common_name != kMastersName || !leaf->organization.empty())
      return refuse(
          "what the pinned authority has signed is no master's certificate, or not this server's");
    return {};
  }
  return refuse("the authority of who answers is not the one of cluster.caPin");
}

Result<void> check_signed(std::string_view certificate, Secret const& key, std::string_view ca,
                          UtcTime now) {
  if (!pki::is_for_key(certificate, key))
    return fail(Kind::denied, Reason::MasterAnswerUnfit,
                "a certificate of the master's answer is for another key");
  if (auto const good = pki::verify(certificate, ca, now); !good)
    return fail(Kind::denied, Reason::MasterAnswerUnfit,
                "a certificate of the master's answer does not serve: {}",
                good.error().message.text);
  return {};
}

bool is_pin(std::string_view text) {
  return text.starts_with(kSha256) && is_hash(text.substr(kSha256.size()));
}

}  // namespace haagent::bootstrap::join
