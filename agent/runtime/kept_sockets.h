// Sockets that systemd keeps while the agent restarts, so that no other program takes their port:
// sd_pid_notify_with_fds(3), and FileDescriptorStoreMax= of the unit. systemd closes them when the
// service is stopped. Without systemd nothing is kept.
#pragma once

#include <string_view>

#include "agent/base/file_descriptor.h"

namespace haagent::notify {

// What was kept under the name; none where nothing was. Whatever else was kept is closed, so that
// who asks a second time finds nothing.
FileDescriptor kept_socket(std::string_view name);

// From now on, in the place of what was kept under the name.
void keep_socket(std::string_view name, int socket);

// No more.
void forget_socket(std::string_view name);

}  // namespace haagent::notify
