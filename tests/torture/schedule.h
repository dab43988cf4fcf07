// What is done to the region and when, from a seed alone: the same on every machine.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/facts.h"

namespace haagent::torture {

enum class MasterFault {
  power_cut,    // off at once; its group replaces it
  terminate,    // an orderly end
  replace,      // ended through its group, with the terminating hook
  hard_reboot,  // off at once and on again: same disks, same address
  freeze,       // every process held, then let go on
  cut_off,      // no traffic with the other masters; clients reach it
  alone,        // no traffic with other masters nor with clients
  lose_volume,  // one of its etcd volumes is deleted while it is away, a blank one takes its place
  two_power_cuts,
  two_freeze,
};
inline constexpr MasterFault kMasterFaults[] = {
    MasterFault::power_cut,   MasterFault::terminate,   MasterFault::replace,
    MasterFault::hard_reboot, MasterFault::freeze,      MasterFault::cut_off,
    MasterFault::alone,       MasterFault::lose_volume, MasterFault::two_power_cuts,
    MasterFault::two_freeze,
};

struct MasterStrike {
  Duration at{0};     // since the beginning, at the earliest
  Duration lasts{0};  // until it is undone; zero for what ends by itself
  MasterFault fault = MasterFault::power_cut;
  std::string masters;                     // "b", "ac"
  EtcdCluster volume = EtcdCluster::main;  // of lose_volume
  // Strikes while the one before may still be felt; all others wait until both clusters are whole.
  bool hasty = false;
  bool operator==(MasterStrike const&) const = default;
};

// One fault of the cloud's services: haagent-sim's `api` command.
struct ServiceStrike {
  Duration at{0};
  Duration lasts{0};
  std::string what;                  // "throttle", "fail", "down", "lose", "slow", "lag"
  std::vector<std::string> actions;  // "ec2:*"
  double probability = 1;
  Duration by{0};  // of "slow" and "lag"
  bool operator==(ServiceStrike const&) const = default;
};

struct Schedule {
  std::vector<MasterStrike> masters;
  std::vector<ServiceStrike> services;
};

// In order of time; within each list nothing overlaps. Everything has been undone by `length`.
Schedule make_schedule(std::uint64_t seed, Duration length);

// "power-cuts b", "deletes the volume events-c"
std::string to_words(MasterStrike const& strike);
// "ec2:* throttle, 60 of 100"
std::string to_words(ServiceStrike const& strike);

}  // namespace haagent::torture
