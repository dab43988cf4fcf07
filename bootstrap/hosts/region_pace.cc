#include "bootstrap/hosts/region_pace.h"

#include <algorithm>

namespace haagent::bootstrap {

bool RegionPace::due(SteadyTime now) const {
  return refresh_requested_ || (moved_at_ && now - *moved_at_ >= kSeldom) ||
         now - asked_at_ >= (silent_.empty() ? every_ : pause_);
}

void RegionPace::asking(SteadyTime now) {
  asked_at_ = now;
  moved_at_.reset();
  refresh_requested_ = false;
  pause_ = silent_.empty() ? kSoonest : std::min({pause_ * 2, kSeldom, every_});
}

void RegionPace::peer_moved(SteadyTime now) {
  if (!moved_at_) moved_at_ = now;
}

void RegionPace::request_refresh() {
  refresh_requested_ = true;
  pause_ = kSoonest;
}

void RegionPace::peer_answered(EtcdCluster cluster, std::string const& member, bool answered) {
  if (!answered) {
    silent_.emplace(cluster, member);
    return;
  }
  silent_.erase({cluster, member});
  if (silent_.empty()) pause_ = kSoonest;
}

void RegionPace::keep(std::set<std::string> const& members) {
  std::erase_if(silent_, [&](auto const& each) { return !members.contains(each.second); });
}

}  // namespace haagent::bootstrap
