#include "agent/server.h"

#include <httplib.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <thread>

#include "agent/metrics.h"

namespace haagent {

namespace {

struct StoreDeleter {
  void operator()(X509_STORE* store) const { X509_STORE_free(store); }
};

// Of one connection: certificate, key and trust as they are on the disk now. 0 ends the handshake.
int use_files(SSL* ssl, void* user) {
  auto const& tls = *static_cast<HttpTls const*>(user);
  std::unique_ptr<X509_STORE, StoreDeleter> trust(X509_STORE_new());
  bool const good = trust && X509_STORE_load_file(trust.get(), tls.ca_file.c_str()) == 1 &&
                    SSL_set1_verify_cert_store(ssl, trust.get()) == 1 &&
                    SSL_use_certificate_file(ssl, tls.cert_file.c_str(), SSL_FILETYPE_PEM) == 1 &&
                    SSL_use_PrivateKey_file(ssl, tls.key_file.c_str(), SSL_FILETYPE_PEM) == 1;
  ERR_clear_error();
  return good ? 1 : 0;
}

bool set_up(SSL_CTX& context, HttpTls& tls) {
  SSL_CTX_set_min_proto_version(&context, TLS1_2_VERSION);
  SSL_CTX_set_verify(&context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  // A session that is taken up again would not be looked at anew.
  SSL_CTX_set_session_cache_mode(&context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(&context, SSL_OP_NO_TICKET);
  SSL_CTX_set_cert_cb(&context, use_files, &tls);
  return true;
}

}  // namespace

struct StatusServer::Impl {
  explicit Impl(HttpTls files) : tls(std::move(files)) {
    if (tls.cert_file.empty()) {
      server = std::make_unique<httplib::Server>();
    } else {
      server = std::make_unique<httplib::SSLServer>(
          [this](SSL_CTX& context) { return set_up(context, tls); });
    }
  }
  HttpTls tls;
  std::unique_ptr<httplib::Server> server;
  std::jthread thread;
};

StatusServer::StatusServer(std::function<std::string()> status, HttpTls tls)
    : impl_(std::make_unique<Impl>(std::move(tls))) {
  auto& server = *impl_->server;
  // Two threads answer all that a handful of operators ask; the library's default is one a core or
  // eight.
  server.new_task_queue = [] { return new httplib::ThreadPool(2); };
  server.set_read_timeout(2, 0);
  server.set_write_timeout(2, 0);
  server.set_keep_alive_max_count(1);
  server.set_payload_max_length(1024);
  if (status)
    server.Get("/v1/status", [status = std::move(status)](auto const&, auto& response) {
      response.set_content(status(), "application/json");
    });
}

void StatusServer::serve_metrics(std::function<std::string()> metrics) {
  impl_->server->Get("/metrics", [metrics = std::move(metrics)](auto const&, auto& response) {
    response.set_content(metrics(), kMetricsType);
  });
}

StatusServer::~StatusServer() {
  impl_->server->stop();
}

Result<int> StatusServer::listen(std::string const& address, int port) {
  auto& server = *impl_->server;
  if (port == 0) {
    port = server.bind_to_any_port(address);
    if (port < 0) return fail(Kind::internal, "no free port to listen on at {}", address);
  } else if (!server.bind_to_port(address, port)) {
    return fail(Kind::conflict, "port {} on {} is taken or the address is not this machine's", port,
                address);
  }
  impl_->thread = std::jthread([&server] { server.listen_after_bind(); });
  return port;
}

}  // namespace haagent
