#pragma once

#include <map>

#include "agent/base/filesystem_space.h"
#include "agent/base/space.h"
#include "volumes/cluster_step.h"
#include "volumes/ebs_watch.h"

namespace haagent::volumes {

// `space-<cluster>`: whether the volume has room. Waiting while it is full, so that its node is not
// ready. Where its disk has grown, the filesystem follows: a full volume is helped without a
// restart of anything. Comes after mount-<cluster>, which ties the mount point to the volume; here
// the device is compared again, in the same moment as the figures are read. It is also the look at
// what EBS counts of the volume, which it only reports.
class SpaceStep final : public ClusterStep {
 public:
  SpaceStep(Volumes& volumes, EtcdCluster cluster, Filesystems& filesystems)
      : ClusterStep(row_names::kSpace, volumes, cluster),
        filesystems_(filesystems),
        ebs_(volumes.disks_, volumes.clock_) {}
  Result<Finding> look(Facts& facts, std::stop_token stop) override;

 private:
  struct Growth {
    BlockDevice device;
    std::string filesystem;
    Message message;
  };
  Result<void> grow(Growth const& growth, Facts& facts, std::stop_token stop);
  bool tried_lately(BlockDevice const& device) const;
  Result<std::optional<Growth>> growth(BlockDevice const& known, std::string const& filesystem,
                                       EtcdVolume const& volume);
  std::vector<SetAside> set_aside();

  Filesystems& filesystems_;
  EbsWatch ebs_;
  // Of a disk that the filesystem did not follow: its bytes, why, and when that was tried.
  std::uint64_t not_grown_to_ = 0;
  std::string why_not_grown_;
  SteadyTime tried_to_grow_{};
  std::map<std::string, std::uint64_t> set_aside_sizes_;  // nobody changes them
};

}  // namespace haagent::volumes
