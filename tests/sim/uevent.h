// What udevd tells libudev's listeners, in libudev's own wire format.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/base/result.h"

namespace haagent::sim {

using Properties = std::vector<std::pair<std::string, std::string>>;

// A datagram of the netlink group "udev": a header with hashes of subsystem and devtype, by which
// listeners filter, then "NAME=value\0" each. Must hold ACTION, DEVPATH, SUBSYSTEM and SEQNUM.
std::string encode_uevent(Properties const& properties);

// Sends it to all listeners in the network namespace of that process.
Result<void> send_uevent(pid_t pid, std::string const& datagram);

}  // namespace haagent::sim
