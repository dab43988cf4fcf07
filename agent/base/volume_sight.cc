#include "agent/base/volume_sight.h"

#include <utility>

namespace haagent {

VolumeSight VolumeSight::of(FileDescriptor root, std::filesystem::path mount_point, dev_t device,
                            VolumeMarker marker) {
  VolumeSight sight;
  sight.root_ = std::move(root);
  sight.mount_point_ = std::move(mount_point);
  sight.device_ = device;
  sight.marker_ = std::move(marker);
  return sight;
}

VolumeSight VolumeSight::none(std::filesystem::path mount_point, UnseenVolume why) {
  VolumeSight sight;
  sight.mount_point_ = std::move(mount_point);
  sight.unseen_ = std::move(why);
  return sight;
}

std::filesystem::path VolumeSight::path() const {
  return fmt::format("/proc/self/fd/{}", root_.get());
}

bool VolumeSight::same_as(VolumeSight const& other) const {
  return seen() && other.seen() && device_ == other.device_ && marker_ == other.marker_;
}

std::string VolumeSight::in_words(std::string text) const {
  auto const mine = path().string();
  for (std::size_t at = 0; seen() && (at = text.find(mine, at)) != text.npos;) {
    auto const end = at + mine.size();
    // Not where it is the beginning of another number.
    if (end < text.size() && text[end] >= '0' && text[end] <= '9') {
      at = end;
      continue;
    }
    text.replace(at, mine.size(), mount_point_.string());
    at += mount_point_.string().size();
  }
  return text;
}

std::string copied_from(VolumeMarker const& marker, std::string const& volume_id,
                        std::string const& snapshot_id) {
  if (marker.volume_id != volume_id)
    return snapshot_id.empty() ? marker.volume_id
                               : fmt::format("{} (from {})", marker.volume_id, snapshot_id);
  return marker.snapshot_id == snapshot_id ? "" : snapshot_id;
}

void make_own(VolumeMarker& marker, std::string const& volume_id, std::string const& snapshot_id) {
  marker.volume_id = volume_id;
  marker.snapshot_id = snapshot_id;
}

}  // namespace haagent
