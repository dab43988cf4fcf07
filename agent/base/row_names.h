// The names of the rows of the boot list. A step's name() and the `after` of what comes later use
// the same constant, so that a row cannot wait for a name that no step has.
#pragma once

#include <string>
#include <string_view>

#include "agent/base/facts.h"

namespace haagent::row_names {

inline constexpr char kIdentity[] = "identity";
inline constexpr char kConfig[] = "config";
inline constexpr char kClock[] = "clock";
inline constexpr char kCloudWatch[] = "cloudwatch";
inline constexpr char kSpace[] = "space";  // the node's own; of a cluster: its etcd volume's
inline constexpr char kPki[] = "pki";
inline constexpr char kServiceAccount[] = "service-account";
inline constexpr char kHosts[] = "hosts";
inline constexpr char kAnnounce[] = "announce";
inline constexpr char kJoin[] = "join";
inline constexpr char kAddons[] = "addons";
inline constexpr char kNodeLabels[] = "node-labels";
inline constexpr char kNodeRecords[] = "node-records";
inline constexpr char kEncryption[] = "encryption";
inline constexpr char kVersionSkew[] = "version-skew";
inline constexpr char kKubeFiles[] = "kube-files";
inline constexpr char kKubeProxy[] = "kube-proxy";
inline constexpr char kPodNetwork[] = "pod-network";
inline constexpr char kKubelet[] = "kubelet";
inline constexpr char kControlPlane[] = "control-plane";
inline constexpr char kApiserver[] = "apiserver";
inline constexpr char kKubeletHealth[] = "kubelet-health";
inline constexpr char kKubeProxyHealth[] = "kube-proxy-health";
inline constexpr char kNode[] = "node";
inline constexpr char kWithdraw[] = "withdraw";
inline constexpr char kLaunchingHook[] = "launching-hook";
inline constexpr char kTerminatingHook[] = "terminating-hook";

// One for each etcd cluster: of_cluster(kMount, cluster) is "mount-main".
inline constexpr char kVolume[] = "volume";
inline constexpr char kDevice[] = "device";
inline constexpr char kFilesystem[] = "filesystem";
inline constexpr char kMount[] = "mount";
inline constexpr char kUnmount[] = "unmount";
inline constexpr char kDetach[] = "detach";
inline constexpr char kEtcd[] = "etcd";
inline constexpr char kStore[] = "store";
inline constexpr char kBackup[] = "backup";
inline constexpr char kMaintenance[] = "maintenance";
inline constexpr char kLeader[] = "leader";
inline constexpr char kStopEtcd[] = "stop-etcd";

inline std::string of_cluster(std::string_view row, EtcdCluster cluster) {
  return std::string(row) + "-" + std::string(to_string(cluster));
}

}  // namespace haagent::row_names
