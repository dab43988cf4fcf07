// The agent's own small HTTP server: GET /v1/status is the status file, for the other masters'
// `haagent status --cluster`; GET /metrics is for Prometheus. It tells nothing that is secret and
// changes nothing.
//
// On a master it speaks TLS alone, and to those alone whom the agents' authority has signed. A
// worker has no certificate yet, and serves the same page in the clear.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/base/http.h"
#include "agent/base/result.h"

namespace haagent {

class StatusServer {
 public:
  // `status` gives the JSON page, unset: there is none; called from the server's threads. The files
  // of `tls` are read anew for each connection, so that it may listen before they are there and
  // sees every renewal; empty: in the clear.
  StatusServer(std::function<std::string()> status, HttpTls tls);
  ~StatusServer();

  // GET /metrics too; before listen().
  void serve_metrics(std::function<std::string()> metrics);

  // Listens on the address and serves until destroyed. Port 0 takes a free one; the port is
  // returned.
  Result<int> listen(std::string const& address, int port);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace haagent
