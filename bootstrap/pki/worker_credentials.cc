#include "bootstrap/pki/worker_credentials.h"

#include <fmt/ranges.h>

#include "bootstrap/layout/paths.h"
#include "bootstrap/pki/kubelet_pair.h"
#include "bootstrap/pki/kubelet_serving.h"
#include "bootstrap/pki/x509.h"

namespace haagent::bootstrap::pki {
namespace {

// What the apiserver would have against it; empty: nothing. `name` is whom it must be for: with a
// colon at its end, any name that begins so.
std::string complaint_about(std::string const& pem, Secret const& key, std::string const& trust,
                            std::string const& name, UtcTime now) {
  auto const read = parse_certificate(pem);
  if (!read) return read.error().message.sentence();
  if (!is_for_key(pem, key)) return "its key is another one's";
  if (!trust.empty())
    if (auto good = verify(pem, trust, now); !good) return good.error().message.sentence();
  bool const right =
      name.ends_with(':') ? read->common_name.starts_with(name) : read->common_name == name;
  if (!right) return fmt::format("it is for '{}', and not for '{}'", read->common_name, name);
  return "";
}

// When so much of its life is over. Divides first: a time counts nanoseconds, and 67 times a life
// of five years is more than fits.
UtcTime time_at(Certificate const& certificate, int percent) {
  return certificate.not_before + (certificate.not_after - certificate.not_before) / 100 * percent;
}

}  // namespace

Result<Finding> WorkerCredentials::look(Facts& facts, std::stop_token) {
  auto const now = clock_.utc();
  std::vector<std::string> bring, wrong, about;
  PkiFacts told;
  auto note = [&](std::string const& name, std::string const& pem, std::string complaint,
                  int renewed_at_percent) {
    if (auto const read = parse_certificate(pem))
      told.certificates.push_back({.name = name,
                                   .not_after = read->not_after,
                                   .renew_at = time_at(*read, renewed_at_percent)});
    if (complaint.empty()) return;
    about.push_back(name);
    wrong.push_back(fmt::format("the certificate of {}: {}", name, complaint));
  };

  auto const ca = TRY(read_file(root_(kube::kCa)));
  auto const trust = ca.value_or("");
  auto const split = split_bundle(trust);
  if (!ca || !split) about.emplace_back(kube::kCa);
  if (!ca)
    bring.push_back(fmt::format("{} (any master's)", kube::kCa));
  else if (!split)
    wrong.push_back(fmt::format("{}: {}", kube::kCa, split.error().message.sentence()));

  // The kubelet's own is made once it has joined, and renewed by the kubelet.
  auto const pair = TRY(read_pair(root_(kube::kKubeletClient.cert), now));
  std::string of_kubelet = "there is none";
  if (pair) {
    of_kubelet = complaint_about(pair->certificates, pair->key, trust, "system:node:", now);
    note("kubelet", pair->certificates, of_kubelet, 90);
  }
  if (!of_kubelet.empty()) {
    auto const bootstrap = TRY(read_file(root_(kube::kBootstrapKubeconfig)));
    if (!bootstrap) {
      about.emplace_back(kube::kBootstrapKubeconfig);
      bring.push_back(fmt::format("{} (a kubeconfig of {} with a bootstrap token)",
                                  kube::kBootstrapKubeconfig, config_.cluster.endpoint));
    }
  }

  auto const certificate = TRY(read_file(root_(kube::kKubeProxyClient.cert)));
  auto const key = TRY(read_file(root_(kube::kKubeProxyClient.key)));
  // Where either is missing, the row kube-proxy says so.
  if (certificate && key)
    note("kube-proxy", *certificate,
         complaint_about(*certificate, Secret(*key), trust, "system:kube-proxy", now), 67);

  auto const identity = facts.identity.get().value_or(Identity{});
  auto const serving = TRY(read_kubelet_serving(config_, root_, identity, now));
  if (serving && serving->certificate)
    told.certificates.push_back({.name = "kubelet-serving",
                                 .not_after = serving->certificate->not_after,
                                 .renew_at = time_at(*serving->certificate, 67)});

  told.warning = fmt::format("{}", fmt::join(wrong, "; "));
  facts.pki.set(told);
  std::vector<std::string> parts;
  if (!bring.empty())
    parts.push_back(
        fmt::format("this worker cannot join until it is given {}", fmt::join(bring, " and ")));
  parts.insert(parts.end(), wrong.begin(), wrong.end());
  auto const text = fmt::format("{}", fmt::join(parts, "; "));
  auto const subject = fmt::format("{}", fmt::join(about, ", "));
  if (!bring.empty()) return Done{Message(Reason::CredentialsMissing, text).about(subject)};
  if (!wrong.empty()) return Done{Message(Reason::CredentialsInvalid, text).about(subject)};
  if (serving && !serving->flaw.empty())
    return Done{
        Message(Reason::KubeletServingInvalid,
                fmt::format("the apiserver refuses what the kubelet serves with ({}): {}",
                            kube::kKubeletServer.cert, serving->flaw),
                fmt::format("bring {} and {}, signed by the cluster's authority for {}",
                            kube::kKubeletServer.cert, kube::kKubeletServer.key, identity.address))
            .about(kube::kKubeletServer.cert)};
  if (pair)
    return Done{Message(Reason::CredentialsFound, "the kubelet has a certificate")
                    .about(kube::kKubeletClient.cert)};
  return Done{Message(Reason::CredentialsFound, "the kubelet can ask for its certificate")
                  .about(kube::kBootstrapKubeconfig)};
}

}  // namespace haagent::bootstrap::pki
