// The node's configuration as the steps read it: merged, validated, every default in place. Made by
// agent/config from YAML; the key of each member stands behind it.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/tree.h"

namespace haagent {

enum class Role { master, worker };
// Not at all, as lines of the journal, or by calls of PutMetricData.
enum class CloudWatchMode { none, embedded, put };
enum class EndpointMode { replicated, local };  // the load balancer, or this master's own apiserver

// A Kubernetes component: verbatim overlays on what haagent renders.
struct ComponentConfig {
  Tree config;  // config: merged over the rendered configuration document (null: nothing)
  std::vector<std::pair<std::string, std::string>>
      extra_args;                                    // extraArgs: flag name without dashes
  EndpointMode endpoint = EndpointMode::replicated;  // endpoint:
  std::string image;                                 // image: empty: <registry>/<name>:v<version>
};

struct EtcdClusterConfig {
  // Where one is not set, bootstrap/etcd/timing derives it.
  std::optional<Duration> heartbeat_interval;       // heartbeatInterval
  std::optional<Duration> election_timeout;         // electionTimeout
  std::uint64_t quota_backend_bytes = 8ull << 30u;  // quotaBackendBytes
  Tree extra_config;  // extraConfig: merged over etcd's configuration file
};

struct EtcdBackupConfig {
  bool enabled = true;                       // enabled
  Duration interval{15 * 60'000};            // interval
  Duration keep_for{90 * 24 * 3'600'000ll};  // keepFor: all of a day, one an hour of a week, then
                                             // one a day until here
  unsigned keep_at_least = 10;               // keepAtLeast: however old
  std::string tools;  // tools: directory of etcdctl and etcdutl; empty: the one of etcd.binary
  std::string scratch = "/var/lib/haagent/scratch";  // scratch: off the etcd volume
};

struct Taint {
  std::string key, value, effect;
};

// Values of cluster.podNetwork beside the name of an add-on.
inline constexpr char kOwnPodNetwork[] = "vxlan";
inline constexpr char kNoPodNetwork[] = "none";

struct NodeConfig {
  Role role = Role::master;  // role

  struct {
    std::string name;      // cluster.name
    std::string endpoint;  // cluster.endpoint: URL of the replicated endpoint
    std::string state;     // cluster.state: s3://bucket/prefix or file:///directory
    std::string dns_domain = "cluster.local";   // cluster.dnsDomain
    std::string service_cidr = "10.96.0.0/16";  // cluster.serviceCIDR
    std::string pod_cidr = "10.244.0.0/16";     // cluster.podCIDR
    // cluster.podNetwork: haagent's own, an add-on's (Cilium, Calico, the VPC CNI), or none, where
    // somebody else brings one
    std::string pod_network = kOwnPodNetwork;
    unsigned vxlan_port = 8472;  // cluster.vxlanPort: UDP
    // cluster.joinEndpoint: URL of the masters' join port; empty: the endpoint's host, kJoinPort
    std::string join_endpoint;
    std::string master_role;                   // cluster.masterRole: by which workers know masters
    std::string ca_pin;                        // cluster.caPin: "sha256:...", in its place
    std::vector<std::string> worker_roles;     // cluster.workerRoles: who may join
    std::string token_issuer;                  // cluster.tokenIssuer: URL; empty: no tokens
    std::vector<std::string> worker_profiles;  // cluster.workerProfiles; empty: as workerRoles
    // cluster.joinAddresses: whether the load balancer keeps the workers' addresses, or hides them
    bool join_addresses_hidden = false;
  } cluster;

  struct {
    std::string version;                             // kubernetes.version, "1.33.2"
    std::string image_registry = "registry.k8s.io";  // kubernetes.imageRegistry
  } kubernetes;

  struct {
    // aws.endpoints.ec2: empty: https://ec2.<region>.<domain>
    std::string ec2_endpoint;
    // aws.endpoints.autoscaling: empty: https://autoscaling.<region>.<domain>
    std::string autoscaling_endpoint;
    // aws.endpoints.s3: empty: the bucket's own host; set: the bucket stands in the path
    std::string s3_endpoint;
    // aws.endpoints.sts: empty: https://sts.<region>.<domain>
    std::string sts_endpoint;
    // aws.endpoints.cloudwatch: empty: https://monitoring.<region>.<domain>
    std::string cloudwatch_endpoint;
    // aws.s3.serverSideEncryption: AES256 or aws:kms, asked for by a header of each write; empty:
    // no header, unless there is a key
    std::string s3_encryption;
    // aws.s3.kmsKeyId: of aws:kms; empty: the bucket's own key, or AWS' for S3
    std::string s3_kms_key_id;
    // aws.endpoints.imds: tried side by side
    std::vector<std::string> imds_endpoints = {"http://169.254.169.254", "http://[fd00:ec2::254]"};
  } aws;

