// Sorted, so that a key is found by halves.
#include "agent/bundle/allowed_keys.h"

#include <algorithm>

namespace haagent::bundle {
namespace {

// clang-format off
constexpr AllowedKey kOwn[] = {{"Pending"}, {"Terminating"}, {"accountId"}, {"acts"}, {"addons"}, {"address"},
    {"advice"}, {"after"}, {"against"}, {"agentStarted"}, {"aheadMilliseconds"}, {"alarm"}, {"alarms"},
    {"architecture"}, {"at"}, {"attachTime"}, {"attachments"}, {"attempts"}, {"authority"}, {"availBytes"},
    {"backendCommitSeconds"}, {"backup"}, {"began"}, {"begin"}, {"blank"}, {"blockDevices"}, {"boot"}, {"bootId",
    KeyKind::id}, {"bootMilliseconds"}, {"booted"}, {"boots"}, {"bytes"}, {"certificate"}, {"certificateWarning"},
    {"certificates"}, {"clientUrls"}, {"clock"}, {"cluster"}, {"clusterId", KeyKind::id}, {"column"},
    {"committedEntry"}, {"conflicted"}, {"copy"}, {"createTime"}, {"created"}, {"critical"}, {"criticalPath"},
    {"cut"}, {"dbQuota"}, {"dbSize"}, {"dbSizeInUse"}, {"decisions"}, {"deleteOnTermination"}, {"device"},
    {"deviceName"}, {"digest", KeyKind::id}, {"domain"}, {"drifted"}, {"duration"}, {"ebs"}, {"encrypted"}, {"end"},
    {"endpoint"}, {"entries"}, {"error"}, {"errors"}, {"etcd"}, {"etcdClusterId", KeyKind::id}, {"events"},
    {"existing"}, {"failure"}, {"failures"}, {"file"}, {"files"}, {"filesystem"}, {"filesystems"}, {"finished"},
    {"firmware"}, {"formattedAt"}, {"formatting"}, {"group"}, {"haagent"}, {"hash", KeyKind::id}, {"health"},
    {"healthy"}, {"healthyVoters"}, {"heartbeatMilliseconds"}, {"hopLimit"}, {"hostname"}, {"how"}, {"id"},
    {"identity"}, {"imageId"}, {"initialCluster"}, {"initialClusterState"}, {"inodes"}, {"inodesFree"},
    {"instanceExceededIopsMicroseconds"}, {"instanceExceededThroughputMicroseconds"}, {"instanceId"},
    {"instanceIopsMicroseconds"}, {"instanceThroughputMicroseconds"}, {"instanceType"}, {"ipv4"}, {"ipv6"},
    {"joins"}, {"kernel"}, {"kernelMilliseconds"}, {"kernelStarted"}, {"kind"}, {"kubelet"}, {"kubernetes"},
    {"label"}, {"labels", KeyKind::names}, {"lastEntry"}, {"lastTerm"}, {"launchTime"}, {"leader"}, {"learner"},
    {"limited"}, {"line"}, {"loader"}, {"log"}, {"main"}, {"maxSize"}, {"member"}, {"memberId", KeyKind::id},
    {"members"}, {"message"}, {"metadata"}, {"milestones"}, {"milliseconds"}, {"missing"}, {"mode"}, {"model"},
    {"modified"}, {"moments"}, {"mountPoint"}, {"multiAttach"}, {"name"}, {"nextHeartbeatMilliseconds"}, {"node"},
    {"nodes"}, {"notAfter"}, {"notes"}, {"objects"}, {"of"}, {"ok"}, {"origin"}, {"outsideMilliseconds"}, {"ownMilliseconds"},
    {"owner"}, {"partition"}, {"path"}, {"peerUrl"}, {"peerUrls"}, {"peers"}, {"phase"}, {"pid"}, {"pidStart"},
    {"place"}, {"privateDnsName"}, {"problems"}, {"profile"}, {"program"}, {"programs"}, {"proven"},
    {"queueLength"}, {"quorum"}, {"raftLag"}, {"readBytes"}, {"readMicroseconds"}, {"readOps"}, {"ready"},
    {"reason"}, {"recently"}, {"region"}, {"rejected"}, {"renewAt"}, {"restarts"}, {"revision"}, {"role"},
    {"rootDevice"}, {"rotationLacks"}, {"roundTripMilliseconds"}, {"roundTripSeconds"}, {"rows"}, {"said"},
    {"schema"}, {"seconds"}, {"setAsideBytes"}, {"severity"}, {"silentVoters"}, {"since"}, {"size"}, {"sizeBytes"},
    {"sizeGib"}, {"snapshotId"}, {"source"}, {"sources"}, {"spans"}, {"stages"}, {"start"}, {"started"}, {"state"},
    {"stays"}, {"step"}, {"steps"}, {"subject"}, {"tags", KeyKind::names}, {"taken"}, {"text"}, {"timeout"},
    {"timing"}, {"tokens"}, {"took"}, {"trouble"}, {"type"}, {"userspace"}, {"version"},
    {"volumeExceededIopsMicroseconds"}, {"volumeExceededThroughputMicroseconds"}, {"volumeId"},
    {"volumeIopsMicroseconds"}, {"volumeThroughputMicroseconds"}, {"volumes"}, {"voters"}, {"waiting"},
    {"walFsyncSeconds"}, {"warm"}, {"warnings"}, {"what"}, {"windowMilliseconds"}, {"writeBytes"},
    {"writeMicroseconds"}, {"writeOps"}, {"wrong"}, {"zone"}, {"zoneId"}};

constexpr AllowedKey kKubernetes[] = {{"add"}, {"address"}, {"advertise-client-urls"}, {"allowedUnsafeSysctls"},
    {"annotations"}, {"anonymous"}, {"apiVersion"}, {"args"}, {"authentication"}, {"authorization"},
    {"auto-compaction-mode"}, {"auto-compaction-retention"}, {"backend-batch-interval"}, {"backend-batch-limit"},
    {"bindAddress"}, {"burst"}, {"cacheAuthorizedTTL"}, {"cacheTTL"}, {"cacheUnauthorizedTTL"}, {"capabilities"},
    {"cert-file"}, {"cgroupDriver"}, {"cgroupRoot"}, {"cgroupsPerQOS"}, {"cipher-suites"}, {"client-cert-auth"},
    {"client-transport-security"}, {"clientCAFile"}, {"clientConnection"}, {"clusterCIDR"}, {"clusterDNS"},
    {"clusterDomain"}, {"command", KeyKind::flags}, {"compaction-batch-limit"}, {"conditions"}, {"conntrack"},
    {"containerLogMaxFiles"}, {"containerLogMaxSize"}, {"containerRuntimeEndpoint"}, {"containers"},
    {"corrupt-check-time"}, {"cpu"}, {"cpuManagerPolicy"}, {"cpuManagerReconcilePeriod"}, {"crashLoopBackOff"},
    {"data-dir"}, {"defaultConstraints"}, {"defaultingType"}, {"disabled"}, {"dnsPolicy"}, {"drop"}, {"effect"},
    {"election-timeout"}, {"emptyDir"}, {"enable-grpc-gateway"}, {"enable-pprof"}, {"enableControllerAttachDetach"},
    {"enableDebuggingHandlers"}, {"enableProfiling"}, {"enableServer"}, {"enabled"}, {"endpoint"},
    {"enforceNodeAllocatable"}, {"env"}, {"ephemeral-storage"}, {"ephemeralContainers"}, {"eventBurst"},
    {"eventRecordQPS"}, {"evictionHard"}, {"evictionMaxPodGracePeriod"}, {"evictionMinimumReclaim"},
    {"evictionPressureTransitionPeriod"}, {"evictionSoft"}, {"evictionSoftGracePeriod"}, {"exec"},
    {"experimental-corrupt-check-time"}, {"experimental-initial-corrupt-check"},
    {"experimental-watch-progress-notify-interval"}, {"failSwapOn"}, {"failureThreshold"}, {"feature-gates"},
    {"featureGates", KeyKind::names}, {"fileCheckFrequency"}, {"filter"}, {"flushFrequency"}, {"format"}, {"fsGroup"},
    {"group"}, {"haagent.io/config-hash", KeyKind::id}, {"hairpinMode"}, {"healthzBindAddress"}, {"healthzPort"},
    {"heartbeat-interval"}, {"host"}, {"hostNetwork"}, {"hostPath"}, {"hostnameOverride"}, {"hosts"},
    {"httpCheckFrequency"}, {"httpGet"}, {"image"}, {"imageGCHighThresholdPercent"}, {"imageGCLowThresholdPercent"},
    {"imageMaximumGCAge"}, {"imageMinimumGCAge"}, {"imagePullPolicy"}, {"imageServiceEndpoint"},
    {"imagefs.available"}, {"imagefs.inodesFree"}, {"initContainers"}, {"initial-advertise-peer-urls"},
    {"initial-cluster"}, {"initial-cluster-state"}, {"initialDelaySeconds"}, {"iptables"}, {"ipvs"},
    {"kernelMemcgNotification"}, {"key"}, {"key-file"}, {"kind"}, {"kubeReserved"}, {"kubeReservedCgroup"},
    {"kubeconfig"}, {"labels", KeyKind::names}, {"leaderElect"}, {"leaderElection"}, {"leaseDuration"}, {"level"},
    {"lifecycle"}, {"limits"}, {"listen-client-urls"}, {"listen-metrics-urls"}, {"listen-peer-urls"},
    {"livenessProbe"}, {"localStorageCapacityIsolation"}, {"log-level"}, {"log-outputs"}, {"logger"}, {"logging"},
    {"masqueradeAll"}, {"masqueradeBit"}, {"matchLabels", KeyKind::names}, {"max-request-bytes"}, {"max-snapshots"},
    {"max-wals"}, {"maxContainerRestartPeriod"}, {"maxParallelImagePulls"}, {"maxPerCore"}, {"maxPods"}, {"maxSkew"},
    {"medium"}, {"memory"}, {"memory.available"}, {"memoryManagerPolicy"}, {"memorySwap"}, {"metadata"}, {"metrics"},
    {"metricsBindAddress"}, {"min"}, {"minSyncPeriod"}, {"mode"}, {"mountPath"}, {"name"}, {"namespace"},
    {"namespaces"}, {"nftables"}, {"node"}, {"nodeIP"}, {"nodeLabels", KeyKind::names}, {"nodeLeaseDurationSeconds"},
    {"nodeSelector", KeyKind::names}, {"nodeStatusReportFrequency"}, {"nodeStatusUpdateFrequency"},
    {"nodefs.available"}, {"nodefs.inodesFree"}, {"nonResourceURLs"}, {"omitManagedFields"}, {"omitStages"},
    {"operator"}, {"path"}, {"peer-transport-security"}, {"periodSeconds"}, {"pid"}, {"pid.available"},
    {"pluginConfig"}, {"plugins"}, {"podCIDR"}, {"podPidsLimit"}, {"podsPerCore"}, {"port"}, {"pre-vote"},
    {"preStop"}, {"priority"}, {"priorityClassName"}, {"privileged"}, {"profiles"}, {"protectKernelDefaults"},
    {"providerID"}, {"qps"}, {"quota-backend-bytes"}, {"readOnly"}, {"readOnlyPort"}, {"readinessProbe"},
    {"registerNode"}, {"registerWithTaints"}, {"registryBurst"}, {"registryPullQPS"}, {"renewDeadline"}, {"requests"},
    {"reservedSystemCPUs"}, {"resolvConf"}, {"resourceNames"}, {"resources"}, {"restartPolicy"}, {"retryPeriod"},
    {"rotateCertificates"}, {"rules"}, {"runAsGroup"}, {"runAsUser"}, {"runtimeRequestTimeout"}, {"scheduler"},
    {"schedulerName"}, {"scheme"}, {"score"}, {"seccompDefault"}, {"seccompProfile"}, {"securityContext"},
    {"serializeImagePulls"}, {"serverTLSBootstrap"}, {"shutdownGracePeriod"}, {"shutdownGracePeriodByPodPriority"},
    {"shutdownGracePeriodCriticalPods"}, {"sizeLimit"}, {"snapshot-count"}, {"socket-reuse-port"}, {"spec"},
    {"startupProbe"}, {"staticPodPath"}, {"streamingConnectionIdleTimeout"}, {"strict-reconfig-check"}, {"strictARP"},
    {"subPath"}, {"successThreshold"}, {"supplementalGroups"}, {"swapBehavior"}, {"syncFrequency"}, {"syncPeriod"},
    {"sysctls"}, {"systemReserved"}, {"systemReservedCgroup"}, {"tcpCloseWaitTimeout"}, {"tcpEstablishedTimeout"},
    {"terminationGracePeriodSeconds"}, {"timeoutSeconds"}, {"tls-min-version"}, {"tlsCertFile"}, {"tlsCipherSuites"},
    {"tlsMinVersion"}, {"tlsPrivateKeyFile"}, {"tolerations"}, {"topologyKey"}, {"topologyManagerPolicy"},
    {"topologyManagerScope"}, {"trusted-ca-file"}, {"type"}, {"unsafe-no-fsync"}, {"userGroups"}, {"users"},
    {"verbosity"}, {"verbs"}, {"volumeMounts"}, {"volumePluginDir"}, {"volumeStatsAggPeriod"}, {"volumes"},
    {"wal-dir"}, {"watch-progress-notify-interval"}, {"webhook"}, {"whenUnsatisfiable"}, {"workingDir"}, {"x509"}};

constexpr AllowedKey kLog[] = {{"CIDR"}, {"HAAGENT_REASON"}, {"HAAGENT_STEP"}, {"NAME"}, {"UID", KeyKind::id},
    {"URI"}, {"added-peer-id", KeyKind::id}, {"added-peer-peer-urls"}, {"addr"}, {"address"},
    {"advertise-client-urls"}, {"apf_fs"}, {"apf_pl"}, {"apiVersion"}, {"applied-index"}, {"attempt"}, {"attempts"},
    {"audit"}, {"auto-compaction-mode"}, {"auto-compaction-retention"}, {"backoff"}, {"barrier"}, {"boot"}, {"bytes"},
    {"caller"}, {"cause"}, {"cidr"}, {"cipher-suites"}, {"client-urls"}, {"cluster-id", KeyKind::id},
    {"cluster-version"}, {"code"}, {"commit"}, {"committed-index"}, {"common-name"}, {"compact-revision"},
    {"component"}, {"container"}, {"containerID", KeyKind::id}, {"containerName"}, {"controller"},
    {"controllerGroup"}, {"count"}, {"current-revision"}, {"data"}, {"data-dir"}, {"device"}, {"dir"}, {"direct"},
    {"discard"}, {"duration"}, {"elapsed-time"}, {"election-timeout"}, {"endpoint"}, {"endpoints"}, {"err"},
    {"error"}, {"errors"}, {"etcd-cluster-id", KeyKind::id}, {"etcd-version"}, {"event"}, {"exitCode"},
    {"expected-duration"}, {"expected-time"}, {"expected-timeout"}, {"fd"}, {"file"}, {"first-index"},
    {"forward-duration"}, {"forward-ticks"}, {"from"}, {"from-member-id", KeyKind::id}, {"gid"}, {"git-sha"},
    {"go-arch"}, {"go-os"}, {"go-version"}, {"goVersion"}, {"goos"}, {"gracePeriod"}, {"heartbeat-interval"},
    {"hook"}, {"hostname"}, {"id-hex", KeyKind::id}, {"image"}, {"index"}, {"initial-advertise-peer-urls"},
    {"initial-cluster-state"}, {"inode64"}, {"interface"}, {"interval"}, {"kind"}, {"last-index"}, {"lastError"},
    {"latency"}, {"leader", KeyKind::id}, {"leader-changed"}, {"level"}, {"listen-address"}, {"listen-client-urls"},
    {"listen-peer-urls"}, {"local-addr"}, {"local-member", KeyKind::id}, {"local-member-cluster-id", KeyKind::id},
    {"local-member-id", KeyKind::id}, {"local-server-name"}, {"local-server-version"}, {"logbsize"}, {"logbufs"},
    {"logger"}, {"lowerdir"}, {"master"}, {"max-cpu-available"}, {"max-cpu-set"}, {"max-request-bytes"}, {"maxWait"},
    {"maxproto"}, {"member-dir"}, {"member-id", KeyKind::id}, {"member-initialized"}, {"memory_recursiveprot"},
    {"message"}, {"metacopy"}, {"minproto"}, {"mode"}, {"msg"}, {"name"}, {"namespace"}, {"newPodStatus"},
    {"newState"}, {"noatime"}, {"node"}, {"node-ip"}, {"nodeName"}, {"nodev"}, {"noexec"}, {"nosuid"}, {"nr_inodes"},
    {"nsdelegate"}, {"object"}, {"observedNodeCPU"}, {"oldPodStatus"}, {"oldState"}, {"path"}, {"peer-id"},
    {"peer-url"}, {"peer-urls"}, {"pgrp"}, {"phase"}, {"pipe_ino"}, {"plugin"}, {"pluginName"}, {"pod"}, {"podCIDR"},
    {"podSandboxID", KeyKind::id}, {"podUID", KeyKind::id}, {"pods"}, {"pre-vote"}, {"prefix"}, {"probe"},
    {"probeType"}, {"publish-timeout"}, {"quota"}, {"quota-backend-bytes"}, {"quota-name"}, {"quota-size-bytes"},
    {"raft-term", KeyKind::id}, {"rafthttp-transport"}, {"range_end"}, {"ready"}, {"reason"}, {"reconcileID"},
    {"region"}, {"relatime"}, {"remote-addr"}, {"remote-member-id", KeyKind::id}, {"remote-peer-id", KeyKind::id},
    {"request"}, {"request-path"}, {"resp"}, {"response"}, {"restartCount"}, {"retry"}, {"revision"}, {"ro"}, {"rw"},
    {"sandboxID", KeyKind::id}, {"server-name"}, {"server-version"}, {"service"}, {"severity"}, {"shared"},
    {"signal"}, {"size"}, {"snapshot-count"}, {"snapshot-index"}, {"snapshot-term"}, {"source"}, {"srcIP"},
    {"stacktrace"}, {"state"}, {"status"}, {"step"}, {"step-reason"}, {"stream-reader-type"}, {"stream-type"},
    {"stream-writer-type"}, {"stripe"}, {"suffix"}, {"sunit"}, {"swidth"}, {"syncPeriod"}, {"term"}, {"time"},
    {"timeout"}, {"to"}, {"to-member-id", KeyKind::id}, {"took"}, {"took-in"}, {"took-ms"}, {"ts"}, {"type"}, {"uid",
    KeyKind::id}, {"unit"}, {"upperdir"}, {"user-name"}, {"userAgent"}, {"uuid"}, {"verb"}, {"version"}, {"volumeID"},
    {"volumeName"}, {"vote", KeyKind::id}, {"wal-dir"}, {"workdir"}, {"workers"}, {"xino"}, {"zone"}};

constexpr AllowedKey kUnits[] = {{"ActiveEnterTimestamp"}, {"ActiveState"}, {"BUILD_ID"}, {"CPUUsageNSec"},
    {"DropInPaths"}, {"ExecMainCode"}, {"ExecMainStartTimestamp"}, {"ExecMainStatus"}, {"FragmentPath"}, {"ID"},
    {"ID_LIKE"}, {"IMAGE_ID"}, {"IMAGE_VERSION"}, {"Id"}, {"InvocationID", KeyKind::id}, {"KUBELET_KUBEADM_ARGS",
    KeyKind::flags}, {"LoadState"}, {"MainPID"}, {"MemoryCurrent"}, {"MemoryMax"}, {"MemoryPeak"}, {"NAME"},
    {"NRestarts"}, {"NeedDaemonReload"}, {"OOMScoreAdjust"}, {"PLATFORM_ID"}, {"PRETTY_NAME"}, {"Restart"},
    {"RestartUSec"}, {"Result"}, {"StateChangeTimestamp"}, {"StatusText"}, {"SubState"}, {"TasksCurrent"},
    {"TimeoutStartUSec"}, {"Type"}, {"UnitFileState"}, {"VARIANT"}, {"VARIANT_ID"}, {"VERSION"}, {"VERSION_CODENAME"},
    {"VERSION_ID"}, {"WatchdogUSec"}};

constexpr std::string_view kFlags[] = {"address", "advertise-address", "advertise-client-urls", "allocate-node-cidrs",
    "anonymous-auth", "api-audiences", "authorization-mode", "auto-compaction-mode", "bind-address", "boot",
    "bootstrap-kubeconfig", "cert-dir", "cgroup-driver", "cloud-provider", "cluster", "cluster-cidr", "cluster-name",
    "config", "container-runtime-endpoint", "controllers", "data-dir", "disable-admission-plugins",
    "enable-admission-plugins", "etcd-servers", "etcd-servers-overrides", "feature-gates", "hostname-override", "id",
    "initial-advertise-peer-urls", "initial-cluster", "initial-cluster-state", "kubeconfig",
    "kubelet-preferred-address-types", "leader-elect", "listen-client-urls", "listen-peer-urls", "lock-object-name",
    "log-format", "log-level", "log-opt", "logger", "logging-format", "name", "namespace", "node-ip", "node-labels",
    "node-name", "oidc-groups-claim", "oidc-username-claim", "out", "output", "pod-infra-container-image", "priority",
    "property", "proxy-mode", "register-with-taints", "requestheader-allowed-names",
    "requestheader-extra-headers-prefix", "requestheader-group-headers", "requestheader-username-headers",
    "resource-name", "role", "root", "root-dir", "runtime-config", "service-account-issuer",
    "service-cluster-ip-range", "service-node-port-range", "set-cluster", "snapshot-count", "state",
    "storage-media-type", "tls-cipher-suites", "tls-min-version", "unit", "v", "vmodule", "wal-dir"};

constexpr std::string_view kLabels[] = {"From", "To", "action", "addon", "authority", "cause", "certificate",
    "client_api_version", "cluster", "code", "device", "etcd", "files", "fstype", "generation", "group", "grpc_code",
    "grpc_method", "grpc_service", "grpc_type", "holds", "instance_id", "job", "kubernetes", "le", "local", "method",
    "mountpoint", "name", "node", "operation", "phase", "quantile", "reason", "remote", "resource", "result", "role",
    "server_go_version", "server_id", "server_version", "service", "state", "step", "type", "verb", "version",
    "volume_id", "zone"};

constexpr std::string_view kFamilies[] = {"etcd_", "go_", "grpc_", "haagent_", "os_fd_", "process_", "promhttp_"};
// clang-format on

template <class Table>
bool holds(Table const& table, std::string_view word) {
  return std::ranges::binary_search(table, word);
}

}  // namespace

Keys own_keys() {
  return kOwn;
}
Keys kubernetes_keys() {
  return kKubernetes;
}
Keys log_keys() {
  return kLog;
}
Keys unit_keys() {
  return kUnits;
}

std::optional<KeyKind> kind_of(Keys keys, std::string_view name) {
  auto const found = std::ranges::lower_bound(keys, name, {}, &AllowedKey::name);
  if (found == keys.end() || found->name != name) return std::nullopt;
  return found->kind;
}

bool is_allowed_flag(std::string_view name) {
  return holds(kFlags, name);
}
bool is_allowed_label(std::string_view name) {
  return holds(kLabels, name);
}
bool is_allowed_metric(std::string_view name) {
  return std::ranges::any_of(kFamilies,
                             [&](std::string_view family) { return name.starts_with(family); });
}

}  // namespace haagent::bundle
