// HTTP/1.1 on a socket for what answers Requests, and a client for the control socket. Parsing is
// cpp-httplib's; connections are ours, because the region must be able to close one without an
// answer and to fall silent.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "agent/base/result.h"
#include "tests/sim/wire.h"

namespace haagent::sim {

struct Listen {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;        // 0: a free one
  std::filesystem::path socket;  // a Unix socket instead; a stale one is replaced
  bool large_bodies = false;     // above 1 MiB they come as Request::large; else 16 MiB is the most
};

class HttpServer {
 public:
  using Handler = std::function<Response(Request const&)>;
  // The handler is called from many threads, one a connection. request.source is the peer's
  // address.
  static Result<std::unique_ptr<HttpServer>> start(Listen const& where, Handler handler);
  ~HttpServer();  // closes all connections, whatever they wait for, and waits for the handler
  std::uint16_t port() const;

 private:
  class Server;
  explicit HttpServer(std::unique_ptr<Server> server);
  std::unique_ptr<Server> server_;
};

// One request over a Unix socket. transient where nobody listens.
Result<Response> request_over(std::filesystem::path const& socket, Request const& request);

}  // namespace haagent::sim
