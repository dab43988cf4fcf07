// Looks at an instance from the inside: at its disks through libudev, and at who talks to it.
//   peers PORT     answers each request of HTTP with the caller's address
//   list           one line a disk that is ready: name, number, serial, size in sectors
//   watch SECONDS  "listening", then one line an event of a disk: action, name, serial
#include <arpa/inet.h>
#include <libudev.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace {

char const* text(char const* maybe) {
  return maybe ? maybe : "-";
}

void list(udev* context) {
  auto* found = udev_enumerate_new(context);
  udev_enumerate_add_match_subsystem(found, "block");
  udev_enumerate_add_match_is_initialized(found);
  udev_enumerate_scan_devices(found);
  udev_list_entry* entry = nullptr;
  udev_list_entry_foreach(entry, udev_enumerate_get_list_entry(found)) {
    auto* device = udev_device_new_from_syspath(context, udev_list_entry_get_name(entry));
    if (!device) continue;
    auto* controller = udev_device_get_parent_with_subsystem_devtype(device, "nvme", nullptr);
    std::printf("%s %u:%u %s %s %s\n", text(udev_device_get_devnode(device)),
                static_cast<unsigned>(udev_device_get_devnum(device) >> 8u),
                static_cast<unsigned>(udev_device_get_devnum(device) & 255u),
                text(udev_device_get_property_value(device, "ID_SERIAL_SHORT")),
                controller ? text(udev_device_get_sysattr_value(controller, "serial")) : "-",
                text(udev_device_get_sysattr_value(device, "size")));
    udev_device_unref(device);
  }
  udev_enumerate_unref(found);
}

void watch(udev* context, int seconds) {
  auto* monitor = udev_monitor_new_from_netlink(context, "udev");
  udev_monitor_filter_add_match_subsystem_devtype(monitor, "block", "disk");
  udev_monitor_enable_receiving(monitor);
  std::puts("listening");
  std::fflush(stdout);
  auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  for (;;) {
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    pollfd polled{udev_monitor_get_fd(monitor), POLLIN, 0};
    if (left.count() <= 0 || ::poll(&polled, 1, static_cast<int>(left.count())) <= 0) break;
    auto* device = udev_monitor_receive_device(monitor);
    if (!device) continue;
    std::printf("%s %s %s\n", text(udev_device_get_action(device)),
                text(udev_device_get_devnode(device)),
                text(udev_device_get_property_value(device, "ID_SERIAL_SHORT")));
    std::fflush(stdout);
    udev_device_unref(device);
  }
  udev_monitor_unref(monitor);
}

int peers(int port) {
  int const listener = ::socket(AF_INET, SOCK_STREAM, 0);
  int const yes = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in place{};
  place.sin_family = AF_INET;
  place.sin_port = htons(static_cast<std::uint16_t>(port));
  if (::bind(listener, reinterpret_cast<sockaddr*>(&place), sizeof place) != 0 ||
      ::listen(listener, 16) != 0)
    return 1;
  for (;;) {
    sockaddr_in caller{};
    socklen_t length = sizeof caller;
    int const connection = ::accept(listener, reinterpret_cast<sockaddr*>(&caller), &length);
    char request[4096];
    if (connection < 0 || ::read(connection, request, sizeof request) < 0) continue;
    char address[INET_ADDRSTRLEN] = "", answer[256];
    ::inet_ntop(AF_INET, &caller.sin_addr, address, sizeof address);
    auto const bytes =
        std::snprintf(answer, sizeof answer,
                      "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s\n",
                      std::string_view(address).size() + 1, address);
    if (::write(connection, answer, static_cast<std::size_t>(bytes)) < 0) ::perror("answering");
    ::close(connection);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "peers") return peers(std::atoi(argv[2]));
  auto* context = udev_new();
  if (argc == 2 && std::string_view(argv[1]) == "list") list(context);
  if (argc == 3 && std::string_view(argv[1]) == "watch") watch(context, std::atoi(argv[2]));
  udev_unref(context);
  return 0;
}
