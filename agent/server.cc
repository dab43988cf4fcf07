#include "agent/server.h"

#include <httplib.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "agent/doorway.h"
#include "agent/metrics.h"
#include "bootstrap/hosts/hello.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;

constexpr int kBacklog = 128;
// Of one connection, from its first byte to the last of the answer.
constexpr Duration kWhole = 5s;

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

// One connection, with TLS or without. Whatever the other end does, it is over at the deadline.
class Connection final : public httplib::Stream {
 public:
  Connection(int socket, SSL* ssl, SteadyTime deadline)
      : socket_(socket), ssl_(ssl), deadline_(deadline) {}

  bool handshake() {
    return repeat([&] { return SSL_accept(ssl_); }) > 0;
  }
  void say_goodbye() {
    if (ssl_) SSL_shutdown(ssl_);
    ERR_clear_error();
  }

  bool is_readable() const override { return (ssl_ && SSL_pending(ssl_) > 0) || comes(POLLIN); }
  bool is_writable() const override { return comes(POLLOUT); }
  ssize_t read(char* into, size_t size) override {
    auto const most = static_cast<int>(std::min<size_t>(size, 1u << 20u));
    if (ssl_) return repeat([&] { return SSL_read(ssl_, into, most); });
    return repeat([&] { return ::recv(socket_, into, size, 0); }, POLLIN);
  }
  ssize_t write(char const* from, size_t size) override {
    auto const most = static_cast<int>(std::min<size_t>(size, 1u << 20u));
    if (ssl_) return repeat([&] { return SSL_write(ssl_, from, most); });
    return repeat([&] { return ::send(socket_, from, size, MSG_NOSIGNAL); }, POLLOUT);
  }
  void get_remote_ip_and_port(std::string& ip, int& port) const override {
    tell(::getpeername, ip, port);
  }
  void get_local_ip_and_port(std::string& ip, int& port) const override {
    tell(::getsockname, ip, port);
  }
  socket_t socket() const override { return socket_; }

 private:
  bool comes(int event) const {
    auto const left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline_ - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    pollfd polled{.fd = socket_, .events = static_cast<short>(event), .revents = 0};
    return ::poll(&polled, 1, static_cast<int>(left.count())) == 1;
  }
  // Of a call into TLS, which says itself what it waits for; of a plain one `event` says it.
  template <class Call>
  ssize_t repeat(Call call, int event = 0) {
    for (;;) {
      ERR_clear_error();
      auto const done = call();
      if (done > 0) return done;
      if (event == 0) {
        int const trouble = SSL_get_error(ssl_, static_cast<int>(done));
        if (trouble == SSL_ERROR_WANT_READ ? comes(POLLIN)
                                           : trouble == SSL_ERROR_WANT_WRITE && comes(POLLOUT))
          continue;
        return trouble == SSL_ERROR_ZERO_RETURN ? 0 : -1;
      }
      if (done < 0 && errno == EINTR) continue;
      if (done < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) && comes(event)) continue;
      return done;
    }
  }
  void tell(int (*ask)(int, sockaddr*, socklen_t*), std::string& ip, int& port) const {
    sockaddr_storage where{};
    socklen_t length = sizeof where;
    auto* const address = reinterpret_cast<sockaddr*>(&where);
    char host[NI_MAXHOST] = {};
    char service[NI_MAXSERV] = {};
    if (ask(socket_, address, &length) != 0 ||
        ::getnameinfo(address, length, host, sizeof host, service, sizeof service,
                      NI_NUMERICHOST | NI_NUMERICSERV) != 0)
      return;
    ip = host;
    port = std::atoi(service);
  }

  int const socket_;
  SSL* const ssl_;
  SteadyTime const deadline_;
};

struct ContextDeleter {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
struct SslDeleter {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};

// What the library's server calls a task is the hand-over of a socket to the doorway, which never
// waits.
class AtOnce final : public httplib::TaskQueue {
 public:
  void enqueue(std::function<void()> task) override { task(); }
  void shutdown() override {}
};

// The library's server behind a doorway. Its own queue of connections has no end, and an idle one
// takes a thread.
class Server final : public httplib::Server {
 public:
  explicit Server(HttpTls files) : tls_(std::move(files)) {
    new_task_queue = [] { return new AtOnce; };
    if (tls_.cert_file.empty()) return;
    context_.reset(SSL_CTX_new(TLS_server_method()));
    if (context_) set_up(*context_, tls_);
  }
  // The library lets five wait for its next look, which a burst is beyond.
  void let_more_wait() { ::listen(svr_sock_, kBacklog); }
  bool speaks_tls() const { return !tls_.cert_file.empty(); }
  bool is_valid() const override { return !speaks_tls() || context_; }

 private:
  bool process_and_close_socket(socket_t socket) override {
    doorway_.admit(FileDescriptor(socket));
    return true;
  }
  void serve(int socket) {
    auto const deadline = std::chrono::steady_clock::now() + kWhole;
    std::unique_ptr<SSL, SslDeleter> ssl;
    if (speaks_tls()) {
      ssl.reset(SSL_new(context_.get()));
      if (!ssl || SSL_set_fd(ssl.get(), socket) != 1) return;
    }
    Connection connection(socket, ssl.get(), deadline);
    bool closed = false;
    if (!ssl || connection.handshake())
      process_request(connection, /*close_connection=*/true, closed,
                      [&](httplib::Request& request) { request.ssl = ssl.get(); });
    connection.say_goodbye();
    ::shutdown(socket, SHUT_RDWR);
  }

  HttpTls tls_;
  std::unique_ptr<SSL_CTX, ContextDeleter> context_;
  Doorway doorway_{{}, [this](int socket) { serve(socket); }};  // ends before what it uses
};

}  // namespace

struct StatusServer::Impl {
  explicit Impl(HttpTls files) : server(std::move(files)) {}
  Server server;
  std::atomic<bool> over = false;  // it listens no more
  std::jthread thread;
};

StatusServer::StatusServer(std::function<std::string()> status,
                           std::function<ServerReply(ServerCall const&)> hello, HttpTls tls)
    : impl_(std::make_unique<Impl>(std::move(tls))) {
  auto& server = impl_->server;
  server.set_payload_max_length(bootstrap::kHelloCap);
  if (status)
    server.Get("/v1/status", [status = std::move(status)](auto const&, auto& response) {
      response.set_content(status(), "application/json");
    });
  if (!server.speaks_tls()) return;
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
  impl_->server.Get("/metrics", [metrics = std::move(metrics)](auto const&, auto& response) {
    response.set_content(metrics(), kMetricsType);
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
    return fail(Kind::conflict, "port {} on {} is taken or the address is not this machine's", port,
                address);
  }
  server.let_more_wait();
  impl_->thread = std::jthread([this, &server] {
    server.listen_after_bind();
    impl_->over = true;
  });
  // stop() does nothing to a server that does not run yet: then nobody would ever end it.
  while (!server.is_running() && !impl_->over) std::this_thread::sleep_for(1ms);
  return port;
}

}  // namespace haagent
