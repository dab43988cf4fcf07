#include "agent/server.h"

#include <httplib.h>

#include <thread>

namespace haagent {

struct StatusServer::Impl {
  httplib::Server server;
  std::jthread thread;
};

StatusServer::StatusServer(std::function<std::string()> status) : impl_(std::make_unique<Impl>()) {
  auto& server = impl_->server;
  // Two threads answer all that a handful of operators ask; the library's default is one a core or
  // eight.
  server.new_task_queue = [] { return new httplib::ThreadPool(2); };
  server.set_read_timeout(2, 0);
  server.set_write_timeout(2, 0);
  server.set_keep_alive_max_count(1);
  server.set_payload_max_length(1024);
  server.Get("/v1/status", [status = std::move(status)](auto const&, auto& response) {
    response.set_content(status(), "application/json");
  });
}

StatusServer::~StatusServer() {
  impl_->server.stop();
}

Result<int> StatusServer::listen(std::string const& address, int port) {
  auto& server = impl_->server;
  if (port == 0) {
    port = server.bind_to_any_port(address);
    if (port < 0) return fail(Kind::internal, "no free port to listen on at {}", address);
  } else if (!server.bind_to_port(address, port)) {
    return fail(
        Kind::conflict,
        "port {} on {} is taken or the address is not this machine's: other masters cannot read "
        "this node's status",
        port, address);
  }
  impl_->thread = std::jthread([&server] { server.listen_after_bind(); });
  return port;
}

}  // namespace haagent
