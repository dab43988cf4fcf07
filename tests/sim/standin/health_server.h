#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "agent/base/result.h"

namespace httplib {
class Server;
}

namespace haagent::sim {

// Says "ok" at some paths, to anybody.
class HealthServer {
 public:
  HealthServer();
  ~HealthServer();
  Result<void> start(std::string const& host, int port, std::vector<std::string> const& paths);
  void end();

 private:
  std::unique_ptr<httplib::Server> server_;
  std::thread thread_;
};

}  // namespace haagent::sim
