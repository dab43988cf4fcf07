// One look at the volume of a member: what is true of it now, and not what a row of the boot list
// found some time ago. A volume is seen only where the directory at its mount point is the root of
// the filesystem on the volume's own block device, and haagent.json there names this cluster and
// this member. Everything else is "not seen", with the reason, and decides about nobody: an empty
// directory of the root disk looks just like a blank volume.
//
// What is seen is held by a descriptor. Anyone who goes on through path() reads and writes the
// volume, whatever is mounted or unmounted at the mount point meanwhile.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>

#include "agent/base/facts.h"
#include "agent/base/file_descriptor.h"
#include "agent/base/message.h"
#include "agent/base/volume_marker.h"

namespace haagent {

// Why a volume is not seen, and what the operator is to do.
struct UnseenVolume {
  Message message{Reason::VolumeUnmounted, ""};
  // The volume is here, and its filesystem takes no writes: it went read-only after an error, or
  // was shut down. No member can run on it.
  bool failed = false;
  bool operator==(UnseenVolume const&) const = default;
};

class VolumeSight {
 public:
  VolumeSight() = default;
  static VolumeSight of(FileDescriptor root, std::filesystem::path mount_point, dev_t device,
                        VolumeMarker marker);
  static VolumeSight none(std::filesystem::path mount_point, UnseenVolume why);

  bool seen() const { return static_cast<bool>(root_); }
  // Of one that is not seen.
  UnseenVolume const& unseen() const { return unseen_; }

  // Of one that is seen. "/proc/self/fd/17": of this process alone.
  std::filesystem::path path() const;
  VolumeMarker const& marker() const { return marker_; }
  // Whether it is the volume that the other one saw, and haagent.json says the same.
  bool same_as(VolumeSight const& other) const;

  // For other programs, and for words.
  std::filesystem::path const& mount_point() const { return mount_point_; }
  FileDescriptor release() { return std::move(root_); }
  // The text with the mount point where it says path().
  std::string in_words(std::string text) const;

 private:
  FileDescriptor root_;
  std::filesystem::path mount_point_;
  dev_t device_ = 0;
  VolumeMarker marker_;
  UnseenVolume unseen_;
};

// Looks at this machine's volumes of etcd. Safe to use from several threads.
class OwnVolumes {
 public:
  virtual ~OwnVolumes() = default;
  // Never writes, and keeps nothing. A failure is reported as the reason why it is not seen.
  virtual VolumeSight see(EtcdCluster cluster, EtcdVolume const& volume) = 0;
};

// Whose data a volume holds, where they are a copy: "vol-1", "vol-1 (from snap-2)", "snap-2"; empty
// where they are its own. They are a copy where haagent.json names another volume, and where the
// volume was made from a snapshot and haagent.json does not say that its member has started over on
// this very volume, or that an operator has accepted the data on it.
std::string copied_from(VolumeMarker const& marker, std::string const& volume_id,
                        std::string const& snapshot_id);
// From now on the data on the volume are its own.
void make_own(VolumeMarker& marker, std::string const& volume_id, std::string const& snapshot_id);

}  // namespace haagent
