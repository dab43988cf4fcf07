#include "volumes/device_udev.h"

#include <libudev.h>
#include <poll.h>

#include <cerrno>
#include <vector>

#include "agent/base/stop_event.h"
#include "agent/base/wait_accounting.h"

namespace haagent::volumes {
namespace {

struct Unref {
  void operator()(udev* each) const { udev_unref(each); }
  void operator()(udev_monitor* each) const { udev_monitor_unref(each); }
  void operator()(udev_device* each) const { udev_device_unref(each); }
};
using Monitor = std::unique_ptr<udev_monitor, Unref>;

Monitor subscribe(udev* context, char const* source) {
  Monitor monitor(udev_monitor_new_from_netlink(context, source));
  if (!monitor) return nullptr;
  if (udev_monitor_filter_add_match_subsystem_devtype(monitor.get(), "block", "disk") < 0 ||
      udev_monitor_enable_receiving(monitor.get()) < 0)
    return nullptr;
  return monitor;
}

}  // namespace

struct DeviceMonitor::Sources {
  std::unique_ptr<udev, Unref> context{udev_new()};
  std::vector<Monitor> monitors;
};

DeviceMonitor::DeviceMonitor() : sources_(std::make_unique<Sources>()) {
  if (!sources_->context) return;
  for (auto const* source : {"udev", "kernel"})
    if (auto monitor = subscribe(sources_->context.get(), source))
      sources_->monitors.push_back(std::move(monitor));
  if (!sources_->monitors.empty())
    listener_ = std::jthread([this](std::stop_token stop) { listen(std::move(stop)); });
}

DeviceMonitor::~DeviceMonitor() = default;

void DeviceMonitor::listen(std::stop_token stop) {
  StopEvent stopped(stop);
  std::vector<pollfd> fds{{.fd = stopped.fd(), .events = POLLIN, .revents = 0}};
  for (auto const& monitor : sources_->monitors)
    fds.push_back({.fd = udev_monitor_get_fd(monitor.get()), .events = POLLIN, .revents = 0});
  while (!stop.stop_requested()) {
    if (::poll(fds.data(), fds.size(), /*timeout=*/-1) < 0) {
      if (errno == EINTR) continue;
      return;  // waiting goes on as a sleep
    }
    bool heard = false;
    for (std::size_t i = 1; i < fds.size(); ++i) {
      if (!fds[i].revents) continue;
      // Events were lost (ENOBUFS): that is news too. A socket that is gone is not asked again.
      if (fds[i].revents & POLLERR) heard = true;
      if (fds[i].revents & (POLLHUP | POLLNVAL)) fds[i].fd = -1;
      std::unique_ptr<udev_device, Unref> device;
      while (device.reset(udev_monitor_receive_device(sources_->monitors[i - 1].get())), device)
        heard = true;
    }
    if (!heard) continue;
    {
      std::lock_guard lock(mutex_);
      ++news_;
    }
    changed_.notify_all();
  }
}

std::uint64_t DeviceMonitor::news() const {
  std::lock_guard lock(mutex_);
  return news_;
}

void DeviceMonitor::wait(std::uint64_t seen, Duration at_most, std::stop_token stop) {
  AccountedWait wait(WaitFor::pause);
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::move(stop), at_most, [&] { return news_ > seen; });
}

}  // namespace haagent::volumes
