// When EC2 is asked where the masters are: every so often, sooner while a peer's etcd is silent,
// and at once where the membership has changed. The time is given.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <utility>

#include "agent/base/clock.h"
#include "agent/base/facts.h"

namespace haagent::bootstrap {

class RegionPace {
 public:
  static constexpr Duration kSoonest{5'000};
  static constexpr Duration kSeldom{300'000};  // at least so often, while a peer is silent

  // As if it had been asked at `now`.
  RegionPace(Duration every, SteadyTime now) : every_(every), asked_at_(now) {}

  bool due(SteadyTime now) const;
  // Each time while a peer is silent doubles the pause, from kSoonest to kSeldom.
  void asking(SteadyTime now);
  // The last question told all that the next one could.
  void answered(SteadyTime now) { asked_at_ = now; }
  // A master says that it is elsewhere than EC2 has said: EC2, which has the last word, is asked
  // within kSeldom.
  void peer_moved(SteadyTime now);
  // Due, whenever that is; and a peer that is silent from now on is asked about soon.
  void request_refresh();
  void put_off() { refresh_requested_ = true; }

  // Whether a peer's etcd answered at the address that is known.
  void peer_answered(EtcdCluster cluster, std::string const& member, bool answered);
  // Only these can be silent.
  void keep(std::set<std::string> const& members);

 private:
  Duration every_;
  SteadyTime asked_at_;
  std::optional<SteadyTime> moved_at_;
  bool refresh_requested_ = false;
  Duration pause_ = kSoonest;  // while a peer is silent
  std::set<std::pair<EtcdCluster, std::string>> silent_;
};

}  // namespace haagent::bootstrap
