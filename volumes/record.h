// /var/lib/haagent/volumes.json: which volumes this instance holds, so that a reboot needs no cloud
// API at all. It is a memory, not an authority: one of another instance (an image baked from a
// running master) and one that cannot be read count as none, and EC2 is asked again.
#pragma once

#include <filesystem>
#include <mutex>
#include <optional>
#include <string>

#include "agent/base/facts.h"
#include "agent/base/files.h"

namespace haagent::volumes {

class Record {
 public:
  explicit Record(Root const& root) : path_(root("/var/lib/haagent/volumes.json")) {}

  std::optional<EtcdVolume> find(std::string const& instance_id, EtcdCluster cluster) const;
  // Replaces the entry; those of another instance are forgotten.
  Result<void> keep(std::string const& instance_id, EtcdCluster cluster, EtcdVolume const& volume);
  Result<void> forget(std::string const& instance_id, EtcdCluster cluster);

 private:
  Result<void> change(std::string const& instance_id, EtcdCluster cluster,
                      std::optional<EtcdVolume> const& volume);

  std::filesystem::path path_;
  mutable std::mutex mutex_;
};

}  // namespace haagent::volumes
