// What must be true of a node's place in AWS: identity, clock, permissions, volumes, group,
// endpoint, peers, state store. Each judgement is pure: what was seen in, sentences out.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/aws/autoscaling.h"
#include "agent/aws/ec2.h"
#include "agent/aws/permissions.h"
#include "agent/base/facts.h"
#include "agent/base/node_config.h"
#include "agent/base/space.h"
#include "agent/preflight/finding.h"
#include "agent/preflight/reach.h"

namespace haagent::preflight {

Finding judge_metadata(aws::MetadataOptions const& options);

// AWS's time minus ours; nothing where nobody told.
Finding judge_clock(std::optional<Duration> ahead);

struct Asked {
  enum class Answer { allowed, denied, unknown, untried };
  Answer answer = Answer::untried;
  std::string why;  // denied, unknown: the error; untried: the reason, or empty
};
// By action.
using Permissions = std::map<std::string, Asked, std::less<>>;
// One sentence for what may be done, one for each that may not, one for those that nobody knows of.
Findings judge_permissions(Permissions const& asked, Role role,
                           std::vector<std::string> const& only);

struct VolumeFacts {
  std::string cluster;  // cluster.name
  std::string instance_id;
  std::string zone;
  // All with a tag that has to do with etcd, other clusters' among them.
  std::vector<aws::Volume> volumes;
  std::string region = {};
  std::map<EtcdCluster, std::uint64_t> quota = {};  // quotaBackendBytes
};
Findings judge_volumes(VolumeFacts const& facts);
// Those of this cluster, as the boot looks for them.
std::vector<aws::Volume> own_volumes(VolumeFacts const& facts);

// The room of the volumes that are mounted here.
Findings judge_room(std::vector<EtcdVolumeSpace> const& mounted);

struct GroupFacts {
  std::optional<aws::GroupMember> member;
  std::vector<aws::LifecycleHook> hooks;
};
Findings judge_group(GroupFacts const& facts, Role role, std::string const& launching,
                     std::string const& terminating);

struct EndpointFacts {
  std::string host;
  int port = 443;
  std::vector<std::string> addresses;  // as the host resolves
  std::string resolve_trouble;         // why it does not; or empty
  std::vector<Reached> reached;        // one an address and try
  // How it answers as an API: a status, or why there is none. Neither: nobody asked.
  std::optional<int> status;
  std::optional<Error> trouble;
  std::string untold;  // why nobody asked
  bool master = false;
  bool own_apiserver = false;  // this machine's own takes connections
};
Findings judge_endpoint(EndpointFacts const& facts);

struct PeerFacts {
  std::string instance_id;
  std::vector<Reached> reached;  // one a port
};
Finding judge_peer(PeerFacts const& peer);

struct StoreFacts {
  std::string where;                // "s3://prod-haagent/prod.example.com"
  std::string bucket_region;        // of a bucket; empty: not told, or it is no bucket
  std::string region;               // of this instance
  bool takes_false_writes = false;  // a write on a condition that does not hold was carried out
  bool folder = false;
  bool folder_exists = false;
};
Findings judge_store(StoreFacts const& facts);

}  // namespace haagent::preflight
