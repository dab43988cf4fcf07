// The rows of the boot list that end with a mounted etcd volume: volume-<cluster>,
// device-<cluster>, filesystem-<cluster>, mount-<cluster>, and space-<cluster>. The rows of both
// clusters share one view of EC2.
//
// How the boot list runs them: volume rows look every second or less (EC2 is asked less often by
// itself), and afterwards all of them are looked at only, never acted on again.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/base/files.h"
#include "agent/base/filesystem_space.h"
#include "agent/base/node_config.h"
#include "agent/base/step.h"
#include "volumes/attach.h"
#include "volumes/disks.h"
#include "volumes/own_volumes.h"

namespace haagent::volumes {

// Each comes after the one before it.
struct VolumeSteps {
  std::unique_ptr<Step> volume, device, filesystem, mount, space;
};
struct ReleaseSteps {
  std::unique_ptr<Step> unmount, detach;
};

class Volumes {
 public:
  // Everything must outlive this, and this the steps. Reads config.cluster.name and config.volumes.
  Volumes(NodeConfig const& config, Root root, aws::Ec2& ec2, aws::RegionView& region, Clock& clock,
          Devices& devices, Disks& disks, Mounts& mounts);

  VolumeSteps steps(EtcdCluster cluster, Filesystems& filesystems);

  // Hand the volume over to the next instance. They also do for an agent that was killed in
  // between, of whose facts nothing is left.
  ReleaseSteps release_steps(EtcdCluster cluster);

  // What is true of this machine's volumes at the moment, for anyone who is to work on them.
  OwnVolumes& own() { return own_; }

 private:
  friend class VolumeStep;
  friend class DeviceStep;
  friend class FilesystemStep;
  friend class MountStep;
  friend class SpaceStep;
  friend class UnmountStep;
  friend class DetachStep;

  // The volume that this instance holds, by the facts or the record.
  Result<std::optional<EtcdVolume>> held(EtcdCluster cluster, Facts& facts);
  Result<void> unmount(EtcdCluster cluster, BlockDevice const& device);
  std::string mount_point(EtcdCluster cluster) const;  // "/var/lib/haagent-etcd/main"
  std::filesystem::path real_mount_point(EtcdCluster cluster) const;  // as mountinfo has it

  NodeConfig const& config_;
  Root root_;
  Clock& clock_;
  Devices& devices_;
  Disks& disks_;
  Mounts& mounts_;
  SystemVolumes own_;
  Inventory inventory_;
  Record record_;
  Attacher attacher_;
};

}  // namespace haagent::volumes
