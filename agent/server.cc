#include "agent/server.h"

#include <httplib.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <atomic>
#include <thread>

#include "agent/metrics.h"
#include "bootstrap/hosts/hello.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;

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

struct X509Deleter {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
struct BioDeleter {
  void operator()(BIO* bio) const { BIO_free(bio); }
};

// The caller's own certificate as PEM; empty where it has none.
std::string certificate_of(SSL const* ssl) {
  if (!ssl) return {};
  std::unique_ptr<X509, X509Deleter> certificate(SSL_get1_peer_certificate(ssl));
  std::unique_ptr<BIO, BioDeleter> bio(BIO_new(BIO_s_mem()));
  if (!certificate || !bio || PEM_write_bio_X509(bio.get(), certificate.get()) != 1) return {};
  char* text = nullptr;
  auto const length = BIO_get_mem_data(bio.get(), &text);
  return length > 0 ? std::string(text, static_cast<std::size_t>(length)) : std::string();
}

// The body, or nothing where it is longer: whoever sends in chunks says no length beforehand.
std::optional<std::string> read_at_most(std::size_t cap, httplib::ContentReader const& read) {
  std::string body;
  bool const whole = read([&](char const* bytes, std::size_t count) {
    if (count > cap - body.size()) return false;
    body.append(bytes, count);
    return true;
  });
  if (!whole) return std::nullopt;
  return body;
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
  std::atomic<bool> over = false;  // it listens no more
  std::jthread thread;
};

StatusServer::StatusServer(std::function<std::string()> status,
                           std::function<ServerReply(ServerCall const&)> hello, HttpTls tls)
    : impl_(std::make_unique<Impl>(std::move(tls))) {
  auto& server = *impl_->server;
  // Two threads answer all that a handful of operators ask; the library's default is one a core or
  // eight.
  server.new_task_queue = [] { return new httplib::ThreadPool(2); };
  server.set_read_timeout(2, 0);
  server.set_write_timeout(2, 0);
  server.set_keep_alive_max_count(1);
  server.set_payload_max_length(bootstrap::kHelloCap);
  if (status)
    server.Get("/v1/status", [status = std::move(status)](auto const&, auto& response) {
      response.set_content(status(), "application/json");
    });
  if (impl_->tls.cert_file.empty()) return;
  server.Post(bootstrap::kHelloPath,
              [hello = std::move(hello)](auto const& request, auto& response, auto const& read) {
                auto body = read_at_most(bootstrap::kHelloCap, read);
                if (!body) {
                  response.status = 413;
                  return;
                }
                auto const reply = hello({.body = *std::move(body),
                                          .certificate = certificate_of(request.ssl),
                                          .address = request.remote_addr});
                response.status = reply.status;
                response.set_content(reply.sentence, "text/plain");
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
  impl_->thread = std::jthread([this, &server] {
    server.listen_after_bind();
    impl_->over = true;
  });
  // stop() does nothing to a server that does not run yet: then nobody would ever end it.
  while (!server.is_running() && !impl_->over) std::this_thread::sleep_for(1ms);
  return port;
}

}  // namespace haagent
