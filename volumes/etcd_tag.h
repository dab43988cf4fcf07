// The tags that say which etcd member a volume belongs to, read as kops writes them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/aws/ec2.h"
#include "agent/base/facts.h"
#include "agent/base/volume_tags.h"

namespace haagent::volumes {

// The value "a/a,b,c": this member, and all members.
struct EtcdTag {
  std::string member;
  std::vector<std::string> members;
  bool operator==(EtcdTag const&) const = default;
};

// Invalid unless it is <member>/<members> within EC2's 256 characters, the member is one of them,
// each stands there once and is a DNS label (a member's name becomes part of a host name).
Result<EtcdTag> parse_etcd_tag(std::string_view value);

// k8s.io/role/control-plane=1, or k8s.io/role/master=1 as older kops wrote it.
bool has_master_role(aws::Volume const& volume);

// What crosses to the other parts. `instance_id` and `device_name` are those of the attachment.
EtcdVolume to_etcd_volume(aws::Volume const& volume, EtcdTag const& tag);

}  // namespace haagent::volumes
