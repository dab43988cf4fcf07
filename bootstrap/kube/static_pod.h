// The manifest of a static pod, shaped as kubeadm shapes it.
#pragma once

#include <string>
#include <vector>

#include "bootstrap/kube/flags.h"
#include "bootstrap/kube/node.h"
#include "bootstrap/kube/rendered_file.h"

namespace haagent::bootstrap::kube {

struct HostPath {
  std::string name;
  std::string path;
  std::string type;  // "Directory", "File", "DirectoryOrCreate", "FileOrCreate"
  bool read_only = true;
};

struct Probes {
  std::string host;
  std::string port;
  std::string live;   // path; kubeadm's start-up probe asks the same
  std::string ready;  // path; empty: no readiness probe
  bool tcp = false;   // only that the port answers
};

struct StaticPod {
  Component component;
  std::vector<std::string> command;
  std::string cpu;  // request: "250m"
  std::vector<HostPath> mounts;
  std::optional<Probes> probes;
  bool privileged = false;
  // The files that it reads at its start. Their hash stands in an annotation, so that the kubelet
  // restarts the pod when one changes: a mounted file stays the old one when it is replaced.
  std::vector<RenderedFile const*> reads;
  // Of the trust in etcd that it has at its start, which is no file that haagent renders here.
  std::string etcd_trust_hash = {};
};

Tree to_tree(Node const& node, StaticPod const& pod);

// As the annotation has it.
std::string hash_of_reads(std::vector<RenderedFile const*> const& reads);

// Where the component serves, seen from this node: its final --bind-address (or the loopback, where
// that is "all of them") and --secure-port.
Probes probe_target(Node const& node, Flags const& flags, std::string_view port);

// `over` laid on a pod as a strategic merge does it: maps by key, lists of named things
// (containers, volumes, volumeMounts, env) by mountPath or name, other lists replaced.
Tree merge_pod(Tree under, Tree const& over);

// /etc/kubernetes/manifests/<program>.yaml
std::string manifest_path(Component component);

// The host's own CA certificates, read-only: for identity providers and webhooks outside.
std::vector<HostPath> host_ca_mounts();

}  // namespace haagent::bootstrap::kube
