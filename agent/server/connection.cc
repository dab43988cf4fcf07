#include "agent/server/connection.h"

#include <netdb.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "agent/base/server_key.h"

namespace haagent {
namespace {

// A chain of ours takes some two thousand bytes.
constexpr long kCertificatesCap = 16 << 10;

struct Deleter {
  void operator()(X509_STORE* store) const { X509_STORE_free(store); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
template <class T>
using Owned = std::unique_ptr<T, Deleter>;

// Of one connection: certificate, key and trust as they are on the disk now. 0 ends the handshake.
int use_files(SSL* ssl, void* user) {
  auto const& tls = *static_cast<HttpTls const*>(user);
  Owned<X509_STORE> trust(X509_STORE_new());
  bool const good = trust && X509_STORE_load_file(trust.get(), tls.ca_file.c_str()) == 1 &&
                    SSL_set1_verify_cert_store(ssl, trust.get()) == 1 &&
                    SSL_use_certificate_file(ssl, tls.cert_file.c_str(), SSL_FILETYPE_PEM) == 1 &&
                    SSL_use_PrivateKey_file(ssl, tls.key_file.c_str(), SSL_FILETYPE_PEM) == 1;
  ERR_clear_error();
  return good ? 1 : 0;
}

}  // namespace

ServerTls::ServerTls(HttpTls files, ClientCertificate clients)
    : files_(std::make_unique<HttpTls const>(std::move(files))) {
  if (!is_on()) return;
  auto* const context = SSL_CTX_new(TLS_server_method());
  context_.reset(context);
  if (!context) return;
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  int const required = clients == ClientCertificate::required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | required, nullptr);
  SSL_CTX_set_max_cert_list(context, kCertificatesCap);
  // A session that is taken up again would not be looked at again.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_cert_cb(context, use_files, const_cast<HttpTls*>(files_.get()));
}

ServerTls::~ServerTls() = default;
ServerTls::ServerTls(ServerTls&&) noexcept = default;

void ServerTls::Free::operator()(void* context) const {
  SSL_CTX_free(static_cast<SSL_CTX*>(context));
}

struct ServerConnection::Tls {
  Owned<SSL> ssl;
};

ServerConnection::ServerConnection(int socket, ServerTls const& tls, Limits limits)
    : socket_(socket), limits_(limits), deadline_(std::chrono::steady_clock::now() + limits.whole) {
  if (!tls.is_on()) return;
  tls_ = std::make_unique<Tls>();
  if (auto* const context = static_cast<SSL_CTX*>(tls.context())) tls_->ssl.reset(SSL_new(context));
  if (!tls_->ssl || SSL_set_fd(tls_->ssl.get(), socket) != 1) broken_ = true;
}

ServerConnection::~ServerConnection() = default;

bool ServerConnection::comes(int event, SteadyTime until) const {
  auto const left =
      std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
  if (left.count() <= 0) return false;
  pollfd polled{.fd = socket_, .events = static_cast<short>(event), .revents = 0};
  return ::poll(&polled, 1, static_cast<int>(left.count())) == 1;
}

bool ServerConnection::may_read() const {
  auto const got = tls_ ? BIO_number_read(SSL_get_rbio(tls_->ssl.get())) : read_;
  return got < limits_.read;
}

// A TLS call, again and again while it waits for the other end.
template <class Call>
ssize_t ServerConnection::repeat(Call call) {
  auto* const ssl = tls_->ssl.get();
  while (!broken_ && may_read()) {
    ERR_clear_error();
    int const done = call(ssl);
    if (done > 0) return done;
    int const trouble = SSL_get_error(ssl, done);
    if (trouble == SSL_ERROR_ZERO_RETURN) return 0;
    bool const waited = trouble == SSL_ERROR_WANT_READ
                            ? comes(POLLIN, deadline_)
                            : trouble == SSL_ERROR_WANT_WRITE && comes(POLLOUT, deadline_);
    if (!waited) break;
  }
  ERR_clear_error();
  broken_ = true;
  return -1;
}

void ServerConnection::begin_again() {
  deadline_ = std::chrono::steady_clock::now() + limits_.whole;
}

bool ServerConnection::handshake() {
  return !tls_ || repeat([](SSL* ssl) { return SSL_accept(ssl); }) > 0;
}

ssize_t ServerConnection::read(char* into, std::size_t size) {
  auto const most = static_cast<int>(std::min<std::size_t>(size, 1u << 14u));
  if (tls_) return repeat([&](SSL* ssl) { return SSL_read(ssl, into, most); });
  while (!broken_ && may_read()) {
    auto const room = std::min(static_cast<std::size_t>(most), limits_.read - read_);
    auto const got = ::recv(socket_, into, room, 0);
    if (got > 0) read_ += static_cast<std::size_t>(got);
    if (got >= 0) return got;
    if (errno == EINTR) continue;
    if ((errno != EAGAIN && errno != EWOULDBLOCK) || !comes(POLLIN, deadline_)) break;
  }
  broken_ = true;
  return -1;
}

bool ServerConnection::write(std::string_view bytes) {
  while (!bytes.empty() && !broken_) {
    auto const most = static_cast<int>(std::min<std::size_t>(bytes.size(), 1u << 20u));
    ssize_t sent = 0;
    if (tls_) {
      sent = repeat([&](SSL* ssl) { return SSL_write(ssl, bytes.data(), most); });
    } else {
      sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0 && (errno == EINTR ||
                       ((errno == EAGAIN || errno == EWOULDBLOCK) && comes(POLLOUT, deadline_))))
        continue;
    }
    if (sent <= 0)
      broken_ = true;
    else
      bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return bytes.empty();
}

void ServerConnection::finish(bool unread) {
  if (tls_ && !broken_) SSL_shutdown(tls_->ssl.get());
  ERR_clear_error();
  ::shutdown(socket_, unread ? SHUT_WR : SHUT_RDWR);
  if (!unread) return;
  auto const until = std::min(
      deadline_, std::chrono::steady_clock::now() + SteadyTime::duration(limits_.rest_time));
  std::array<char, 4096> nowhere;
  for (std::size_t thrown = 0; thrown < limits_.rest && comes(POLLIN, until);) {
    auto const got = ::recv(socket_, nowhere.data(), nowhere.size(), 0);
    if (got <= 0) break;
    thrown += static_cast<std::size_t>(got);
  }
  ::shutdown(socket_, SHUT_RDWR);
}

std::string ServerConnection::certificate() const {
  if (!tls_ || !tls_->ssl) return {};
  Owned<X509> const certificate(SSL_get1_peer_certificate(tls_->ssl.get()));
  Owned<BIO> const bio(BIO_new(BIO_s_mem()));
  if (!certificate || !bio || PEM_write_bio_X509(bio.get(), certificate.get()) != 1) return {};
  char* text = nullptr;
  auto const length = BIO_get_mem_data(bio.get(), &text);
  return length > 0 ? std::string(text, static_cast<std::size_t>(length)) : std::string();
}

std::string ServerConnection::server_key() const {
  auto* const certificate = tls_ && tls_->ssl ? SSL_get_certificate(tls_->ssl.get()) : nullptr;
  return certificate ? key_hash(X509_get_X509_PUBKEY(certificate)) : "";
}

std::string ServerConnection::address() const {
  sockaddr_storage where{};
  socklen_t length = sizeof where;
  auto* const address = reinterpret_cast<sockaddr*>(&where);
  char host[NI_MAXHOST] = {};
  if (::getpeername(socket_, address, &length) != 0 ||
      ::getnameinfo(address, length, host, sizeof host, nullptr, 0, NI_NUMERICHOST) != 0)
    return {};
  return host;
}

}  // namespace haagent
