// What EC2 said last of an etcd cluster's volumes, how long ago, and since when their tags have
// said it. The time is given.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/aws/region_view.h"
#include "agent/base/clock.h"
#include "agent/base/facts.h"

namespace haagent::bootstrap {

struct Evidence {
  std::vector<EtcdVolume> volumes;
  // Of either cluster: they carry a cluster's id, and no tag of a member any more.
  std::vector<EtcdVolume> retired;
  Duration age{0};             // of that answer
  Duration tags_agree_for{0};  // from the first of the answers, this one the last, in which every
                               // volume's tag listed the members that it lists now
};

class RegionEvidence {
 public:
  // An answer for all volumes. `cluster` is the Kubernetes cluster's name.
  void take(aws::RegionSnapshot const& answer, std::string const& cluster);
  // What the boot saw before EC2 was asked here. It is no evidence: nobody says how old it is.
  void seed(EtcdCluster cluster, std::vector<EtcdVolume> volumes);

  std::vector<EtcdVolume> const& volumes(EtcdCluster cluster) const;
  // Of EC2's last answer. Nothing where EC2 was not asked.
  std::optional<Duration> age(SteadyTime now) const;
  // The same.
  std::optional<Evidence> evidence(EtcdCluster cluster, SteadyTime now) const;

 private:
  using Lists = std::map<std::string, std::set<std::string>>;  // members, by volume
  struct Tags {
    Lists lists;
    SteadyTime since;
  };
  std::map<EtcdCluster, std::vector<EtcdVolume>> volumes_;
  std::vector<EtcdVolume> retired_;
  std::optional<SteadyTime> answered_;
  std::map<EtcdCluster, Tags> tags_;
};

}  // namespace haagent::bootstrap
