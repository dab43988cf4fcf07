#include "tests/sim/standin/health_server.h"

#include <httplib.h>

#include <atomic>

namespace haagent::sim {

HealthServer::HealthServer() = default;
HealthServer::~HealthServer() {
  end();
}

Result<void> HealthServer::start(std::string const& host, int port,
                                 std::vector<std::string> const& paths) {
  end();
  server_ = std::make_unique<httplib::Server>();
  server_->new_task_queue = [] { return new httplib::ThreadPool(2); };
  server_->set_keep_alive_timeout(1);  // what end() may wait for
  for (auto const& path : paths)
    server_->Get(path, [](httplib::Request const&, httplib::Response& response) {
      response.set_content("ok", "text/plain");
    });
  if (!server_->bind_to_port(host.c_str(), port)) {
    server_.reset();
    return fail(Kind::transient, "cannot listen on {} port {}", host, port);
  }
  auto over = std::make_shared<std::atomic<bool>>(false);
  thread_ = std::thread([server = server_.get(), over] {
    server->listen_after_bind();
    *over = true;
  });
  // stop() before it listens would be lost.
  while (!server_->is_running() && !*over)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return {};
}

void HealthServer::end() {
  if (server_) server_->stop();
  if (thread_.joinable()) thread_.join();
  server_.reset();
}

}  // namespace haagent::sim
