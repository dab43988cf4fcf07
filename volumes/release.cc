#include "volumes/release.h"

#include <algorithm>

namespace haagent::volumes {
namespace {

Done released(std::string const& volume_id, std::string text) {
  return Done{Message(Reason::VolumeReleased, std::move(text)).about(volume_id)};
}

Done holds_none(EtcdCluster cluster) {
  return Done{Message(Reason::NoVolumeHeld,
                      fmt::format("this master holds no volume of {}", to_string(cluster)))
                  .about(std::string(to_string(cluster)))};
}

}  // namespace

Result<std::optional<EtcdVolume>> Volumes::held(EtcdCluster cluster, Facts& facts) {
  auto identity = TRY(facts.identity.require("identity"));
  auto volume = facts.etcd(cluster).volume.get();
  return volume ? volume : record_.find(identity.instance_id, cluster);
}

Result<Finding> UnmountStep::look(Facts& facts, std::stop_token) {
  auto volume = TRY(volumes_.held(cluster_, facts));
  if (!volume) return holds_none(cluster_);
  auto device = TRY(volumes_.devices_.find(*volume));
  auto const& id = volume->volume_id;
  if (!device) return released(id, id + " has no disk here");
  auto mounts = TRY(volumes_.mounts_.list());
  auto mount = std::ranges::find(mounts, device->number, &Mount::device);
  if (mount == mounts.end()) return released(id, id + " is not mounted");
  return Needed{Message(Reason::VolumeToRelease,
                        fmt::format("write {} back and unmount it from {}", id, mount->mount_point))
                    .about(fmt::format("{} at {}", id, mount->mount_point)),
                act_of(*this, &UnmountStep::unmount, facts)};
}

Result<void> UnmountStep::unmount(Facts& facts, std::stop_token) {
  auto volume = TRY(volumes_.held(cluster_, facts));
  if (!volume) return {};
  auto device = TRY(volumes_.devices_.find(*volume));
  if (device) TRY(volumes_.unmount(cluster_, *device));
  facts.etcd(cluster_).mount.clear();
  return {};
}

Result<Finding> DetachStep::look(Facts& facts, std::stop_token stop) {
  auto held = TRY(volumes_.held(cluster_, facts));
  if (held) volume_ = *held;
  if (!volume_) return holds_none(cluster_);
  auto const& id = volume_->volume_id;
  auto const instance = facts.identity.get()->instance_id;
  auto shown = TRY(volumes_.inventory_.volume(id, Duration(0), std::move(stop)));
  auto mine = std::ranges::find(shown.attachments, instance, &aws::Attachment::instance_id);
  if (mine == shown.attachments.end())
    return released(id, fmt::format("{} is {}", id,
                                    shown.attachments.empty()
                                        ? "free"
                                        : "attached to " + shown.attachments.front().instance_id));
  auto const waits = [&](std::string text) {
    return Waiting{Message(Reason::VolumeChanging, std::move(text)).about(id + ' ' + mine->state)};
  };
  if (mine->state == "detaching" || mine->state == "busy")
    return waits(fmt::format("{} is {}", id, mine->state));
  if (mine->state == "detached") return released(id, id + " is detached");
  // A describe that lags shows `attached` for some seconds after the call: asked for once.
  if (!held) return waits(id + " is still shown as attached");
  return Needed{
      Message(Reason::VolumeToRelease, fmt::format("detach {} ({})", id, volume_->device_name))
          .about(id),
      act_of(*this, &DetachStep::detach, facts)};
}

Result<void> DetachStep::detach(Facts& facts, std::stop_token stop) {
  if (!volume_) return {};
  auto device = TRY(volumes_.devices_.find(*volume_));
  if (device) {
    auto mounts = TRY(volumes_.mounts_.list());
    auto left = std::ranges::find(mounts, device->number, &Mount::device);
    if (left != mounts.end())
      return fail(Kind::refused, Reason::VolumeInUse,
                  "{} is still mounted at {}: it is not detached", volume_->volume_id,
                  left->mount_point);
  }
  auto const instance = facts.identity.get()->instance_id;
  TRY(volumes_.inventory_.detach({.volume_id = volume_->volume_id,
                                  .instance_id = instance,
                                  .device = volume_->device_name,
                                  .force = false,
                                  .why = {}},
                                 std::move(stop)));
  auto& etcd = facts.etcd(cluster_);
  etcd.device.clear();
  etcd.volume.clear();
  return volumes_.record_.forget(instance, cluster_);
}

}  // namespace haagent::volumes
