// An EBS volume as one of etcd's: what its tags, written as kops writes them, and its attachment
// say. The one reader of them: the rows of volumes, the peers and the recovery commands see the
// same.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/aws/ec2.h"
#include "agent/base/facts.h"
#include "agent/base/volume_tags.h"

namespace haagent::aws {

// The value "a/a,b,c": this member, and all members.
struct EtcdTag {
  std::string member;
  std::vector<std::string> members;
  bool operator==(EtcdTag const&) const = default;
};

// Invalid unless it is <member>/<members> within EC2's 256 characters, the member is one of them,
// each stands there once and is a DNS label (a member's name becomes part of a host name).
Result<EtcdTag> parse_etcd_tag(std::string_view value);

// Nothing where it has no tag of this etcd cluster. Where the tag cannot be read, tag_error says
// why, and neither a member nor members are known: such a volume is nobody's, and still there.
std::optional<EtcdVolume> etcd_volume_of(Volume const& volume, EtcdCluster cluster);

// The same of a volume whose tag of a member was taken off: it names no member.
EtcdVolume untagged_etcd_volume(Volume const& volume);

// The volumes of this etcd cluster, by their ids, those with a bad tag included. `cluster_name` is
// the Kubernetes cluster that must own them: "prod.example.com".
std::vector<EtcdVolume> etcd_volumes_of(std::vector<Volume> const& volumes,
                                        std::string_view cluster_name, EtcdCluster cluster);

// kubernetes.io/cluster/<cluster_name>=owned
bool is_owned_by(Volume const& volume, std::string_view cluster_name);

// Of either cluster, whatever the tag says.
bool has_etcd_tag(Volume const& volume);

// k8s.io/role/control-plane=1, or k8s.io/role/master=1 as older kops wrote it.
bool has_master_role(Volume const& volume);

}  // namespace haagent::aws
