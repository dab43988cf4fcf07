// Which etcd volumes this master holds, takes, waits for or refuses: one pure function over what is
// known of the region, for main and events together. It neither reads nor writes anything.
//
// - What is mine stays mine; nothing is ever taken beside it.
// - main decides: a master takes the events volume of the member whose main volume it holds, so
// that
//   two masters that race in one zone end with a whole pair each, or one of them waits.
// - Whatever could put a member's data at risk is refused, with the volumes named.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "agent/aws/ec2.h"
#include "agent/aws/etcd_volume.h"
#include "agent/base/clock.h"
#include "agent/base/facts.h"
#include "agent/base/message.h"

namespace haagent::volumes {

// What is the case, as EC2, this machine and its config say. One assembly: observe.h.
struct Observed {
  std::string cluster;      // "prod.example.com"
  std::string instance_id;  // this instance
  std::string zone;
  std::string region = {};  // "eu-west-1"
  bool force_detach_terminated = false;

  // The etcd volumes of the cluster, of all zones, as the last describe showed them.
  std::vector<aws::Volume> volumes;
  // Those that were asked for: owners whose state matters, and this one once a name was rejected.
  std::map<std::string, aws::Instance> instances;
  // All volumes with a tag that has to do with etcd, where they were asked for (Plan::looks_wider).
  std::vector<aws::Volume> wider;

  // What this machine knows by itself.
  std::set<std::string> present;                // volume ids with a local disk of that serial
  std::vector<std::string> local_names;         // names of local disks: "xvda"
  std::set<std::string> in_use;                 // volume ids whose local disk is mounted
  std::map<EtcdCluster, std::string> recorded;  // volume ids in this instance's own record

  SteadyTime now;
};

// An AttachVolume call of ours that EC2 answered, or that is under way. Believed while describes
// still show the volume as it was before.
struct Belief {
  std::string device;
  SteadyTime since;
};

// What this process knows better than a describe that may be stale. By volume id.
struct Remembered {
  std::map<std::string, Belief> beliefs;
  std::map<std::string, SteadyTime> attaching_since;  // first seen attaching here
  // Volumes whose AttachVolume ended without a plain answer, and why: "another instance took it".
  // They are neither attached again nor passed over for another until a describe tells more.
  std::map<std::string, Message> unsettled;
  // Volumes that we have asked EC2 to detach: on their way out, whatever a describe shows.
  std::set<std::string> letting_go;
  // Volumes that EC2 goes on to show as free, though their disk is here: for longer than describes
  // lag, so that the disk says nothing.
  std::set<std::string> free_for_long;
  std::vector<std::string> tried_names;  // "/dev/sdf": rejected, stuck or given back this boot
};

struct Mine {  // attached here, and fit to go on with
  EtcdVolume volume;
};
struct Attach {
  EtcdVolume volume;
  std::string device;  // "/dev/sdf"
};
struct Detach {  // held wrongly, stuck, or owned by a terminated instance where that is asked for
  std::string volume_id;
  std::string instance_id;
  std::string device;
  bool force = false;
  Message why;  // "vol-2 is a second ..."
};
struct Wait {
  Message message;
};
struct Refuse {
  Message message;
};
using Choice = std::variant<Mine, Attach, Detach, Wait, Refuse>;

struct Plan {
  Choice main = Wait{};
  Choice events = Wait{};
  std::set<std::string> owners;  // instances whose state would make a sentence or a choice better
  // A volume is missing: whether there is one that nearly fits would make the sentence better.
  bool looks_wider = false;

  Choice& of(EtcdCluster cluster) { return cluster == EtcdCluster::main ? main : events; }
  Choice const& of(EtcdCluster cluster) const {
    return cluster == EtcdCluster::main ? main : events;
  }
};

Plan choose(Observed const& observed, Remembered const& remembered);

// An attachment that is `attaching` for longer than this is stuck: it is given up without force,
// and another name is tried.
inline constexpr Duration kStuckAttaching{90'000};

}  // namespace haagent::volumes
