// What is done to a whole disk: probe, mkfs, fsck, grow.
#pragma once

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>

#include "agent/base/clock.h"
#include "agent/base/facts.h"
#include "agent/base/process.h"
#include "volumes/probe.h"

namespace haagent::volumes {

class Disks {
 public:
  virtual ~Disks() = default;

  // Reads only. Blank is proven blank (blank.h). A disk that cannot be read is an error.
  virtual Result<Probe> probe(BlockDevice const& device) = 0;

  // mkfs, only on what is still proven blank under the whole-device lock. What stands there
  // afterwards, which is of this type and label. Errors: refused where it is not blank any more,
  // transient where somebody else has the disk open or locked.
  virtual Result<Formatted> make_filesystem(BlockDevice const& device, std::string const& type,
                                            std::string const& label, std::stop_token stop) = 0;

  // Before mounting an ext4 that is not mounted: repairs what is safe to repair. XFS replays its
  // log when mounted and has nothing to do here. Refused where errors are left.
  virtual Result<void> check(BlockDevice const& device, std::string const& type,
                             std::stop_token stop) = 0;

  // The size of the filesystem that is mounted there.
  virtual Result<std::uint64_t> filesystem_bytes(BlockDevice const& device, std::string const& type,
                                                 std::filesystem::path const& mount_point) = 0;

  // Grows the mounted filesystem to the size of its disk.
  virtual Result<void> grow(BlockDevice const& device, std::string const& type,
                            std::filesystem::path const& mount_point, std::stop_token stop) = 0;
};

class SystemDisks final : public Disks {
 public:
  SystemDisks(Process& process, Clock& clock) : process_(process), clock_(clock) {}
  Result<Probe> probe(BlockDevice const& device) override;
  Result<Formatted> make_filesystem(BlockDevice const& device, std::string const& type,
                                    std::string const& label, std::stop_token stop) override;
  Result<void> check(BlockDevice const& device, std::string const& type,
                     std::stop_token stop) override;
  Result<std::uint64_t> filesystem_bytes(BlockDevice const& device, std::string const& type,
                                         std::filesystem::path const& mount_point) override;
  Result<void> grow(BlockDevice const& device, std::string const& type,
                    std::filesystem::path const& mount_point, std::stop_token stop) override;

 private:
  Result<void> run(std::vector<std::string> argv, Duration deadline, std::stop_token stop);

  Process& process_;
  Clock& clock_;
};

// What e2fsck's exit status says (e2fsck(8)): bits 1 and 2, errors corrected, are fine; anything
// else is not.
Result<void> judge_fsck(int exit_code, std::string_view device, std::string_view output);

}  // namespace haagent::volumes
