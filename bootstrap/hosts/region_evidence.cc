#include "bootstrap/hosts/region_evidence.h"

#include <algorithm>

#include "agent/aws/etcd_volume.h"

namespace haagent::bootstrap {

void RegionEvidence::take(aws::RegionSnapshot const& answer, std::string const& cluster_name) {
  answered_ = answer.all_at;
  // Some may have been asked for by their ids since: nobody knows what those listed before.
  auto newest = *answered_;
  for (auto const& [id, at] : answer.volume_at) newest = std::max(newest, at);
  retired_.clear();
  for (auto const& volume : answer.volumes) {
    if (aws::is_owned_by(volume, cluster_name) && !aws::has_etcd_tag(volume))
      retired_.push_back(aws::untagged_etcd_volume(volume));
  }
  for (auto cluster : kEtcdClusters) {
    auto& volumes = volumes_[cluster];
    volumes = aws::etcd_volumes_of(answer.volumes, cluster_name, cluster);
    Lists lists;
    for (auto const& volume : volumes)
      lists[volume.volume_id] = {volume.members.begin(), volume.members.end()};
    auto const known = tags_.find(cluster);
    if (known != tags_.end() && known->second.lists == lists) continue;
    tags_[cluster] = {std::move(lists), newest};
  }
}

void RegionEvidence::seed(EtcdCluster cluster, std::vector<EtcdVolume> volumes) {
  volumes_[cluster] = std::move(volumes);
}

std::vector<EtcdVolume> const& RegionEvidence::volumes(EtcdCluster cluster) const {
  static std::vector<EtcdVolume> const kNone;
  auto const found = volumes_.find(cluster);
  return found == volumes_.end() ? kNone : found->second;
}

std::optional<Duration> RegionEvidence::age(SteadyTime now) const {
  if (!answered_) return std::nullopt;
  return std::chrono::duration_cast<Duration>(now - *answered_);
}

std::optional<Evidence> RegionEvidence::evidence(EtcdCluster cluster, SteadyTime now) const {
  auto const age = this->age(now);
  if (!age) return std::nullopt;
  auto const tags = tags_.find(cluster);
  auto const agree = tags == tags_.end()
                         ? Duration(0)
                         : std::chrono::duration_cast<Duration>(*answered_ - tags->second.since);
  return Evidence{.volumes = volumes(cluster),
                  .retired = retired_,
                  .age = *age,
                  .tags_agree_for = std::max(agree, Duration(0))};
}

}  // namespace haagent::bootstrap
