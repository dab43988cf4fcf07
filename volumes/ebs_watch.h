// Asks a mounted volume for EBS' counters now and then, and keeps those of the last minutes.
#pragma once

#include <deque>
#include <filesystem>
#include <optional>

#include "agent/base/clock.h"
#include "agent/base/ebs_counters.h"
#include "agent/base/facts.h"
#include "volumes/disks.h"

namespace haagent::volumes {

class EbsWatch {
 public:
  EbsWatch(Disks& disks, Clock& clock) : disks_(disks), clock_(clock) {}

  // What is known of the volume now; nothing where its device tells no counters. A device that did
  // not tell them is asked again an hour later.
  std::optional<EbsFacts> look(BlockDevice const& device, std::filesystem::path const& mount_point);
  // Whether the device was asked and has none.
  bool tells_none() const { return tells_none_; }

 private:
  struct Reading {
    SteadyTime at;
    EbsCounters counters;
  };
  void read(BlockDevice const& device, std::filesystem::path const& mount_point, SteadyTime now);

  Disks& disks_;
  Clock& clock_;
  dev_t device_ = 0;
  std::optional<SteadyTime> asked_;
  bool tells_none_ = false;
  std::deque<Reading> readings_;  // the newest last
};

}  // namespace haagent::volumes
