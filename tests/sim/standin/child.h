// A process that a stand-in of the kubelet runs. It ends with the one who started it.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "agent/base/clock.h"

namespace haagent::sim {

class Child {
 public:
  ~Child() { end(); }
  bool runs();
  // `words` are its argv; empty `log`: it says what it says where this process does.
  void start(std::filesystem::path const& program, std::vector<std::string> words, Duration grace,
             std::filesystem::path const& log = {});
  // SIGTERM, and SIGKILL once its grace is over; returns when it is gone.
  void end();

 private:
  pid_t pid_ = 0;
  Duration grace_{0};
};

}  // namespace haagent::sim
