// From the plan to the attachment, for both etcd volumes of a master together: what the rows
// volume-main and volume-events share.
#pragma once

#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/base/facts.h"
#include "agent/base/step.h"
#include "volumes/choose.h"
#include "volumes/device.h"
#include "volumes/inventory.h"
#include "volumes/mount.h"
#include "volumes/record.h"

namespace haagent::volumes {

class Attacher {
 public:
  struct Settings {
    std::string cluster;
    bool force_detach_terminated = false;
  };
  Attacher(Settings settings, Inventory& inventory, Clock& clock, Record& record, Devices& devices,
           Mounts& mounts)
      : settings_(std::move(settings)),
        inventory_(inventory),
        clock_(clock),
        record_(record),
        devices_(devices),
        mounts_(mounts) {}

  // Sets facts.volume where the volume is mine, and facts.volumes where EC2 was asked. A volume on
  // record whose disk is here needs no EC2 at all.
  Result<Finding> look(EtcdCluster cluster, Facts& facts, std::stop_token stop);

  // Carries the plan out. Where it attaches, main comes first and events follow in the same act:
  // who has main has the pair, so that two masters never end with half of it each.
  Result<void> act(EtcdCluster cluster, Facts& facts, std::stop_token stop);

 private:
  struct Planned {
    Observed observed;
    Plan plan;
  };
  Result<Planned> plan(Identity const& identity, std::stop_token stop);
  Observed this_machine(Identity const& identity);
  Result<std::set<std::string>> in_use(std::vector<aws::Volume> const& volumes,
                                       std::string const& instance_id);
  Result<bool> attach(EtcdCluster cluster, Plan const& plan, Identity const& identity,
                      std::stop_token stop);

  Settings const settings_;
  Inventory& inventory_;
  Clock& clock_;
  Record& record_;
  Devices& devices_;
  Mounts& mounts_;
  std::mutex acting_;
};

}  // namespace haagent::volumes