  struct {
    std::string filesystem = "ext4";       // volumes.filesystem: ext4 or xfs
    bool force_detach_terminated = false;  // volumes.forceDetach: never, or terminated-owner
    // volumes.mountRoot: main and events below it. Not /var/lib/etcd, which goes with Debian's
    // etcd.
    std::string mount_root = "/var/lib/haagent-etcd";
  } volumes;

  struct {
    std::string binary = "/usr/bin/etcd";  // etcd.binary
    EtcdClusterConfig main;                // etcd.main
    EtcdClusterConfig events;              // etcd.events
    EtcdBackupConfig backups;              // etcd.backups
    EtcdClusterConfig const& of(bool is_main) const { return is_main ? main : events; }
  } etcd;

  struct {
    // pki.leafLifetime: renewed at two thirds of it, so that an agent that is dead, or has no state
    // store, for a third of it, four months, stops nothing.
    Duration leaf_lifetime = std::chrono::hours(24 * 365);
    Duration ca_lifetime = std::chrono::hours(24 * 3650);  // pki.caLifetime
    Duration node_lifetime = std::chrono::hours(24);       // pki.nodeLifetime: of workers
  } pki;

  ComponentConfig kubelet;     // kubelet
  ComponentConfig kube_proxy;  // kubeProxy
  ComponentConfig apiserver;   // apiserver
  ComponentConfig controller_manager{.config = {},
                                     .extra_args = {},
                                     .endpoint = EndpointMode::local,
                                     .image = {}};  // controllerManager
  ComponentConfig scheduler{
      .config = {}, .extra_args = {}, .endpoint = EndpointMode::local, .image = {}};  // scheduler

  struct {
    std::vector<std::pair<std::string, std::string>> labels;  // node.labels
    std::vector<Taint> taints;  // node.taints, beside the master's own
  } node;

  // addons: by name, where each comes from: "off", "packaged" or "store"
  std::vector<std::pair<std::string, std::string>> addons;

  // What the instance's auto-scaling group and EC2 announce.
  struct {
    std::string launching_hook = "haagent-launching";      // lifecycle.launchingHook
    std::string terminating_hook = "haagent-terminating";  // lifecycle.terminatingHook
    bool hand_over_on_rebalance = false;  // lifecycle.onRebalance: move-leader or hand-over
  } lifecycle;

  struct {
    // metrics.listen: "127.0.0.1:9990": the metrics there in the clear, beside the agents' own
    // port. Empty: not.
    std::string listen;
    struct {
      CloudWatchMode mode = CloudWatchMode::none;  // metrics.cloudWatch.mode
      std::string space = "haagent";               // metrics.cloudWatch.namespace
      Duration interval{60'000};                   // metrics.cloudWatch.interval
    } cloudwatch;
  } metrics;

  struct {
    std::string level = "info";  // log.level: debug, info, warn, error
  } log;

  // "etcd-a.internal.prod.example.com": what a member is called in /etc/hosts and in peer URLs.
  std::string etcd_host(std::string const& member) const {
    return "etcd-" + member + ".internal." + cluster.name;
  }
};

// Ports and paths that more than one part must agree on. Client ports serve the apiserver on
// localhost and the other masters' agents; peer ports serve etcd's own traffic.
struct EtcdPorts {
  int client;
  int peer;
  int metrics;  // loopback only, plain HTTP: /metrics, /health, /livez, /readyz
};
inline constexpr EtcdPorts kEtcdMainPorts{2379, 2380, 2381};
inline constexpr EtcdPorts kEtcdEventsPorts{2389, 2390, 2391};

// Where each agent answers the others: GET /v1/status, GET /metrics.
inline constexpr int kAgentPort = 3999;
// Where masters answer machines that ask to join, and workers answer masters that call back.
inline constexpr int kJoinPort = 3998;

}  // namespace haagent
