// Which nodes there are, and which pods each has: Node objects of the apiserver, and what is seen
// of them in a watch.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/cidr.h"
#include "agent/base/result.h"
#include "agent/base/tree.h"

namespace haagent::bootstrap::pod_network {

struct PodNode {
  std::string name;
  std::string address;  // InternalIP, IPv4
  std::string cidr;     // "10.244.3.0/24": its pods
  std::string created;  // RFC 3339
  bool operator==(PodNode const&) const = default;
};

// Nothing where kube-controller-manager has given it no range yet, or it has no address.
std::optional<PodNode> pod_node_of(Tree const& node);

class NodeTable {
 public:
  // A page of a list; its items are added.
  void add(Tree const& list);
  // One event of a watch: true where it changes nodes(). Errors: transient where the watch is too
  // old to go on (410), and the list has to be asked for again; invalid for what is no event.
  Result<bool> apply(Tree const& event);

  std::vector<PodNode> nodes() const;
  std::optional<PodNode> find(std::string_view name) const;
  std::string const& version() const { return version_; }  // resourceVersion to go on from

 private:
  std::map<std::string, PodNode, std::less<>> nodes_;
  std::string version_;
};

// The nodes to which this node routes: their ranges are within the cluster's and do not overlap
// with each other's or with addresses of nodes. A kubelet can write any range into the Node that it
// creates, so the older of two Nodes with one range gets it. `left_out`: the names of the others.
struct Peers {
  std::vector<PodNode> nodes;
  std::vector<std::string> left_out;
};
Peers trusted_peers(std::vector<PodNode> all, std::string_view own, Cidr const& pods);

}  // namespace haagent::bootstrap::pod_network
