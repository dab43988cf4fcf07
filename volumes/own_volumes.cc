#include "volumes/own_volumes.h"

namespace haagent::volumes {
namespace {

// What haagent.json says that does not fit; empty: it is this member's.
std::string misfit(VolumeMarker const& marker, std::string_view cluster, std::string_view etcd,
                   std::string_view member) {
  for (auto const& [name, is, wanted] :
       {std::tuple{"cluster", std::string_view(marker.cluster), cluster},
        std::tuple{"etcd cluster", std::string_view(marker.etcd), etcd},
        std::tuple{"member", std::string_view(marker.member), member}})
    if (is != wanted)
      return fmt::format("the haagent.json there is that of {} '{}', and not of '{}'", name, is,
                         wanted);
  return "";
}

}  // namespace

std::filesystem::path mount_point_below(Root const& root, NodeConfig const& config,
                                        EtcdCluster cluster) {
  return root(std::filesystem::path(config.volumes.mount_root) / to_string(cluster));
}

std::filesystem::path real_path(std::filesystem::path const& path) {
  std::error_code error;
  auto real = std::filesystem::weakly_canonical(path, error);
  return error ? path : real;
}

std::string how_to_mount_again(EtcdCluster cluster) {
  return fmt::format(
      "run 'systemctl stop haagent-etcd@{}' where that still runs, then 'systemctl restart "
      "haagent': it checks the filesystem and mounts it",
      to_string(cluster));
}

std::string how_to_repair(EtcdCluster cluster, std::filesystem::path const& mount_point) {
  return fmt::format(
      "see what the kernel says of the disk ('dmesg'), then run 'systemctl stop haagent-etcd@{}', "
      "'umount {}' and 'systemctl restart haagent', which checks the filesystem and mounts it; "
      "where the disk is broken, put a blank volume with the same tags in its place",
      to_string(cluster), mount_point.string());
}

VolumeSight SystemVolumes::see(EtcdCluster cluster, EtcdVolume const& volume) {
  auto const& id = volume.volume_id;
  auto const point = mount_point_below(root_, config_, cluster);
  auto none = [&](Reason reason, std::string why, std::string advice) {
    return VolumeSight::none(point, {.message = {reason, std::move(why), std::move(advice)},
                                     .failed = reason == Reason::FilesystemFailed});
  };
  auto device = devices_.find(volume);
  if (!device)
    return none(
        device.error().message.reason,
        fmt::format("the disk of {} cannot be told: {}", id, device.error().message.sentence()),
        "see which of this machine's disks it is");
  if (!*device)
    return none(Reason::VolumeGone, fmt::format("the disk of {} is not on this machine", id),
                fmt::format("see in EC2 where {} is; attached here again, {}", id,
                            how_to_mount_again(cluster)));
  auto const names = fmt::format("{} ({})", id, (*device)->path);
  auto const real = real_path(point);
  auto opened = mounts_.open(real);
  if (!opened && has_failed(opened.error()))
    return none(Reason::FilesystemFailed,
                fmt::format("the filesystem of {} has failed: {}", names,
                            opened.error().message.sentence()),
                how_to_repair(cluster, point));
  auto mounts = mounts_.list();
  if (!mounts)
    return none(mounts.error().message.reason, mounts.error().message.sentence(),
                "see that /proc is mounted");
  auto const* mount = mount_at(*mounts, real.string());
  if (!mount || !opened || opened->device != mount->device)
    return none(Reason::VolumeUnmounted,
                fmt::format("{} is not mounted at {}", names, point.string()),
                how_to_mount_again(cluster));
  if (mount->device != (*device)->number)
    return none(
        Reason::MountedElsewhere,
        fmt::format("{} is mounted at {}, where {} belongs", mount->source, point.string(), names),
        fmt::format("unmount it there; then {}", how_to_mount_again(cluster)));
  if (mount->root != "/")
    return none(Reason::MountedElsewhere,
                fmt::format("only {} of {} is mounted at {}", mount->root, names, point.string()),
                fmt::format("unmount it there; then {}", how_to_mount_again(cluster)));
  if (opened->read_only || mount->read_only)
    return none(Reason::FilesystemFailed,
                fmt::format("{} at {} {}", names, point.string(), kTakesNoWrites),
                how_to_repair(cluster, point));
  // A path through the descriptor enters what is mounted further down, too: an empty filesystem at
  // its data directory looks just like a blank volume.
  if (auto const* inside = mount_below(*mounts, real.string()))
    return none(Reason::MountedElsewhere,
                fmt::format("{} is mounted at {}, inside of {}", inside->source,
                            inside->mount_point, names),
                fmt::format("run 'systemctl stop haagent-etcd@{}' where that still runs, then "
                            "'umount {}'",
                            to_string(cluster), inside->mount_point));
  // By the descriptor from here on.
  auto sight = VolumeSight::of(std::move(opened->fd), point, opened->device, {});
  auto marker = read_volume_marker(sight.path());
  if (!marker && has_failed(marker.error()))
    return none(Reason::FilesystemFailed,
                fmt::format("the filesystem of {} has failed: {}", names,
                            sight.in_words(marker.error().message.sentence())),
                how_to_repair(cluster, point));
  if (!marker)
    return none(Reason::VolumeUnidentified, sight.in_words(marker.error().message.sentence()),
                "put its haagent.json right");
  if (!*marker)
    return none(Reason::VolumeUnidentified,
                fmt::format("{} has no haagent.json: nothing says that it is the volume of {}",
                            point.string(), volume.member),
                how_to_mount_again(cluster));
  if (auto const words = misfit(**marker, config_.cluster.name, to_string(cluster), volume.member);
      !words.empty())
    return none(Reason::VolumeOfAnotherMember,
                fmt::format("{} is mounted at {}, but {}", names, point.string(), words),
                "see whose disk it is, and put its tags or its haagent.json right");
  return VolumeSight::of(sight.release(), point, opened->device, **std::move(marker));
}

}  // namespace haagent::volumes
