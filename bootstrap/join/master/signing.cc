#include "bootstrap/join/master/signing.h"

#include "bootstrap/pki/leaves.h"

namespace haagent::bootstrap::join {
namespace {

std::unexpected<Error> not_there_yet() {
  return fail(Kind::transient, "the cluster's authority is not on this master yet");
}

}  // namespace

Result<SigningAuthority> signing_authority(Root const& root) {
  auto const& files = pki::trust_file(pki::kKubernetesAuthority);
  auto trust = TRY(trusted_authorities(root));
  auto key = TRY(read_file(root(files.key)));
  if (!key) return not_there_yet();
  auto const certificates = TRY_DURING(pki::split_bundle(trust), "reading {}", files.path);
  Secret const secret(*std::move(key));
  for (auto const& each : certificates)
    if (pki::is_for_key(each, secret)) return SigningAuthority{std::move(trust), {each, secret}};
  return fail(Kind::transient, "{} belongs to none of the authorities in {}", files.key,
              files.path);
}

Result<std::string> trusted_authorities(Root const& root) {
  auto trust = TRY(read_file(root(pki::trust_file(pki::kKubernetesAuthority).path)));
  if (!trust) return not_there_yet();
  return *std::move(trust);
}

Result<NodeCertificates> sign_all(SigningAuthority const& authority, NodeSpecs const& specs,
                                  Requests const& requests, UtcTime now, Duration lifetime) {
  auto sign = [&](pki::LeafSpec const& spec, pki::CertificateRequest const& request) {
    return pki::make_leaf_for(spec, request.public_key, authority.signer, now, lifetime);
  };
  NodeCertificates certificates;
  certificates.kubelet = TRY(sign(specs.kubelet, requests.kubelet));
  certificates.kubelet_serving = TRY(sign(specs.kubelet_serving, requests.kubelet_serving));
  certificates.kube_proxy = TRY(sign(specs.kube_proxy, requests.kube_proxy));
  return certificates;
}

}  // namespace haagent::bootstrap::join
