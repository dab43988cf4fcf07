// The agent's own small HTTP server: GET /v1/status is the status file, for the other masters'
// `haagent status --cluster`. It tells nothing that is secret and changes nothing.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/base/result.h"

namespace haagent {

class StatusServer {
 public:
  // `status` gives the JSON page; called from the server's threads.
  explicit StatusServer(std::function<std::string()> status);
  ~StatusServer();

  // Listens on the address and serves until destroyed. Port 0 takes a free one; the port is
  // returned.
  Result<int> listen(std::string const& address, int port);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace haagent
