#include "volumes/steps.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "volumes/cluster_step.h"
#include "volumes/filesystem_step.h"
#include "volumes/mount_step.h"
#include "volumes/release.h"
#include "volumes/space_step.h"

namespace haagent::volumes {

class VolumeStep final : public ClusterStep {
 public:
  VolumeStep(Volumes& volumes, EtcdCluster cluster)
      : ClusterStep(row_names::kVolume, volumes, cluster) {}

  Result<Finding> look(Facts& facts, std::stop_token stop) override {
    seen_ = volumes_.devices_.news();
    return volumes_.attacher_.look(cluster_, facts, stop);
  }
  // A disk that turns up is the first sign that an attachment is done.
  void pause(Clock&, Duration at_most, std::stop_token stop) override {
    volumes_.devices_.wait(seen_, at_most, stop);
  }

 private:
  std::uint64_t seen_ = 0;
};

class DeviceStep final : public ClusterStep {
 public:
  DeviceStep(Volumes& volumes, EtcdCluster cluster)
      : ClusterStep(row_names::kDevice, volumes, cluster) {}

  Result<Finding> look(Facts& facts, std::stop_token) override {
    seen_ = volumes_.devices_.news();
    auto& etcd = facts.etcd(cluster_);
    auto volume = TRY(etcd.volume.require("volume"));
    auto device =
        TRY_DURING(volumes_.devices_.find(volume), "looking for the disk of {}", volume.volume_id);
    if (!device) {
      etcd.device.clear();
      return Waiting{
          Message(Reason::DeviceMissing,
                  fmt::format("{} is attached as {}, but its disk is not here yet (disks here: {})",
                              volume.volume_id, volume.device_name,
                              fmt::join(volumes_.devices_.local().names, ", ")))
              .about(volume.volume_id)};
    }
    etcd.device.set(*device);
    return Done{
        Message(Reason::DeviceFound, fmt::format("{} is {}", volume.volume_id, device->path))
            .about(fmt::format("{} {}", volume.volume_id, device->path))};
  }
  // However long the pause is to be: events may be lost, so it looks again every second.
  void pause(Clock&, Duration at_most, std::stop_token stop) override {
    volumes_.devices_.wait(seen_, std::min(at_most, Duration(1'000)), stop);
  }

 private:
  std::uint64_t seen_ = 0;
};

Volumes::Volumes(NodeConfig const& config, Root root, aws::Ec2& ec2, aws::RegionView& region,
                 Clock& clock, Devices& devices, Disks& disks, Mounts& mounts)
    : config_(config),
      root_(std::move(root)),
      clock_(clock),
      devices_(devices),
      disks_(disks),
      mounts_(mounts),
      own_(config, root_, devices, mounts),
      inventory_(ec2, region, clock, config.cluster.name),
      record_(root_),
      attacher_({.cluster = config.cluster.name,
                 .force_detach_terminated = config.volumes.force_detach_terminated},
                inventory_, clock, record_, devices_, mounts_) {}

VolumeSteps Volumes::steps(EtcdCluster cluster, Filesystems& filesystems) {
  return {.volume = std::make_unique<VolumeStep>(*this, cluster),
          .device = std::make_unique<DeviceStep>(*this, cluster),
          .filesystem = std::make_unique<FilesystemStep>(*this, cluster),
          .mount = std::make_unique<MountStep>(*this, cluster),
          .space = std::make_unique<SpaceStep>(*this, cluster, filesystems)};
}

ReleaseSteps Volumes::release_steps(EtcdCluster cluster) {
  return {.unmount = std::make_unique<UnmountStep>(*this, cluster),
          .detach = std::make_unique<DetachStep>(*this, cluster)};
}

// What is mounted at the mount point need not be ours; then it is not ours to unmount. While our
// disk is mounted anywhere, it must not be detached.
Result<void> Volumes::unmount(EtcdCluster cluster, BlockDevice const& device) {
  auto mounts = mounts_.list();
  if (!mounts) return std::unexpected(mounts.error());
  auto point = real_mount_point(cluster);
  auto const* mount = mount_at(*mounts, point.string());
  if (mount && mount->device == device.number) {
    TRY(mounts_.unmount(point));
    mounts = mounts_.list();
    if (!mounts) return std::unexpected(mounts.error());
  }
  auto left = std::ranges::find(*mounts, device.number, &Mount::device);
  if (left == mounts->end()) return {};
  return fail(Kind::transient, Reason::VolumeInUse, "{} is still mounted at {}", device.path,
              left->mount_point);
}

std::string Volumes::mount_point(EtcdCluster cluster) const {
  return (std::filesystem::path(config_.volumes.mount_root) / to_string(cluster)).string();
}

std::filesystem::path Volumes::real_mount_point(EtcdCluster cluster) const {
  return real_path(mount_point_below(root_, config_, cluster));
}

}  // namespace haagent::volumes
