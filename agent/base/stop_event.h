// A stop token as a file descriptor, for waits that poll() on descriptors.
#pragma once

#include <sys/eventfd.h>

#include <functional>
#include <stop_token>

#include "agent/base/file_descriptor.h"

namespace haagent {

// The descriptor becomes readable, and stays so, once stop is requested.
class StopEvent {
 public:
  explicit StopEvent(std::stop_token stop)
      : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        callback_(std::move(stop), [fd = event_.get()] { ::eventfd_write(fd, 1); }) {}

  int fd() const { return event_.get(); }

 private:
  FileDescriptor event_;
  std::stop_callback<std::function<void()>> callback_;  // gone before event_ is closed
};

}  // namespace haagent
