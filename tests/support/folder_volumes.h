// OwnVolumes over plain folders below a root: what stands at the mount point is the volume, unless
// the test says that it is not seen.
#pragma once

#include <fcntl.h>

#include <functional>
#include <optional>

#include "agent/base/files.h"
#include "agent/base/volume_sight.h"

namespace haagent::test {

class FolderVolumes final : public OwnVolumes {
 public:
  explicit FolderVolumes(Root root) : root_(std::move(root)) {}

  std::optional<UnseenVolume> unseen;
  // Called before each look: the world changes between two of them.
  std::function<void(int looks)> on_look;
  int looks = 0;

  std::filesystem::path mount_point(EtcdCluster cluster) const {
    return root_("/var/lib/haagent-etcd") / to_string(cluster);
  }

  VolumeSight see(EtcdCluster cluster, EtcdVolume const& volume) override {
    ++looks;
    if (on_look) on_look(looks);
    auto const point = mount_point(cluster);
    if (unseen) return VolumeSight::none(point, *unseen);
    FileDescriptor root(::open(point.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!root)
      return VolumeSight::none(
          point, {.message = {Reason::VolumeUnmounted, "there is no folder", "make it"}});
    auto marker = read_volume_marker(point);
    // Most tests' volumes have none: they are the volume's own.
    VolumeMarker const plain{.member = volume.member,
                             .members = volume.members,
                             .volume_id = volume.volume_id,
                             .snapshot_id = volume.snapshot_id};
    if (!marker)
      return VolumeSight::none(
          point, {.message = {Reason::VolumeUnmounted, marker.error().message.text, "see to it"}});
    return VolumeSight::of(std::move(root), point, 0, marker->value_or(plain));
  }

 private:
  Root const root_;
};

}  // namespace haagent::test
