#include "volumes/filesystem.h"

namespace haagent::volumes {
namespace {

bool can_mount(std::string const& type) {
  return type == "ext4" || type == "xfs";
}

// On a disk that is blank, or holds a filesystem that our own mkfs has not finished.
FilesystemDecision decide_unmade(EtcdVolume const& volume, BlockDevice const& device,
                                 std::string_view reads_as, Make make) {
  auto refuse = [&](std::string_view why, Reason reason = Reason::VolumeDataMissing,
                    std::string what_to_do = "if its data is known to be lost, use a new volume") {
    return RefuseDisk{Message(reason,
                              fmt::format("{} on {} {}, but {}; no filesystem is made on it",
                                          volume.volume_id, device.path, reads_as, why),
                              std::move(what_to_do))
                          .about(volume.volume_id)};
  };
  if (!volume.formatted_at.empty())
    return refuse(fmt::format("haagent formatted it at {}", volume.formatted_at));
  if (!volume.etcd_cluster_id.empty())
    return refuse(fmt::format("its member has joined the etcd cluster {}", volume.etcd_cluster_id));
  if (!volume.snapshot_id.empty())
    return refuse(fmt::format("it was made from the snapshot {}", volume.snapshot_id));
  if (device.bytes != volume.size_gib << 30u)
    return refuse(
        fmt::format("the disk has {} bytes and the volume {} GiB", device.bytes, volume.size_gib),
        Reason::DiskChanged);
  if (!can_mount(make.type))
    return refuse(fmt::format("'{}' is neither ext4 nor xfs", make.type),
                  Reason::FilesystemUnsupported, "set volumes.filesystem to ext4 or xfs");
  return make;
}

}  // namespace

FilesystemDecision decide_filesystem(Probe const& probe, EtcdVolume const& volume,
                                     BlockDevice const& device, std::string const& wanted) {
  if (auto const* foreign = std::get_if<Foreign>(&probe))
    return RefuseDisk{
        Message(Reason::DiskNotBlank,
                fmt::format("{} on {} holds {}, and is left as it is", volume.volume_id,
                            device.path, foreign->what),
                "look at what it is, and take the etcd tags off the volume if it is no etcd data")
            .about(volume.volume_id)};
  if (auto const* formatted = std::get_if<Formatted>(&probe)) {
    if (!can_mount(formatted->type))
      return RefuseDisk{
          Message(Reason::FilesystemUnsupported,
                  fmt::format("{} on {} holds {} (label '{}'), and haagent mounts only ext4 "
                              "and xfs: it is left as it is",
                              volume.volume_id, device.path, formatted->type, formatted->label))
              .about(volume.volume_id)};
    if (volume.formatted_at.empty()) return Tag{formatted->type};
    return Ready{formatted->type};
  }
  auto making = making_of(volume);
  if (auto const* half = std::get_if<HalfMade>(&probe)) {
    if (making && (making->type != half->type || making->uuid != half->uuid)) making.reset();
    if (making || !volume.formatted_at.empty() || !volume.etcd_cluster_id.empty())
      return decide_unmade(volume, device, "holds an unfinished filesystem",
                           Make{.type = half->type, .again = making});
    return RefuseDisk{
        Message(Reason::DiskNotBlank,
                fmt::format("{} on {} holds an unfinished {}, and its tags do not say that haagent "
                            "has begun it; it is left as it is",
                            volume.volume_id, device.path, half->type),
                "if its data is known to be lost, use a new volume")
            .about(volume.volume_id)};
  }
  if (making && making->type != wanted) making.reset();
  return decide_unmade(volume, device, "reads as blank", Make{.type = wanted, .again = making});
}

std::string filesystem_label(std::string const& type, EtcdCluster cluster) {
  return fmt::format("{}-{}", type == "xfs" ? "etcd" : "haagent", to_string(cluster));
}

}  // namespace haagent::volumes
