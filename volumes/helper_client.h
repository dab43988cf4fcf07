// Disks and Mounts for an agent that may not mount (CAP_SYS_ADMIN) and has no disk in its /dev: by
// the helper (helper.h). What the helper has begun goes on when the agent is stopped, which does
// not wait for it.
#pragma once

#include <map>
#include <mutex>
#include <stop_token>
#include <utility>

#include "agent/base/tree.h"
#include "volumes/disks.h"
#include "volumes/mount.h"

namespace haagent::volumes {

// Whether this process may mount: CAP_SYS_ADMIN.
bool may_mount();

class HelperClient {
 public:
  explicit HelperClient(std::filesystem::path socket) : socket_(std::move(socket)) {}
  // The helper's answer; its error is ours. Transient where it does not listen or gives no answer,
  // interrupted where we are stopped before it.
  Result<Tree> ask(Tree const& request, std::stop_token stop = {}) const;

 private:
  std::filesystem::path socket_;
};

class HelperDisks final : public Disks {
 public:
  explicit HelperDisks(HelperClient client) : client_(std::move(client)) {}
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
  struct Ext4 {
    std::uint64_t bytes = 0;
    std::string on_error;
  };
  Result<Ext4> ext4(BlockDevice const& device);

  HelperClient client_;
  std::mutex mutex_;
  // Looked at each minute, it changes when it is grown, which is our doing and has its disk grow
  // first. By the volume and its disk's size.
  std::map<std::pair<std::string, std::uint64_t>, Ext4> ext4_;
};

// Mounts and unmounts are done once they are seen from here as well: this process may be in a mount
// namespace of its own.
class HelperMounts final : public Mounts {
 public:
  explicit HelperMounts(HelperClient client) : client_(std::move(client)) {}
  Result<std::vector<Mount>> list() override;
  Result<void> mount(BlockDevice const& device, std::filesystem::path const& mount_point,
                     std::string const& filesystem) override;
  Result<void> remount(BlockDevice const& device, std::filesystem::path const& mount_point,
                       std::string const& filesystem) override;
  Result<void> unmount(std::filesystem::path const& mount_point) override;
  Result<OpenDirectory> open(std::filesystem::path const& directory) override;

 private:
  SystemMounts local_;
  HelperClient client_;
};

}  // namespace haagent::volumes
