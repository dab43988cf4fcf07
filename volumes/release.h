#pragma once

#include "volumes/cluster_step.h"

namespace haagent::volumes {

// `unmount-<cluster>`: what etcd has written goes to the disk, then the volume is unmounted; never
// lazily, for a disk that is still in use must not be detached. Comes after etcd has ended. Needs
// no EC2 and no fact but identity: the record says which volume, so that an agent that was killed
// in between goes on.
class UnmountStep final : public ClusterStep {
 public:
  UnmountStep(Volumes& volumes, EtcdCluster cluster)
      : ClusterStep(row_names::kUnmount, volumes, cluster) {}
  Result<Finding> look(Facts& facts, std::stop_token stop) override;

 private:
  Result<void> unmount(Facts& facts, std::stop_token stop);
};

// `detach-<cluster>`: DetachVolume without force, of the volume that is on record as ours, until
// EC2 shows that this instance no longer has it. A volume that is mounted anywhere is not detached.
class DetachStep final : public ClusterStep {
 public:
  DetachStep(Volumes& volumes, EtcdCluster cluster)
      : ClusterStep(row_names::kDetach, volumes, cluster) {}
  Result<Finding> look(Facts& facts, std::stop_token stop) override;

 private:
  Result<void> detach(Facts& facts, std::stop_token stop);
  std::optional<EtcdVolume> volume_;  // once known: the record forgets it
};

}  // namespace haagent::volumes
