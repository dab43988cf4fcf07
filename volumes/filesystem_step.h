#pragma once

#include "volumes/cluster_step.h"
#include "volumes/filesystem.h"

namespace haagent::volumes {

class FilesystemStep final : public ClusterStep {
 public:
  FilesystemStep(Volumes& volumes, EtcdCluster cluster)
      : ClusterStep(row_names::kFilesystem, volumes, cluster) {}
  Result<Finding> look(Facts& facts, std::stop_token stop) override;

 private:
  Result<void> apply(Facts& facts, std::stop_token stop);
  Result<FilesystemDecision> decide(EtcdVolume volume, BlockDevice const& device);
  // The volume as EC2 shows it now; refused unless it is attached here, and here alone.
  Result<EtcdVolume> ask_ec2(EtcdVolume const& known, Identity const& identity,
                             std::stop_token stop);
  // The evidence, in EC2 and on record, before mkfs begins.
  Result<void> begin(EtcdVolume& volume, Making const& making, Identity const& identity,
                     Facts& facts, std::stop_token stop);
  Result<void> make(EtcdVolume volume, Make const& make, BlockDevice const& device,
                    Identity const& identity, Facts& facts, std::stop_token stop);
  Result<void> remember(EtcdVolume volume, std::string const& formatted_at, bool tagged,
                        Identity const& identity, Facts& facts, std::stop_token stop);

  std::string made_at_;  // by this process; it never makes another
};

}  // namespace haagent::volumes
