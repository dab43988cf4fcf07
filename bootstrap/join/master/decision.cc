#include "bootstrap/join/master/decision.h"

#include <algorithm>

#include "agent/base/cidr.h"
#include "agent/base/one_line.h"
#include "bootstrap/join/exchange/names.h"

namespace haagent::bootstrap::join {
namespace {

constexpr std::string_view kNodes = "system:nodes";

}  // namespace

Result<void> check_ask(Ask const& ask, Cluster const& cluster, Connection const& connection) {
  if (ask.cluster != cluster.name)
    return fail(Kind::denied, Reason::JoinClusterDiffers, "this is a master of {}, not of {}",
                cluster.name, ask.cluster);
  if (ask.server_key != connection.server_key)
    return fail(Kind::denied, Reason::JoinMasterDiffers,
                "the request is meant for a master with another key");
  if (ask.nonce != connection.nonce)
    return fail(Kind::denied, Reason::JoinNonceDiffers,
                "the request has another nonce than this connection was offered");
  return {};
}

Result<pki::CertificateRequest> check_request(std::string_view pem, std::string_view common_name,
                                              std::string_view organization) {
  auto request = pki::read_request(pem);
  auto refuse = [&](std::string why) {
    return fail(Kind::denied, Reason::CertificateRequestUnfit, "the request for '{}': {}",
                common_name, why);
  };
  if (!request) return refuse(request.error().message.text);
  if (request->asks_for_more) return refuse("it asks for more than a key and a name");
  if (!request->common_name.empty() && request->common_name != common_name)
    return refuse(fmt::format("it asks for '{}'", one_line(request->common_name, 80)));
  if (!request->organization.empty() && request->organization != organization)
    return refuse(fmt::format("it asks for the group '{}'", one_line(request->organization, 80)));
  return request;
}

Result<void> check_time(aws::SignedCall const& proof, UtcTime now) {
  auto const signed_at = aws::time_of(proof);
  if (!signed_at) return fail(Kind::invalid, "the proof has no time");
  auto const off = std::chrono::duration_cast<std::chrono::seconds>(*signed_at - now);
  if (std::chrono::abs(off) <= kProofAge) return {};
  return fail(Kind::denied, Reason::JoinProofStale,
              "the proof was signed {} s {} this master's time: one of the two clocks is wrong",
              std::chrono::abs(off).count(), off.count() < 0 ? "before" : "after");
}

Result<void> check_document(IdentityDocument const& document, Cluster const& cluster) {
  if (document.account != cluster.account)
    return fail(Kind::denied, Reason::IdentityDocumentDiffers,
                "the identity document is of the account {}, and this cluster's is {}",
                document.account, cluster.account);
  if (document.region != cluster.region)
    return fail(Kind::denied, Reason::IdentityDocumentDiffers,
                "the identity document is of {}, and this cluster is in {}", document.region,
                cluster.region);
  return {};
}

Result<void> check_caller(aws::AssumedRole const& caller, IdentityDocument const& document,
                          Cluster const& cluster) {
  if (caller.account != cluster.account || caller.partition != cluster.partition)
    return fail(Kind::denied, Reason::CallerAccountDiffers,
                "the proof is of the account {} of {}, and this cluster's is {}", caller.account,
                caller.partition, cluster.account);
  bool const is_worker = std::ranges::any_of(cluster.worker_roles, [&](auto const& role) {
    return names(role, caller.role, caller.account);
  });
  if (!is_worker)
    return fail(Kind::denied, Reason::CallerRoleUnfit,
                "the proof is of the role {}, which is none of cluster.workerRoles", caller.role);
  if (!is_instance_id(caller.session))
    return fail(Kind::denied, Reason::CallerNotInstance,
                "the proof is of the session {}, which is no instance's", caller.session);
  if (caller.session != document.instance_id)
    return fail(Kind::denied, Reason::CallerInstanceDiffers,
                "the proof is of {}, and the identity document of {}", caller.session,
                document.instance_id);
  return {};
}

Result<void> check_instance(aws::Instance const* instance, std::string_view instance_id,
                            Cluster const& cluster, std::string_view address) {
  // EC2 may show a new instance seconds late.
  if (!instance)
    return fail(Kind::transient, Reason::InstanceNotKnown, "EC2 knows no instance {} of {}",
                instance_id, cluster.name);
  if (instance->state != "running" && instance->state != "pending")
    return fail(Kind::denied, Reason::InstanceNotRunning, "{} is {}", instance_id, instance->state);
  // Its name would be another one a moment later.
  if (instance->state == "pending" && instance->private_dns_name.empty())
    return fail(Kind::transient, Reason::InstanceNotKnown, "EC2 has no name for {} yet",
                instance_id);
  auto const tag = instance->tags.find(fmt::format("kubernetes.io/cluster/{}", cluster.name));
  if (tag == instance->tags.end() || tag->second != "owned")
    return fail(Kind::denied, Reason::InstanceNotOwned,
                "{} does not carry the tag kubernetes.io/cluster/{}=owned", instance_id,
                cluster.name);
  // arn:aws:iam::123456789012:instance-profile/path/workers
  auto const slash = instance->profile_arn.rfind('/');
  auto const profile =
      slash == std::string::npos ? std::string() : instance->profile_arn.substr(slash + 1);
  bool const fits = std::ranges::any_of(cluster.worker_profiles, [&](auto const& each) {
    return names(each, profile, cluster.account);
  });
  if (profile.empty() || !fits)
    return fail(Kind::denied, Reason::InstanceProfileUnfit,
                "{} has {}, which is none of cluster.workerProfiles", instance_id,
                profile.empty() ? "no instance profile" : "the instance profile " + profile);
  if (!address.empty() && !is_same_address(address, instance->ipv4) &&
      !is_same_address(address, instance->ipv6))
    return fail(Kind::denied, Reason::CallerAddressDiffers,
                "the request comes from {}, and {} has {}", address, instance_id,
                instance->ipv4.empty() ? instance->ipv6 : instance->ipv4);
  return {};
}

Result<RecordMove> decide_record(std::optional<NodeRecord> const& record, std::string_view key_hash,
                                 NodeState state, UtcTime now) {
  if (record && record->key_hash == key_hash) return RecordMove::keep;
  if (record && std::chrono::abs(now - record->since) < kKeySettles)
    return fail(Kind::transient, Reason::Conflict,
                "a certificate was signed for another key of this instance less than {} ago",
                to_words(kKeySettles));
  switch (state) {
    case NodeState::absent:
    case NodeState::not_ready:
      return record ? RecordMove::replace : RecordMove::create;
    case NodeState::ready:
      return fail(Kind::denied, Reason::NodeKeyDiffers,
                  "the node is Ready with another key than this one");
    case NodeState::anothers:
      return fail(Kind::transient, Reason::NodeNameTaken,
                  "the Node of that name is another instance's, and is to go first");
    case NodeState::unknown:
      break;
  }
  return fail(
      Kind::transient, Reason::Unavailable,
      "the apiserver of this master does not say whether the node is Ready with another key");
}

Result<std::string> node_of(pki::Certificate const& certificate) {
  constexpr std::string_view kUser = "system:node:";
  auto const& name = certificate.common_name;
  if (!name.starts_with(kUser) || certificate.organization != kNodes || !certificate.client)
    return fail(Kind::denied, Reason::JoinRequestInvalid, "the certificate of '{}' is no node's",
                name);
  return name.substr(kUser.size());
}

Result<void> check_renewal(std::optional<NodeRecord> const& record, pki::Certificate const& shown) {
  if (!record || record->key_hash == shown.key_hash ||
      shown.not_before + pki::kBackdated >= record->since)
    return {};
  return fail(Kind::denied, Reason::NodeKeyDiffers,
              "another key was signed for this instance since that certificate was");
}

NodeSpecs specs_of(aws::Instance const& instance) {
  NodeSpecs specs{.node = node_name_of(instance.private_dns_name, instance.id)};
  auto const user = "system:node:" + specs.node.name;
  specs.kubelet = {.common_name = user,
                   .organization = std::string(kNodes),
                   .dns_names = {},
                   .addresses = {},
                   .client = true};
  specs.kubelet_serving = {.common_name = user,
                           .organization = std::string(kNodes),
                           .dns_names = {specs.node.name},
                           .addresses = {},
                           .server = true};
  for (auto const& address : {instance.ipv4, instance.ipv6})
    if (!address.empty()) specs.kubelet_serving.addresses.push_back(address);
  specs.kube_proxy = {.common_name = "system:kube-proxy",
                      .organization = "",
                      .dns_names = {},
                      .addresses = {},
                      .client = true};
  return specs;
}

}  // namespace haagent::bootstrap::join
