#pragma once

#include "volumes/cluster_step.h"
#include "volumes/marker_check.h"

namespace haagent::volumes {

class MountStep final : public ClusterStep {
 public:
  MountStep(Volumes& volumes, EtcdCluster cluster)
      : ClusterStep(row_names::kMount, volumes, cluster) {}
  Result<Finding> look(Facts& facts, std::stop_token stop) override;

 private:
  Result<void> apply(Facts& facts, std::stop_token stop);
  enum class Move { none, mount, write_marker, remount, grow };
  struct State {
    EtcdVolume volume;
    BlockDevice device;
    std::string filesystem;        // once mounted
    VolumeMarker marker;           // as it is, or as it shall be written
    std::string growth;            // "from 20 GiB to 40 GiB", or why that is not known
    std::string on_error;          // what it does beside errors=remount-ro; empty: that
    std::vector<Reason> warnings;  // of what is mounted, and not as it should be
    Move next = Move::none;
  };
  Result<State> state(Facts& facts);
  Result<void> may_mount(State const& state, std::vector<Mount> const& mounts);
  Result<void> may_use(State const& state, Mount const& mount);
  Result<void> mount(State const& state, std::stop_token stop);
  void see_growth(State& state);
  void see_errors(State& state, Mount const& mount);
  std::optional<UnseenVolume> gone(Facts& facts);

  std::string growth_failed_;
  std::string remount_failed_;
  bool was_done_ = false;  // from then on the row looks; space-<cluster> grows what has grown
};

}  // namespace haagent::volumes
