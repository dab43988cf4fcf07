// The names that EC2 gives attachments. Labels, never paths to open: what the kernel calls the disk
// is device.h's business.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace haagent::volumes {

// "f" of "/dev/sdf", "sdf", "/dev/xvdf" and "xvdf1", which EC2 and Xen take for the same place;
// empty for names outside that scheme ("/dev/xvdba", "/dev/nvme1n1").
std::string device_letter(std::string_view name);

// The root disk's usual names: /dev/sda, /dev/sda1, /dev/xvda.
bool is_root_device_name(std::string_view name);

// The first of /dev/sdf to /dev/sdp that is not taken. Names in `tried` (they failed, or this boot
// has used them: a name used again soon after a detach is a known cause of "attaching" for ever)
// come last, the one tried longest ago first. Nothing where all are taken.
std::optional<std::string> free_device_name(std::vector<std::string> const& taken,
                                            std::vector<std::string> const& tried);

}  // namespace haagent::volumes
