// What EBS itself counts of a volume, and whether that says why its disk is slow: a volume has a
// limit of operations and of bytes each second, and so has the instance for all of its volumes.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/message.h"

namespace haagent {

// How many operations took so long, each bin for itself. The bounds ascend.
struct EbsLatencies {
  static constexpr std::uint64_t kAny = std::numeric_limits<std::uint64_t>::max();
  struct Bin {
    std::uint64_t up_to = 0;  // microseconds; kAny: the bin has no end
    std::uint64_t count = 0;
    bool operator==(Bin const&) const = default;
  };
  std::vector<Bin> bins;
  bool operator==(EbsLatencies const&) const = default;
};

// Since the volume was attached. Times are in microseconds.
struct EbsCounters {
  std::uint64_t read_ops = 0;
  std::uint64_t write_ops = 0;
  std::uint64_t read_bytes = 0;
  std::uint64_t write_bytes = 0;
  std::uint64_t read_time = 0;  // of all operations together
  std::uint64_t write_time = 0;
  // For how long more was asked for than the volume, or the instance, has.
  std::uint64_t volume_exceeded_iops = 0;
  std::uint64_t volume_exceeded_throughput = 0;
  std::uint64_t instance_exceeded_iops = 0;
  std::uint64_t instance_exceeded_throughput = 0;
  std::uint64_t queue_length = 0;  // operations that wait at the moment
  EbsLatencies read_latencies;     // not in the status file: figures for Prometheus alone
  EbsLatencies write_latencies;
  bool operator==(EbsCounters const&) const = default;
};

// For how long of the last minutes a limit was exceeded, in microseconds.
struct EbsExceeded {
  Duration window{0};  // so long was looked back; 0: there is one reading only
  std::uint64_t volume_iops = 0;
  std::uint64_t volume_throughput = 0;
  std::uint64_t instance_iops = 0;
  std::uint64_t instance_throughput = 0;
  bool operator==(EbsExceeded const&) const = default;
};

// Between two readings of one attachment. A counter that is lower than before was reset, and the
// time between the readings is unknown.
EbsExceeded exceeded_between(EbsCounters const& before, EbsCounters const& now, Duration window);

struct EbsFacts {
  EbsCounters counters;
  EbsExceeded recently;
  bool operator==(EbsFacts const&) const = default;
};

// Whose limits they are.
struct EbsPlace {
  std::string volume_id;
  std::string region;
  std::string instance_type;
};
// The limit that was exceeded the longest, and what to do; nothing where each was exceeded for less
// than a hundredth of the time. About the limit: "iops of vol-1".
std::optional<Message> limit_reached(EbsExceeded const& recently, EbsPlace const& place);

}  // namespace haagent
