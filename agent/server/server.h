// The agent's own small HTTP server. GET /v1/status is the status file, for the other masters'
// `haagent status --cluster`, GET /v1/timeline is the boot's record for `haagent timeline
// --cluster`, and GET /metrics is for Prometheus; they tell nothing that is secret and change
// nothing. GET /v1/support-bundle is for another master's agent alone. POST /v1/hello is a master
// that says where it is (bootstrap/hosts/announcement.h).
//
// On a master it speaks TLS alone,
// and to those alone whom the agents' authority has signed. A worker has no certificate yet: it
// serves these pages in the clear.
#pragma once

#include <functional>
#include <string>

#include "agent/base/http.h"
#include "agent/base/result.h"
#include "agent/server/call.h"
#include "agent/server/listener.h"

namespace haagent {

class StatusServer {
 public:
  // `status` gives the JSON page, unset: there is none; `announce` answers an announcement; both
  // are called from the server's threads, and must not wait for anybody. The files of `tls` are
  // read again for each connection, so that it may listen before they are there and sees every
  // renewal; empty: in the clear, and nobody can say announcement.
  StatusServer(std::function<std::string()> status,
               std::function<ServerReply(ServerCall const&)> announcement, HttpTls tls);

  // GET /metrics too; before listen().
  void serve_metrics(std::function<std::string()> metrics);
  // GET /v1/timeline: the record of the boot, JSON; empty: none yet, which is a 404. Before
  // listen().
  void serve_timeline(std::function<std::string()> timeline);

  // GET /v1/support-bundle (support_bundle.h), of a master alone. Called from the server's threads,
  // of which it keeps one for as long as it takes. Before listen().
  void serve_support_bundle(std::function<Answer(ServerCall const&)> bundle);

  // Listens on the address and serves until destroyed. Port 0 takes a free one; the port is
  // returned.
  Result<int> listen(std::string const& address, int port);

 private:
  HttpListener listener_;
};

}  // namespace haagent
