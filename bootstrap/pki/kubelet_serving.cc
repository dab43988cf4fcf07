#include "bootstrap/pki/kubelet_serving.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/base/cidr.h"
#include "bootstrap/kube/flags.h"
#include "bootstrap/layout/paths.h"

namespace haagent::bootstrap::pki {
namespace {

bool comes_from_elsewhere(NodeConfig const& config) {
  auto const& document = config.kubelet.config;
  auto const in_document = [&](char const* key) { return document.is_map() && document.find(key); };
  auto const in_flags = [&](char const* flag) {
    return kube::names_flag(config.kubelet.extra_args, flag);
  };
  return in_document("tlsCertFile") || in_document("serverTLSBootstrap") ||
         in_flags("tls-cert-file") || in_flags("rotate-server-certificates") ||
         in_flags("cert-dir") ||
         kube::names_flag(config.apiserver.extra_args, "kubelet-certificate-authority");
}

}  // namespace

std::string serving_flaw(std::string_view certificate, Secret const& key, std::string_view trust,
                         Identity const& identity, UtcTime now) {
  auto const read = parse_certificate(certificate);
  if (!read) return read.error().message.sentence();
  if (!is_for_key(certificate, key)) return "its key is another one's";
  if (!read->server) return "it is not for a server";
  // One that the kubelet has made for itself ends here.
  if (auto good = verify(certificate, trust, now); !good) return good.error().message.sentence();
  auto const address = parse_ip(identity.address);
  auto const is_address = [&](std::string const& each) { return parse_ip(each) == address; };
  if (address && std::ranges::none_of(read->addresses, is_address))
    return fmt::format("it is not for {}, the node's address", identity.address);
  return "";
}

Result<std::optional<KubeletServing>> read_kubelet_serving(NodeConfig const& config,
                                                           Root const& root,
                                                           Identity const& identity, UtcTime now) {
  auto const trust = TRY(read_file(root(kube::kCa)));
  if (comes_from_elsewhere(config) || !trust || !split_bundle(*trust)) return std::nullopt;
  auto const certificate = TRY(read_file(root(kube::kKubeletServer.cert)));
  auto const key = TRY(read_file(root(kube::kKubeletServer.key)));
  if (!certificate || !key) return KubeletServing{.flaw = "there is none", .certificate = {}};
  KubeletServing serving{.flaw = serving_flaw(*certificate, Secret(*key), *trust, identity, now),
                         .certificate = {}};
  if (auto read = parse_certificate(*certificate)) serving.certificate = *std::move(read);
  return serving;
}

}  // namespace haagent::bootstrap::pki
