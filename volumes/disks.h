// What is done to a whole disk: probe, mkfs, fsck, grow, ask for EBS' counters.
#pragma once

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>

#include "agent/base/clock.h"
#include "agent/base/facts.h"
#include "agent/base/process.h"
#include "volumes/making.h"
#include "volumes/probe.h"

namespace haagent::volumes {

class Disks {
 public:
  virtual ~Disks() = default;

  // Reads only. Blank is proven blank (blank.h). A disk that cannot be read is an error. `making`
  // is the mkfs that the volume's tag says is under way: what it left is HalfMade, and a disk that
  // somebody holds, perhaps that mkfs, is a transient error.
  virtual Result<Probe> probe(BlockDevice const& device, std::optional<Making> const& making) = 0;

  // mkfs, only on what is still proven blank under the whole-device lock, or what `making` left
  // there, which is cleared first. Once begun it runs to its end, whatever is stopped or dies. What
  // stands there afterwards, which is of this type, UUID and label. Errors: refused where something
  // else is there by now, transient where somebody else has the disk open or locked.
  virtual Result<Formatted> make_filesystem(BlockDevice const& device, Making const& making,
                                            std::string const& label, std::stop_token stop) = 0;

  // Before mounting an ext4 that is not mounted: repairs what is safe to repair, and is not stopped
  // halfway. XFS replays its log when mounted and has nothing to do here. Refused where errors are
  // left.
  virtual Result<void> check(BlockDevice const& device, std::string const& type,
                             std::stop_token stop) = 0;

  // The size of the filesystem that is mounted there.
  virtual Result<std::uint64_t> filesystem_bytes(BlockDevice const& device, std::string const& type,
                                                 std::filesystem::path const& mount_point) = 0;

  // What an ext4 does on an error where its mount does not say: "remount-ro", "continue", "panic".
  virtual Result<std::string> ext4_on_error(BlockDevice const& device) = 0;

  // Grows the mounted filesystem to the size of its disk; not stopped halfway either.
  virtual Result<void> grow(BlockDevice const& device, std::string const& type,
                            std::filesystem::path const& mount_point, std::stop_token stop) = 0;

  // The page of EBS' own counters (ebs_page.h) of the volume that is mounted there. Nothing where
  // the device has none.
  virtual Result<std::optional<std::string>> ebs_page(BlockDevice const& device,
                                                      std::filesystem::path const& mount_point) = 0;
};

// The same, and tells how far it is (progress.h).
Result<void> grow_filesystem(Disks& disks, BlockDevice const& device, std::string const& type,
                             std::filesystem::path const& mount_point, std::stop_token stop);

class SystemDisks final : public Disks {
 public:
  SystemDisks(Process& process, Clock& clock) : process_(process), clock_(clock) {}
  Result<Probe> probe(BlockDevice const& device, std::optional<Making> const& making) override;
  Result<Formatted> make_filesystem(BlockDevice const& device, Making const& making,
                                    std::string const& label, std::stop_token stop) override;
  Result<void> check(BlockDevice const& device, std::string const& type,
                     std::stop_token stop) override;
  Result<std::uint64_t> filesystem_bytes(BlockDevice const& device, std::string const& type,
                                         std::filesystem::path const& mount_point) override;
  Result<std::string> ext4_on_error(BlockDevice const& device) override;
  Result<void> grow(BlockDevice const& device, std::string const& type,
                    std::filesystem::path const& mount_point, std::stop_token stop) override;
  Result<std::optional<std::string>> ebs_page(BlockDevice const& device,
                                              std::filesystem::path const& mount_point) override;

 private:
  // Probes what is open as `disk`, which is known to be held by nobody else.
  Result<Probe> probe_held(int disk, BlockDevice const& device, Making const& making);
  Result<bool> is_half_made(int disk, BlockDevice const& device, Making const& making);
  // `lock`: the locked disk, which the program inherits; -1 for none.
  Result<ProcessOutcome> to_its_end(std::vector<std::string> argv, int lock, std::stop_token stop);
  Result<void> run(std::vector<std::string> argv, int lock, std::stop_token stop);

  Process& process_;
  Clock& clock_;
};

// What e2fsck's exit status says (e2fsck(8)): bits 1 and 2, errors corrected, are fine; anything
// else is not.
Result<void> judge_fsck(int exit_code, std::string_view device, std::string_view output);

}  // namespace haagent::volumes
