// Which local disk is an EBS volume. EC2's device names are labels only, and links in /dev may be
// missing or stale: the serial in sysfs decides, and the node that it names is opened and held
// against it before anybody uses it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/facts.h"
#include "agent/base/files.h"

namespace haagent::volumes {

class DeviceMonitor;

struct LocalDisks {
  std::map<std::string, dev_t> ebs;  // by volume id; empty on Xen, whose disks carry no serial
  std::vector<std::string> names;    // of all disks: "nvme0n1", "xvda"
};

class Devices {
 public:
  virtual ~Devices() = default;

  // The whole disk that is this volume; nothing while it is not there, or its node is not. Uses
  // volume_id, and on Xen device_name and size_gib. Errors: transient where node and sysfs disagree
  // (they are about to change), refused where two disks claim to be the volume.
  virtual Result<std::optional<BlockDevice>> find(EtcdVolume const& volume) = 0;

  virtual LocalDisks local() = 0;

  // A count of what was heard of disks that came, went or changed. Taken before a find(), it makes
  // sure that nothing is missed between that and the wait.
  virtual std::uint64_t news() = 0;
  // Until there is more news than `seen`, the time is over, or stopped.
  virtual void wait(std::uint64_t seen, Duration at_most, std::stop_token stop) = 0;
};

// Looks in <root>/sys/block and <root>/dev; needs no udev, but hears of changes through it and
// through the kernel where they can be heard. `nodes`: false for a process that has no disk in its
// /dev; who opens one for it holds it against the same serial (helper.h).
class SystemDevices final : public Devices {
 public:
  explicit SystemDevices(Root root, bool nodes = true);
  ~SystemDevices() override;
  Result<std::optional<BlockDevice>> find(EtcdVolume const& volume) override;
  LocalDisks local() override;
  std::uint64_t news() override;
  void wait(std::uint64_t seen, Duration at_most, std::stop_token stop) override;

 private:
  Root root_;
  bool const nodes_;
  std::unique_ptr<DeviceMonitor> monitor_;  // listens before the first find() looks
};

}  // namespace haagent::volumes
