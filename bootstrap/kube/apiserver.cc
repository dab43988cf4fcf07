#include "bootstrap/kube/apiserver.h"

#include "agent/base/url.h"
#include "bootstrap/kube/ciphers.h"
#include "bootstrap/kube/host_files.h"
#include "bootstrap/layout/content_hash.h"
#include "bootstrap/layout/paths.h"

namespace haagent::bootstrap::kube {
namespace {

std::string pki(std::string_view file) {
  return fmt::format("{}/{}", kPki, file);
}

}  // namespace

Flags apiserver_flags(Node const& node, bool encryption_keys) {
  auto const& cluster = node.config.cluster;
  auto etcd = [&](EtcdPorts const& ports) {
    return fmt::format("https://127.0.0.1:{}", ports.client);
  };
  Flags flags = {
      {"advertise-address", node.address},
      {"allow-privileged", "true"},
      {"bind-address", node.everywhere()},
      {"client-ca-file", kCa},
      {"enable-admission-plugins", "NodeRestriction"},
      {"enable-bootstrap-token-auth", "true"},
      {"etcd-cafile", pki("etcd/ca.crt")},
      {"etcd-certfile", pki("apiserver-etcd-client.crt")},
      {"etcd-keyfile", pki("apiserver-etcd-client.key")},
      {"etcd-servers", etcd(kEtcdMainPorts)},
      // A comma would begin the next override, a semicolon the next server of this one.
      {"etcd-servers-overrides", "/events#" + etcd(kEtcdEventsPorts)},
      // One request in a thousand asks its client to connect again: through the load balancer,
      // where a master that comes back would otherwise get no clients.
      {"goaway-chance", "0.001"},
      // The cluster's authority signs the serving certificate of every kubelet. Without this flag
      // the apiserver sends the input of `kubectl exec` to any server at a kubelet's address.
      {"kubelet-certificate-authority", kCa},
      {"kubelet-client-certificate", pki("apiserver-kubelet-client.crt")},
      {"kubelet-client-key", pki("apiserver-kubelet-client.key")},
      {"kubelet-preferred-address-types", std::string(kKubeletAddressTypes)},
      // Its handlers tell how the process works inside, and cost it time.
      {"profiling", "false"},
      {"proxy-client-cert-file", pki("front-proxy-client.crt")},
      {"proxy-client-key-file", pki("front-proxy-client.key")},
      {"requestheader-allowed-names", "front-proxy-client"},
      {"requestheader-client-ca-file", pki("front-proxy-ca.crt")},
      {"requestheader-extra-headers-prefix", "X-Remote-Extra-"},
      {"requestheader-group-headers", "X-Remote-Group"},
      {"requestheader-username-headers", "X-Remote-User"},
      {"secure-port", "6443"},
      {"service-account-issuer", "https://kubernetes.default.svc." + cluster.dns_domain},
      {"service-account-key-file", pki("sa.pub")},
      {"service-account-signing-key-file", pki("sa.key")},
      {"service-cluster-ip-range", cluster.service_cidr},
      // Unready before it stops serving, for longer than the load balancer takes to see it (two
      // checks, ten seconds apart at most).
      {"shutdown-delay-duration", "20s"},
      {"tls-cert-file", pki("apiserver.crt")},
      {"tls-cipher-suites", tls_ciphers_flag()},
      {"tls-min-version", std::string(kTlsMinVersion)},
      {"tls-private-key-file", pki("apiserver.key")},
  };
  auto const& extra = node.config.apiserver.extra_args;
  // The two exclude each other.
  if (value_of(extra, "authorization-config", "").empty()) {
    flags.emplace_back("authorization-mode", "Node,RBAC");
  }
  for (auto const& policy : api_policies(node))
    flags.insert(flags.end(), policy.flags.begin(), policy.flags.end());
  if (encryption_keys && !names_flag(extra, "encryption-provider-config")) {
    // It reads a file that changes within a minute, without a restart.
    flags.emplace_back("encryption-provider-config", kEncryptionConfig);
    flags.emplace_back("encryption-provider-config-automatic-reload", "true");
  }
  return overlay(std::move(flags), extra);
}

std::string own_apiserver_url(NodeConfig const& config) {
  auto const services = parse_cidrs(config.cluster.service_cidr);
  Identity const nobody;  // where it serves is the same on every master
  Node const node{.config = config,
                  .identity = nobody,
                  .version = {},
                  .ipv6 = services && services->front().network.v6,
                  .address = {},
                  .node_ips = {},
                  .dns_ip = {}};
  auto const target = probe_target(node, config.apiserver.extra_args, "6443");
  return fmt::format("https://{}:{}", url_host(target.host), target.port);
}

std::string etcd_trust_hash(std::string const& etcd_trust) {
  return content_hash(etcd_trust);
}

RenderedFile render_apiserver(Node const& node, std::vector<ApiPolicy> const& policies,
                              OnDisk const& on_disk) {
  auto flags = apiserver_flags(node, on_disk.encryption_keys);
  auto probes = probe_target(node, flags, "6443");
  probes.live = "/livez";
  probes.ready = "/readyz";
  // The kubelet asks as nobody. Where nobody may ask, an answer to HTTP is always 401, and the
  // kubelet would stop the apiserver again and again.
  probes.tcp = value_of(flags, "anonymous-auth", "true") == "false";
  StaticPod pod{.component = Component::apiserver,
                .command = to_arguments(flags),
                .cpu = "250m",
                .mounts = host_ca_mounts(),
                .probes = probes,
                .reads = {}};
  if (!on_disk.etcd_trust.empty()) pod.etcd_trust_hash = etcd_trust_hash(on_disk.etcd_trust);
  pod.command.insert(pod.command.begin(), "kube-apiserver");
  pod.mounts.push_back({"k8s-certs", kPki, "Directory"});
  for (auto const& policy : policies) {
    pod.mounts.insert(pod.mounts.end(), policy.mounts.begin(), policy.mounts.end());
    pod.reads.push_back(&policy.file);
  }
  mount_host_files(node, pod);
  return yaml_file(manifest_path(Component::apiserver), 0600,
                   merge_pod(to_tree(node, pod), node.config.apiserver.config),
                   RenderedFile::Stage::after_etcd);
}

}  // namespace haagent::bootstrap::kube
