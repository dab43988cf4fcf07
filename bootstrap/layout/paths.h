// Where kubeadm puts them, and for what kubeadm has no place, beside them. Anyone who writes the
// certificates takes their paths from here.
#pragma once

namespace haagent::bootstrap::kube {

inline constexpr char kManifests[] = "/etc/kubernetes/manifests";
inline constexpr char kKubeletConfig[] = "/var/lib/kubelet/config.yaml";
// KUBELET_KUBEADM_ARGS, as kubeadm's own unit drop-in reads it; ours reads the same file.
inline constexpr char kKubeletFlags[] = "/var/lib/kubelet/kubeadm-flags.env";
inline constexpr char kKubeletKubeconfig[] = "/etc/kubernetes/kubelet.conf";
inline constexpr char kBootstrapKubeconfig[] = "/etc/kubernetes/bootstrap-kubelet.conf";
inline constexpr char kControllerManagerKubeconfig[] = "/etc/kubernetes/controller-manager.conf";
inline constexpr char kSchedulerKubeconfig[] = "/etc/kubernetes/scheduler.conf";
inline constexpr char kKubeProxyKubeconfig[] = "/etc/kubernetes/kube-proxy.conf";
inline constexpr char kAdminKubeconfig[] = "/etc/kubernetes/admin.conf";
inline constexpr char kSchedulerConfig[] = "/etc/kubernetes/kube-scheduler.yaml";
inline constexpr char kKubeProxyConfig[] = "/etc/kubernetes/kube-proxy.yaml";

// The settings of `haagent pod-network`, and its report to the agent.
inline constexpr char kPodNetworkSettings[] = "/etc/kubernetes/haagent-pod-network.yaml";
inline constexpr char kPodNetworkReport[] = "/run/haagent/pod-network.json";

inline constexpr char kPki[] = "/etc/kubernetes/pki";
// With which keys secrets are encrypted. In a folder that the apiserver mounts whole, so that it
// sees a file that takes this one's place.
inline constexpr char kEncryptionConfig[] = "/etc/kubernetes/pki/encryption.yaml";
inline constexpr char kCa[] = "/etc/kubernetes/pki/ca.crt";

// A client certificate and its key. kubeadm embeds these in the kubeconfigs; as files they are
// renewed without touching the kubeconfig, and the clients read them again by themselves. Each has
// a folder of its own, since a pod that mounts a file keeps the old one when it is replaced, and
// one that mounts all of pki could read the keys of the CAs.
struct ClientCertificate {
  char const* cert;
  char const* key;
};
inline constexpr char kKubeletPki[] = "/var/lib/kubelet/pki";
inline constexpr ClientCertificate kKubeletClient{
    "/var/lib/kubelet/pki/kubelet-client-current.pem",
    "/var/lib/kubelet/pki/kubelet-client-current.pem"};
// What the kubelet shows on its port 10250; it reads the two again by itself.
inline constexpr ClientCertificate kKubeletServer{"/var/lib/kubelet/pki/kubelet.crt",
                                                  "/var/lib/kubelet/pki/kubelet.key"};
inline constexpr ClientCertificate kControllerManagerClient{
    "/etc/kubernetes/pki/kube-controller-manager/client.crt",
    "/etc/kubernetes/pki/kube-controller-manager/client.key"};
inline constexpr ClientCertificate kSchedulerClient{
    "/etc/kubernetes/pki/kube-scheduler/client.crt",
    "/etc/kubernetes/pki/kube-scheduler/client.key"};
inline constexpr ClientCertificate kKubeProxyClient{"/etc/kubernetes/pki/kube-proxy/client.crt",
                                                    "/etc/kubernetes/pki/kube-proxy/client.key"};
inline constexpr ClientCertificate kAdminClient{"/etc/kubernetes/pki/admin/client.crt",
                                                "/etc/kubernetes/pki/admin/client.key"};

}  // namespace haagent::bootstrap::kube
