// What an operator is told to run about volumes, as whole commands of the AWS command line client
// that can be pasted into a shell.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "agent/aws/ec2.h"
#include "agent/base/facts.h"

namespace haagent::volumes {

// The cluster's name as a value. The boot goes by kubernetes.io/cluster/<name>; the policies of
// packaging/aws let a master's role at volumes that carry this one.
inline constexpr std::string_view kClusterTag = "KubernetesCluster";

struct NewVolume {
  std::string region;   // "eu-west-1"
  std::string zone;     // "eu-west-1a"
  std::string cluster;  // "prod.example.com"
  EtcdCluster etcd = EtcdCluster::main;
  std::string member;                // "a"
  std::vector<std::string> members;  // "a", "b", "c"
  std::uint64_t size_gib = 20;
  std::string type = "gp3";
};

// "aws ec2 create-volume ... --tag-specifications 'ResourceType=volume,Tags=[...]'". A value with
// commas stands in double quotes: without them the client's shorthand makes a list of it.
std::string create_volume_command(NewVolume const& volume);

// "aws ec2 create-tags ... --tags 'Key=...,Value=...' ..."
std::string tag_command(std::string const& region, std::string const& volume_id,
                        std::map<std::string, std::string> const& tags);

// The volume to make for a member of the cluster's that has none, as like the others as it can be;
// where the cluster has no volumes at all, the first of three members, in a zone of its own. `own`:
// the cluster's volumes with tags that can be read.
struct EtcdVolumeInEc2 {
  EtcdVolume volume;
  std::string type;
};
NewVolume volume_to_make(std::string const& region, std::string const& zone,
                         std::string const& cluster, EtcdCluster etcd, std::string const& member,
                         std::vector<EtcdVolumeInEc2> const& own);

}  // namespace haagent::volumes
