#include "agent/config/keys.h"

#include <fmt/format.h>

#include <type_traits>

namespace haagent {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

constexpr ValueType type_of(std::string const*) {
  return ValueType::text;
}
constexpr ValueType type_of(bool const*) {
  return ValueType::boolean;
}
constexpr ValueType type_of(Role const*) {
  return ValueType::choice;
}
constexpr ValueType type_of(CloudWatchMode const*) {
  return ValueType::choice;
}
constexpr ValueType type_of(EndpointMode const*) {
  return ValueType::choice;
}
constexpr ValueType type_of(Duration const*) {
  return ValueType::duration;
}
constexpr ValueType type_of(std::optional<Duration> const*) {
  return ValueType::duration;
}
constexpr ValueType type_of(std::uint64_t const*) {
  return ValueType::size;
}
constexpr ValueType type_of(unsigned const*) {
  return ValueType::count;
}
constexpr ValueType type_of(std::vector<std::string> const*) {
  return ValueType::texts;
}
constexpr ValueType type_of(std::vector<Taint> const*) {
  return ValueType::taints;
}
constexpr ValueType type_of(Tree const*) {
  return ValueType::overlay;
}

void assign(std::string& to, Tree const& value) {
  to = value.text();
}
void assign(bool& to, Tree const& value) {
  to = value.as_boolean().value_or(false);
}
void assign(Duration& to, Tree const& value) {
  to = parse_duration(value.text()).value_or(to);
}
void assign(std::optional<Duration>& to, Tree const& value) {
  if (auto duration = parse_duration(value.text())) to = *duration;
}
void assign(std::uint64_t& to, Tree const& value) {
  to = parse_size(value.text()).value_or(to);
}
void assign(unsigned& to, Tree const& value) {
  to = parse_count(value.text()).value_or(to);
}
void assign(Tree& to, Tree const& value) {
  to = value;
}
void assign(std::vector<std::string>& to, Tree const& value) {
  to.clear();
  for (auto const& item : value.items()) to.push_back(item.text());
}
// null takes away: a label that another source gave; of flags also what haagent renders, which an
// empty value says.
void assign(Pairs& to, Tree const& value, ValueType type) {
  to.clear();
  for (auto const& [key, mark, one] : value.entries()) {
    if (one.is_scalar() || (one.is_null() && type == ValueType::flags)) {
      to.emplace_back(key, one.text());
    }
    for (auto const& item : one.items()) to.emplace_back(key, item.text());
  }
}
void assign(std::vector<Taint>& to, Tree const& value) {
  to.clear();
  for (auto const& item : value.items()) {
    to.push_back({item.text_at("key"), item.text_at("value"), item.text_at("effect")});
  }
}

Tree to_value(std::string const& text) {
  return text.empty() ? Tree() : Tree(text);
}
Tree to_value(bool value) {
  return value;
}
Tree to_value(Duration value) {
  return to_text(value);
}
Tree to_value(std::optional<Duration> value) {
  return value ? Tree(to_text(*value)) : Tree();
}
Tree to_value(std::uint64_t value) {
  return size_to_text(value);
}
Tree to_value(unsigned value) {
  return static_cast<std::uint64_t>(value);
}
Tree to_value(std::vector<std::string> const& texts) {
  Tree list;
  if (!texts.empty()) list = Tree::list({texts.begin(), texts.end()});
  return list;
}
// Maps, taints and overlays have no default: what a config says is shown as it says it.
template <class T>
Tree to_value(T const&) {
  return {};
}

// A row for the member that `at` gives, of a NodeConfig or a NodeConfig const alike.
template <class At>
ConfigKey key(std::string path, At at, ConfigKey row) {
  using Member = std::remove_cvref_t<decltype(at(std::declval<NodeConfig&>()))>;
  row.path = std::move(path);
  if constexpr (!std::is_same_v<Member, Pairs>) {
    // A choice may also be kept as a boolean: false is the first word.
    row.type =
        row.allowed.empty() ? type_of(static_cast<Member const*>(nullptr)) : ValueType::choice;
  }
  if constexpr (std::is_enum_v<Member> || std::is_same_v<Member, bool>) {
    if (!row.allowed.empty()) {
      row.store = [at, allowed = row.allowed](NodeConfig& config, Tree const& value) {
        for (std::size_t i = 0; i < allowed.size(); ++i) {
          if (allowed[i] == value.text()) at(config) = static_cast<Member>(i);
        }
      };
      row.load = [at, allowed = row.allowed](NodeConfig const& config) {
        return Tree(allowed.at(static_cast<std::size_t>(at(config))));
      };
      return row;
    }
  }
  if constexpr (std::is_same_v<Member, Pairs>) {
    row.store = [at, type = row.type](NodeConfig& config, Tree const& value) {
      assign(at(config), value, type);
    };
    row.load = [](NodeConfig const&) { return Tree(); };
  } else if constexpr (!std::is_enum_v<Member>) {
    row.store = [at](NodeConfig& config, Tree const& value) { assign(at(config), value); };
    row.load = [at](NodeConfig const& config) { return to_value(at(config)); };
  }
  return row;
}

// apiVersion and kind say what the document is; the steps do not read them.
ConfigKey fixed(std::string path, std::string_view only, std::string description) {
  ConfigKey row;
  row.path = std::move(path);
  row.type = ValueType::choice;
  row.description = std::move(description);
  row.required = true;
  row.allowed = {std::string(only)};
  row.example = only;
  row.store = [](NodeConfig&, Tree const&) {};
  row.load = [](NodeConfig const&) { return Tree(); };
  return row;
}

constexpr auto kNamePattern = R"(^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$)";
constexpr auto kAddonPattern = R"(^[a-z0-9]([-a-z0-9]{0,48}[a-z0-9])?$)";
constexpr auto kUrlPattern = R"(^https?://[^/?#@]+$)";
constexpr auto kCidrPattern = R"(^[0-9a-fA-F:.]+/[0-9]+$)";

// The accessor of one member: NodeConfig's sections have no type names to point into.
// NOLINTNEXTLINE(bugprone-macro-parentheses): a member's name stands in no parentheses
#define AT(member) [](auto& config) -> auto& { return config.member; }

void add_etcd_cluster(ConfigKeys& rows, std::string const& name, auto cluster) {
  auto path = "etcd." + name;
  auto of = [cluster](auto member) {
    return [cluster, member](auto& config) -> auto& { return cluster(config).*member; };
  };
  rows.push_back(key(path + ".heartbeatInterval", of(&EtcdClusterConfig::heartbeat_interval),
                     {.description = "How often the leader says that it lives; not set: from the "
                                     "measured round trip between members, 100ms to 200ms",
                      .who = "masters",
                      .example = "100ms"}));
  rows.push_back(key(path + ".electionTimeout", of(&EtcdClusterConfig::election_timeout),
                     {.description = "Silence after which a member stands for election, the same "
                                     "on all members; not set: ten heartbeats",
                      .who = "masters",
                      .example = "1s"}));
  rows.push_back(key(path + ".quotaBackendBytes", of(&EtcdClusterConfig::quota_backend_bytes),
                     {.description = "Size of the database at which etcd stops taking writes",
                      .who = "masters",
                      .example = "8GiB"}));
  rows.push_back(key(path + ".extraConfig", of(&EtcdClusterConfig::extra_config),
                     {.description = "Merged over etcd's configuration file; null takes a key away",
                      .who = "masters",
                      .example = "{snapshot-count: 10000}"}));
}

struct Component {
  std::string name;     // its section: "kubeProxy"
  std::string program;  // "kube-proxy"
  std::string who;
  std::string document;  // what its config: is merged over
  bool has_endpoint;     // talks to an apiserver
  bool is_pod;
};

void add_component(ConfigKeys& rows, Component const& component, auto member) {
  auto of = [member](auto inner) {
    return [member, inner](auto& config) -> auto& { return member(config).*inner; };
  };
  auto const& [name, program, who, document, has_endpoint, is_pod] = component;
  rows.push_back(key(name + ".config", of(&ComponentConfig::config),
                     {.description = fmt::format("Merged over {}; null takes a key away", document),
                      .who = who,
                      .example = name == "kubelet" ? "{maxPods: 200}" : "{}"}));
  rows.push_back(key(name + ".extraArgs", of(&ComponentConfig::extra_args),
                     {.type = ValueType::flags,
                      .description = fmt::format("Flags of {}, without dashes in front; a list "
                                                 "repeats the flag, null takes it away",
                                                 program),
                      .who = who,
                      .example = "{v: 2}"}));
  if (has_endpoint) {
    rows.push_back(key(name + ".endpoint", of(&ComponentConfig::endpoint),
                       {.description = fmt::format("The apiserver that {} talks to: the load "
                                                   "balancer's, or this master's own",
                                                   program),
                        .who = who,
                        .allowed = {"replicated", "local"},
                        .example = "replicated"}));
  }
  if (is_pod) {
    rows.push_back(
        key(name + ".image", of(&ComponentConfig::image),
            {.description = fmt::format("Image instead of <imageRegistry>/{}:v<version>", program),
             .who = who,
             .example = fmt::format("registry.example.com/{}:v1.33.2", program)}));
  }
}

ConfigKeys make_keys() {
  ConfigKeys rows;
  rows.push_back(fixed("apiVersion", kConfigApiVersion, "The version of this document's format"));
  rows.push_back(fixed("kind", kConfigKind, "What this document is"));
  rows.push_back(key("role", AT(role),
                     {.description = "What this node is",
                      .required = true,
                      .allowed = {"master", "worker"},
                      .example = "master"}));

  rows.push_back(key("cluster.name", AT(cluster.name),
                     {.description = "DNS name of the cluster, as the tags of its volumes have it",
                      .required = true,
                      .example = "prod.example.com",
                      .pattern = kNamePattern,
                      .check = check_dns_name}));
  rows.push_back(
      key("cluster.endpoint", AT(cluster.endpoint),
          {.description = "URL of the replicated endpoint: the load balancer in front of "
                          "all apiservers",
           .required = true,
           .example = "https://prod-api-123.elb.eu-west-1.amazonaws.com",
           .pattern = kUrlPattern,
           .check = check_endpoint}));
  rows.push_back(
      key("cluster.state", AT(cluster.state),
          {.description = "Where certificate authorities and backups are kept: a bucket, "
                          "or a directory that all masters share",
           .required = true,
           .example = "s3://prod-haagent/prod.example.com",
           .pattern = R"(^(s3://|file:///).+$)",
           .check = check_state}));
  rows.push_back(key("cluster.dnsDomain", AT(cluster.dns_domain),
                     {.description = "Domain of services and pods inside the cluster",
                      .example = "cluster.local",
                      .pattern = kNamePattern,
                      .check = check_dns_name}));
  rows.push_back(key("cluster.serviceCIDR", AT(cluster.service_cidr),
                     {.description = "Addresses of services; its 10th is the cluster's DNS",
                      .example = "10.96.0.0/16",
                      .pattern = kCidrPattern,
                      .check = check_cidr}));
  rows.push_back(key("cluster.podCIDR", AT(cluster.pod_cidr),
                     {.description = "Addresses of pods",
                      .example = "10.244.0.0/16",
                      .pattern = kCidrPattern,
                      .check = check_cidr}));
  rows.push_back(
      key("cluster.podNetwork", AT(cluster.pod_network),
          {.description = "Who connects pods: vxlan, which is haagent; an add-on, by its "
                          "name; or none, where another program does",
           .example = "vxlan",
           .pattern = kAddonPattern,
           .check = check_addon_name}));
  rows.push_back(key("cluster.vxlanPort", AT(cluster.vxlan_port),
                     {.description = "UDP port at which nodes take each other's pods' packets; "
                                     "security groups let nodes reach it",
                      .example = "8472",
                      .check = check_port}));

  rows.push_back(key("cluster.joinEndpoint", AT(cluster.join_endpoint),
                     {.description = "URL at which workers ask to join, instead of the endpoint's "
                                     "host and port 3998",
                      .example = "https://prod-api-123.elb.eu-west-1.amazonaws.com:3998",
                      .pattern = kUrlPattern,
                      .check = check_endpoint}));
  rows.push_back(key("cluster.masterRole", AT(cluster.master_role),
                     {.description = "IAM role of the masters, by which workers know them: a name "
                                     "or an ARN",
                      .who = "workers",
                      .example = "prod-masters",
                      .check = check_iam_name}));
  rows.push_back(key("cluster.caPin", AT(cluster.ca_pin),
                     {.description = "Hash of the cluster's authority, by which workers know "
                                     "masters where they cannot ask STS",
                      .who = "workers",
                      .example = "sha256:" + std::string(64, '0'),
                      .pattern = "^sha256:[0-9a-f]{64}$",
                      .check = check_ca_pin}));
  rows.push_back(key("cluster.workerRoles", AT(cluster.worker_roles),
                     {.description = "IAM roles whose instances may join: names or ARNs",
                      .who = "masters",
                      .example = "[prod-workers]",
                      .check = check_iam_name}));
  rows.push_back(key("cluster.workerProfiles", AT(cluster.worker_profiles),
                     {.description = "Instance profiles whose instances may join, where they have "
                                     "other names than workerRoles",
                      .who = "masters",
                      .example = "[prod-workers]",
                      .check = check_iam_name}));
  rows.push_back(key("cluster.tokenIssuer", AT(cluster.token_issuer),
                     {.description = "Issuer of the account's tokens of sts:GetWebIdentityToken, "
                                     "where workers may prove by one who they are",
                      .who = "masters",
                      .example = "https://0f1e2d3c-4b5a-4697-8877-665544332211.tokens.sts.global"
                                 ".api.aws",
                      .pattern = kUrlPattern,
                      .check = check_token_issuer}));
  rows.push_back(key("cluster.joinAddresses", AT(cluster.join_addresses_hidden),
                     {.description = "Whether the load balancer of the join port keeps the "
                                     "workers' addresses",
                      .who = "masters",
                      .allowed = {"kept", "hidden"},
                      .example = "kept"}));

  rows.push_back(key("kubernetes.version", AT(kubernetes.version),
                     {.description = "Kubernetes version of this node, in quotes",
                      .required = true,
                      .example = "1.33.2",
                      .pattern = R"(^1\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.+-]+)?$)",
                      .check = check_kube_version}));
  rows.push_back(key("kubernetes.imageRegistry", AT(kubernetes.image_registry),
                     {.description = "Registry of the components' images",
                      .example = "registry.k8s.io",
                      .check = check_registry}));

  rows.push_back(key("node.labels", AT(node.labels),
                     {.type = ValueType::labels,
                      .description = "Labels that the kubelet gives its node beside zone, region "
                                     "and instance type",
                      .example = "{example.com/team: storage}"}));
  rows.push_back(key("node.taints", AT(node.taints),
                     {.description = "Taints at registration, beside the master's own",
                      .example = "[{key: example.com/gpu, value: \"yes\", effect: NoSchedule}]"}));

  rows.push_back(
      key("addons", AT(addons),
          {.type = ValueType::choices,
           .description = "Where an add-on comes from; those that are not named: from the "
                          "state store where it has them, else from the package",
           .who = "masters",
           .allowed = {"off", "packaged", "store"},
           .example = "{coredns: \"off\"}",
           .pattern = kAddonPattern,
           .check = check_addon_name}));

  rows.push_back(key("volumes.filesystem", AT(volumes.filesystem),
                     {.description = "Filesystem that is made on a blank volume",
                      .who = "masters",
                      .allowed = {"ext4", "xfs"},
                      .example = "ext4"}));
  rows.push_back(key("volumes.forceDetach", AT(volumes.force_detach_terminated),
                     {.description = "When a volume may be taken by force: never, or from an owner "
                                     "that EC2 says is terminated",
                      .who = "masters",
                      .allowed = {"never", "terminated-owner"},
                      .example = "never"}));
  rows.push_back(
      key("volumes.mountRoot", AT(volumes.mount_root),
          {.description = "Directory below which the volumes main and events are mounted",
           .who = "masters",
           .example = "/var/lib/haagent-etcd",
           .pattern = "^/.+$",
           .check = check_mount_root}));

  rows.push_back(key("etcd.binary", AT(etcd.binary),
                     {.description = "The etcd program",
                      .who = "masters",
                      .example = "/usr/bin/etcd",
                      .pattern = "^/.+$",
                      .check = check_absolute_path}));
  rows.push_back(key("etcd.backups.enabled", AT(etcd.backups.enabled),
                     {.description = "Whether etcd is backed up to cluster.state",
                      .who = "masters",
                      .example = "true"}));
  rows.push_back(key(
      "etcd.backups.interval", AT(etcd.backups.interval),
      {.description = "How old the newest backup may become", .who = "masters", .example = "15m"}));
  rows.push_back(key("etcd.backups.keepFor", AT(etcd.backups.keep_for),
                     {.description = "How long backups are kept: all of the last day, one an hour "
                                     "of the last week, then one a day",
                      .who = "masters",
                      .example = "2160h"}));
  rows.push_back(key("etcd.backups.keepAtLeast", AT(etcd.backups.keep_at_least),
                     {.description = "How many of the newest backups are kept, however old",
                      .who = "masters",
                      .example = "10"}));
  rows.push_back(key("etcd.backups.tools", AT(etcd.backups.tools),
                     {.description = "Directory of etcdctl and etcdutl instead of that of "
                                     "etcd.binary",
                      .who = "masters",
                      .example = "/usr/bin",
                      .pattern = "^/.+$",
                      .check = check_absolute_path}));
  rows.push_back(key("etcd.backups.scratch", AT(etcd.backups.scratch),
                     {.description = "Directory in which backups are taken and verified; needs "
                                     "twice the database's size",
                      .who = "masters",
                      .example = "/var/lib/haagent/scratch",
                      .pattern = "^/.+$",
                      .check = check_absolute_path}));
  add_etcd_cluster(rows, "main", AT(etcd.main));
  add_etcd_cluster(rows, "events", AT(etcd.events));

  rows.push_back(key("pki.leafLifetime", AT(pki.leaf_lifetime),
                     {.description = "How long the certificates live that haagent issues; each is "
                                     "renewed at two thirds of it",
                      .who = "masters",
                      .example = "8760h"}));
  rows.push_back(key("pki.caLifetime", AT(pki.ca_lifetime),
                     {.description = "How long a certificate authority lives that haagent makes",
                      .who = "masters",
                      .example = "87600h"}));

  rows.push_back(key("pki.nodeLifetime", AT(pki.node_lifetime),
                     {.description = "How long the certificates live that a worker gets",
                      .who = "masters",
                      .example = "24h"}));

  constexpr auto kPod = "its static pod, containers and volumes by name";
  add_component(rows, {"kubelet", "kubelet", "all", "the KubeletConfiguration", true, false},
                AT(kubelet));
  add_component(rows, {"kubeProxy", "kube-proxy", "all", "the KubeProxyConfiguration", true, true},
                AT(kube_proxy));
  add_component(rows, {"apiserver", "kube-apiserver", "masters", kPod, false, true}, AT(apiserver));
  add_component(rows, {"controllerManager", "kube-controller-manager", "masters", kPod, true, true},
                AT(controller_manager));
  add_component(
      rows,
      {"scheduler", "kube-scheduler", "masters", "the KubeSchedulerConfiguration", true, true},
      AT(scheduler));

  rows.push_back(key("aws.endpoints.ec2", AT(aws.ec2_endpoint),
                     {.description = "URL of the EC2 API instead of the region's own",
                      .who = "masters",
                      .example = "https://ec2.eu-west-1.amazonaws.com",
                      .pattern = kUrlPattern,
                      .check = check_service_url}));
  rows.push_back(key("aws.endpoints.autoscaling", AT(aws.autoscaling_endpoint),
                     {.description = "URL of the Auto Scaling API instead of the region's own",
                      .example = "https://autoscaling.eu-west-1.amazonaws.com",
                      .pattern = kUrlPattern,
                      .check = check_service_url}));
  rows.push_back(key("aws.endpoints.s3", AT(aws.s3_endpoint),
                     {.description = "URL of the S3 API instead of the region's own; buckets stand "
                                     "in its path",
                      .who = "masters",
                      .example = "https://s3.dualstack.eu-west-1.amazonaws.com",
                      .pattern = kUrlPattern,
                      .check = check_service_url}));
  rows.push_back(key("aws.endpoints.sts", AT(aws.sts_endpoint),
                     {.description = "URL of the STS API instead of the region's own, the same on "
                                     "masters and workers",
                      .example = "https://sts.eu-west-1.amazonaws.com",
                      .pattern = kUrlPattern,
                      .check = check_service_url}));
  rows.push_back(key("aws.endpoints.cloudwatch", AT(aws.cloudwatch_endpoint),
                     {.description = "URL of the CloudWatch API instead of the region's own: a "
                                     "FIPS endpoint, or a VPC endpoint without private DNS",
                      .example = "https://monitoring-fips.us-east-1.amazonaws.com",
                      .pattern = kUrlPattern,
                      .check = check_service_url}));
  rows.push_back(key("aws.s3.serverSideEncryption", AT(aws.s3_encryption),
                     {.description = "Encryption that each write to the state store asks for by "
                                     "its header, where the bucket's policy demands it",
                      .who = "masters",
                      .allowed = {"AES256", "aws:kms"},
                      .example = "AES256"}));
  rows.push_back(key("aws.s3.kmsKeyId", AT(aws.s3_kms_key_id),
                     {.description = "KMS key that encrypts what is written to the state store, "
                                     "where the bucket's default is not wanted",
                      .who = "masters",
                      .example = "alias/haagent",
                      .check = check_kms_key}));
  rows.push_back(key("aws.endpoints.imds", AT(aws.imds_endpoints),
                     {.description = "URLs of the instance metadata service, tried side by side",
                      .example = "[\"http://169.254.169.254\"]",
                      .pattern = kUrlPattern,
                      .check = check_service_url}));
  rows.push_back(key("lifecycle.launchingHook", AT(lifecycle.launching_hook),
                     {.description = "The hook of the auto-scaling group that is completed once "
                                     "this node is ready",
                      .example = "haagent-launching"}));
  rows.push_back(key("lifecycle.terminatingHook", AT(lifecycle.terminating_hook),
                     {.description = "The hook of the auto-scaling group that is completed once "
                                     "this node has handed over",
                      .example = "haagent-terminating"}));
  rows.push_back(key("lifecycle.onRebalance", AT(lifecycle.hand_over_on_rebalance),
                     {.description = "What a rebalance recommendation alone leads to: the etcd "
                                     "leaders move away, or the whole node hands over",
                      .who = "masters",
                      .allowed = {"move-leader", "hand-over"},
                      .example = "move-leader"}));
  rows.push_back(key("metrics.listen", AT(metrics.listen),
                     {.description = "Address and port that serve /metrics in the clear too; not "
                                     "set: the agents' port alone",
                      .example = "127.0.0.1:9990",
                      .pattern = R"(^([0-9.]+|\[[0-9a-fA-F:.]+\]):[0-9]+$)",
                      .check = check_listen_address}));
  rows.push_back(key("metrics.cloudWatch.mode", AT(metrics.cloudwatch.mode),
                     {.description = "How metrics get to CloudWatch: not at all; in lines of the "
                                     "journal, in its embedded metric format, for who ships them; "
                                     "or by PutMetricData, which the role has to permit",
                      .allowed = {"none", "embedded", "put"},
                      .example = "put"}));
  rows.push_back(key("metrics.cloudWatch.namespace", AT(metrics.cloudwatch.space),
                     {.description = "Namespace of these metrics",
                      .example = "haagent",
                      .pattern = R"(^[A-Za-z0-9./_#-][A-Za-z0-9./_#:-]*$)",
                      .check = check_metrics_namespace}));
  rows.push_back(key("metrics.cloudWatch.interval", AT(metrics.cloudwatch.interval),
                     {.description = "How often they are sent: 10s to 5m", .example = "1m"}));
  rows.push_back(key("log.level", AT(log.level),
                     {.description = "The least that is logged",
                      .allowed = {"debug", "info", "warn", "error"},
                      .example = "info"}));
  return rows;
}

#undef AT

}  // namespace

ConfigKeys const& config_keys() {
  static ConfigKeys const keys = make_keys();
  return keys;
}

}  // namespace haagent
