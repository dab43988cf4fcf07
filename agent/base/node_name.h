// The name that Kubernetes knows this machine by: in --hostname-override, in the kubelet's and the
// kube-proxy's configuration, and in every certificate. One formula, so that they cannot disagree.
#pragma once

#include <string>
#include <string_view>

#include "agent/base/facts.h"

namespace haagent {

struct NodeName {
  std::string name;
  // Why it is not what instance metadata says, letter by letter; empty where it is. "the VPC's
  // domain makes 71 characters of it, and a node's name has 63 at most".
  std::string note{};
};

// From metadata's local-hostname: "ip-10-0-0-5.eu-west-1.compute.internal", or with whatever the
// VPC's DHCP options name as domain: upper-case letters, several domains behind each other, a dot
// at the end, more than 63 characters. The first word, in lower case, without dots at its end.
// Where Kubernetes takes no such name, its first label, which is unique in a VPC by itself
// ("ip-10-0-0-5", "i-0123456789abcdef0"); where that is none either, the instance's id. The cloud
// controller finds the instance by the node's provider id, whatever its name is.
NodeName node_name_of(std::string_view local_hostname, std::string_view instance_id);

// "the node's name is 'ip-10-0-0-5', not '...' as metadata has it: ..."; empty where they are one.
std::string node_name_note(Identity const& identity);

// "ip-10-0-0-5" of "ip-10-0-0-5.eu-west-1.compute.internal".
std::string first_label(std::string_view host);

// RFC 1123's subdomain, and short enough for the value of the label kubernetes.io/hostname, which
// the kubelet sets to it: 63 characters.
bool is_node_name(std::string_view name);

}  // namespace haagent
