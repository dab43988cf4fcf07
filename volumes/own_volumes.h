// OwnVolumes over this machine's disks and mounts: the volume's own device is looked up again each
// time (one that was detached and attached again has another number), the mount point is opened,
// and what is open is held against both.
#pragma once

#include <filesystem>
#include <string>

#include "agent/base/files.h"
#include "agent/base/node_config.h"
#include "agent/base/volume_sight.h"
#include "volumes/device.h"
#include "volumes/mount.h"

namespace haagent::volumes {

class SystemVolumes final : public OwnVolumes {
 public:
  // All of it outlives this. Reads config.cluster.name and config.volumes.mount_root.
  SystemVolumes(NodeConfig const& config, Root root, Devices& devices, Mounts& mounts)
      : config_(config), root_(std::move(root)), devices_(devices), mounts_(mounts) {}
  VolumeSight see(EtcdCluster cluster, EtcdVolume const& volume) override;

 private:
  NodeConfig const& config_;
  Root root_;
  Devices& devices_;
  Mounts& mounts_;
};

// "/var/lib/haagent-etcd/main", below the root.
std::filesystem::path mount_point_below(Root const& root, NodeConfig const& config,
                                        EtcdCluster cluster);
// The same as mountinfo has it, without symlinks.
std::filesystem::path real_path(std::filesystem::path const& path);

inline constexpr char kTakesNoWrites[] =
    "accepts no more writes: it went read-only or was shut down, as the kernel does after an "
    "error "
    "of the disk or the filesystem";
// What mounts a volume again that was there: nobody does it while the node runs, since anyone who
// took the mount away may be at work on the disk.
std::string how_to_mount_again(EtcdCluster cluster);
// What repairs a filesystem that failed.
std::string how_to_repair(EtcdCluster cluster, std::filesystem::path const& mount_point);

}  // namespace haagent::volumes
