// Disks in memory, with directories on them, and what a machine sees and does of them: Devices,
// Disks and Mounts. A filesystem's files are real ones: they lie in a folder of the volume's own,
// which a mount moves to the mount point and an unmount moves back.
//
// What must never happen is noted in violations: a filesystem made on a disk that ever held data,
// and a second one made on any disk.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/base/filesystem_space.h"
#include "tests/support/ebs_page_bytes.h"
#include "tests/support/fake_ec2.h"
#include "tests/support/power.h"
#include "volumes/device.h"
#include "volumes/disks.h"
#include "volumes/mount.h"

namespace haagent::test {

struct ModelDisk {
  volumes::Probe contents = volumes::Blank{};
  bool readable = true;
  bool held_data = false;  // once at least, whatever it reads as now
  bool forgets = false;    // loses what is written to it
  int made = 0;            // filesystems
  std::uint64_t bytes = 20ull << 30u;
  std::uint64_t used = 1ull << 30u;
  Duration appears_after{1'000};  // an AttachVolume
  dev_t number = 0;
};

class DiskModel {
 public:
  DiskModel(std::filesystem::path folder, FakeEc2& ec2, Clock& clock)
      : folder_(std::move(folder)), ec2_(ec2), clock_(clock) {}

  ModelDisk& add(std::string const& volume_id, ModelDisk disk);
  void remove(std::string const& volume_id) { disks_.erase(volume_id); }
  ModelDisk& at(std::string const& volume_id) { return disks_.at(volume_id); }
  // Where the files of a volume that is not mounted lie.
  std::filesystem::path files_of(std::string const& volume_id) const { return folder_ / volume_id; }
  void note(std::string violation) { violations_.push_back(std::move(violation)); }
  std::vector<std::string> const& violations() const { return violations_; }

 private:
  friend class MachineDisks;
  std::filesystem::path folder_;
  FakeEc2& ec2_;
  Clock& clock_;
  std::map<std::string, ModelDisk> disks_;
  unsigned numbers_ = 0;
  std::map<std::string, UtcTime> attached_at_;
  std::vector<std::string> violations_;
};

class MachineDisks final : public volumes::Devices,
                           public volumes::Disks,
                           public volumes::Mounts,
                           public Filesystems {
 public:
  MachineDisks(DiskModel& model, std::string instance_id, Power& power)
      : model_(model), instance_id_(std::move(instance_id)), power_(power) {}

  std::vector<volumes::Mount> foreign_mounts;  // beside those made here
  bool swapped = false;                        // the kernel finds the later attachment first
  FilesystemSpace root{.device = 1, .size = 100ull << 30u, .avail = 50ull << 30u};

  void attached(std::string const& volume_id);  // an AttachVolume was carried out
  void lose_mounts();                           // a machine that goes down
  // "vol-1 at /var/lib/haagent-etcd/main", under the root
  std::vector<std::string> mounted() const;

  // Devices
  Result<std::optional<BlockDevice>> find(EtcdVolume const& volume) override;
  volumes::LocalDisks local() override;
  std::uint64_t news() override { return 0; }  // nothing is heard: what is waited for is looked for
  void wait(std::uint64_t seen, Duration at_most, std::stop_token stop) override;
  // Disks
  Result<volumes::Probe> probe(BlockDevice const& device,
                               std::optional<volumes::Making> const& making) override;
  Result<volumes::Formatted> make_filesystem(BlockDevice const& device,
                                             volumes::Making const& making,
                                             std::string const& label,
                                             std::stop_token stop) override;
  Result<void> check(BlockDevice const& device, std::string const& type,
                     std::stop_token stop) override;
  Result<std::uint64_t> filesystem_bytes(BlockDevice const& device, std::string const& type,
                                         std::filesystem::path const& mount_point) override;
  Result<std::string> ext4_on_error(BlockDevice const& device) override;
  Result<void> grow(BlockDevice const& device, std::string const& type,
                    std::filesystem::path const& mount_point, std::stop_token stop) override;
  // A volume that nothing was asked of.
  Result<std::optional<std::string>> ebs_page(BlockDevice const&,
                                              std::filesystem::path const&) override {
    return EbsPage{}.bytes();
  }
  // Filesystems
  Result<FilesystemSpace> space(std::filesystem::path const& path) override;
  // Mounts
  Result<std::vector<volumes::Mount>> list() override;
  Result<void> mount(BlockDevice const& device, std::filesystem::path const& mount_point,
                     std::string const& filesystem) override;
  Result<void> remount(BlockDevice const& device, std::filesystem::path const& mount_point,
                       std::string const& filesystem) override;
  Result<void> unmount(std::filesystem::path const& mount_point) override;
  Result<volumes::OpenDirectory> open(std::filesystem::path const& directory) override;

 private:
  struct Mounted {
    std::string volume_id;
    volumes::Mount mount;
  };
  std::vector<std::string> here() const;  // volume ids, in the order of their device names
  std::string path_of(std::string const& volume_id) const;
  std::string volume_of(BlockDevice const& device) const;  // empty: it is not here any more
  void take_away(Mounted const& mounted);

  DiskModel& model_;
  std::string const instance_id_;
  Power& power_;
  std::vector<Mounted> mounts_;
};

}  // namespace haagent::test
