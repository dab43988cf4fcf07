#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>

#include "agent/base/clock.h"

namespace haagent::volumes {

// Hears of disks through libudev: of udevd's events, which come once its rules have run, and of the
// kernel's own, for machines without udevd. Only ever a hint to look again: where neither can be
// heard, wait() is a sleep. libudev serves one thread at a time, so a thread of its own listens for
// all that wait.
class DeviceMonitor {
 public:
  DeviceMonitor();  // subscribes before it returns
  ~DeviceMonitor();
  DeviceMonitor(DeviceMonitor const&) = delete;
  DeviceMonitor& operator=(DeviceMonitor const&) = delete;

  std::uint64_t news() const;  // how often something has happened
  // Until news() is more than `seen`, the time is over, or stopped.
  void wait(std::uint64_t seen, Duration at_most, std::stop_token stop);

 private:
  struct Sources;
  void listen(std::stop_token stop);

  std::unique_ptr<Sources> sources_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::uint64_t news_ = 0;
  std::jthread listener_;  // last: it uses the others
};

}  // namespace haagent::volumes
