// A small HTTP/1.1 server of fixed pages, with TLS or in the clear. It lets in as many as there is
// room for (connection_limiter.h), so that anyone who opens connections and says nothing keeps
// nobody else away.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/base/file_descriptor.h"
#include "agent/base/result.h"
#include "agent/server/call.h"
#include "agent/server/connection.h"
#include "agent/server/connection_limiter.h"

namespace haagent {

struct Answer {
  int status = 200;
  std::string type;
  std::string body;
  std::string allow = {};  // the methods that there are, of a 405
  std::optional<std::chrono::seconds> retry_after = {};
  std::shared_ptr<void> kept = {};  // until the connection ends, where it goes on
};

struct Route {
  std::string method;  // "GET": HEAD too
  std::string path;
  std::size_t body_cap = 0;  // 0: it takes no body
  bool goes_on = false;      // after a 200 the connection may bring another request
  std::function<Answer(ServerCall const&)> answer;
};

struct ListenerLimits {
  ConnectionLimits connections = {};
  ServerConnection::Limits connection = {};
  int backlog = 128;  // that the kernel keeps; its own bound is net.core.somaxconn
};

class HttpListener {
 public:
  explicit HttpListener(ServerTls tls, ListenerLimits limits = {});
  ~HttpListener();

  // Before listen(). Called from the listener's threads.
  void serve(Route route);

  // Listens on the address and serves until destroyed. Port 0 takes a free one; the port is
  // returned.
  Result<int> listen(std::string const& address, int port);
  // The same on a socket that listens already. Errors: conflict where it listens elsewhere.
  Result<void> listen_on(FileDescriptor socket, std::string const& address, int port);
  int socket() const;  // that it listens on

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace haagent
