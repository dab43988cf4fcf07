// The simulator's stand-in for the kubelet and kube-proxy, since instances run neither. It runs the
// static pods of apiserver and kube-proxy, answers at its healthz, registers its node and renews
// its Lease: by the files that haagent writes for the real ones, and with their certificates.
#pragma once

#include <filesystem>
#include <stop_token>
#include <string>
#include <string_view>

#include "agent/base/http.h"
#include "agent/base/result.h"

namespace haagent::sim {

// As the kubelet does it: runs the apiserver of `manifests`/kube-apiserver.yaml, a process of its
// own by that name, for as long as the file is there, and a new one whenever it or its certificate
// changes, until stopped. kube-proxy the same. Trouble goes to stderr, once.
void run_kubelet_standin(std::filesystem::path const& manifests, std::stop_token stop);

// The process of kube-proxy: says that it is well, where its document says that it listens.
Result<void> run_kube_proxy_standin(std::filesystem::path const& config, std::stop_token stop);

// Where a health server listens, and nowhere where `port` is 0.
struct HealthPlace {
  std::string host;
  int port = 0;
};
// Of the documents KubeletConfiguration and KubeProxyConfiguration.
Result<HealthPlace> kubelet_health_place(std::string_view document);
Result<HealthPlace> kube_proxy_health_place(std::string_view document);

// Who a kubelet is by its kubeconfig.
struct KubeletPlace {
  std::string server;  // URL
  std::string node;    // the name of its Node
  HttpTls tls;
};
Result<KubeletPlace> read_kubelet_kubeconfig(std::string_view text);

}  // namespace haagent::sim
