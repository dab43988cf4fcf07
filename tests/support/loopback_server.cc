#include "tests/support/loopback_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "agent/base/file_descriptor.h"

namespace haagent::test {
namespace {

struct SslContextDeleter {
  void operator()(SSL_CTX* context) const { ::SSL_CTX_free(context); }
};
struct SslDeleter {
  void operator()(SSL* ssl) const { ::SSL_free(ssl); }
};
using SslContext = std::unique_ptr<SSL_CTX, SslContextDeleter>;
using Ssl = std::unique_ptr<SSL, SslDeleter>;

SslContext make_context(ServerTls const& tls) {
  if (tls.cert_file.empty()) return nullptr;
  SslContext context(::SSL_CTX_new(TLS_server_method()));
  auto* raw = context.get();
  bool ready = ::SSL_CTX_use_certificate_chain_file(raw, tls.cert_file.c_str()) == 1 &&
               ::SSL_CTX_use_PrivateKey_file(raw, tls.key_file.c_str(), SSL_FILETYPE_PEM) == 1;
  if (!tls.client_ca_file.empty()) {
    ready = ready && ::SSL_CTX_load_verify_file(raw, tls.client_ca_file.c_str()) == 1;
    ::SSL_CTX_set_verify(raw, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  if (!ready) throw std::runtime_error("the test's certificate cannot be used: " + tls.cert_file);
  return context;
}

class Connection {
 public:
  Connection(int fd, SSL_CTX* context) : fd_(fd) {
    if (context == nullptr) return;
    ssl_.reset(::SSL_new(context));
    ::SSL_set_fd(ssl_.get(), fd);
    open_ = ::SSL_accept(ssl_.get()) == 1;
  }

  // Empty at the end.
  std::string read_some() {
    if (!open_) return {};
    std::string bytes(16 * 1024, '\0');
    auto got = ssl_ ? ::SSL_read(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()))
                    : static_cast<int>(::recv(fd_, bytes.data(), bytes.size(), 0));
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return bytes;
  }

  void write(std::string_view bytes) {
    while (open_ && !bytes.empty()) {
      auto sent = ssl_ ? ::SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()))
                       : static_cast<int>(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

 private:
  int fd_;
  Ssl ssl_;
  bool open_ = true;
};

// The length of the first whole request in the bytes; npos where there is none yet.
std::size_t request_length(std::string const& bytes) {
  auto head = bytes.find("\r\n\r\n");
  if (head == std::string::npos) return head;
  std::size_t body = 0;
  if (auto at = bytes.find("\r\nContent-Length: "); at < head)
    body = std::stoul(bytes.substr(at + 18));
  auto length = head + 4 + body;
  return bytes.size() < length ? std::string::npos : length;
}

}  // namespace

Reply ok(std::string_view body, std::string_view header_lines) {
  return {fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n{}\r\n{}", body.size(),
                      header_lines, body),
          Reply::After::keep};
}

struct LoopbackServer::State {
  Answer answer;
  SslContext context;
  std::string address;
  int port = 0;
  FileDescriptor listener;
  FileDescriptor end_read, end_write;  // a pipe; closed at the end, so that poll() wakes

  mutable std::mutex mutex;
  std::vector<std::string> requests;
  std::vector<FileDescriptor> sockets;
  std::vector<std::jthread> serving;
  std::jthread accepting;

  void serve(int fd) {
    // OpenSSL writes with write(): a client that went away is no reason to die.
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    Connection connection(fd, context.get());
    std::string bytes;
    for (;;) {
      auto length = request_length(bytes);
      if (length == std::string::npos) {
        auto more = connection.read_some();
        if (more.empty()) break;
        bytes += more;
        continue;
      }
      auto request = bytes.substr(0, length);
      bytes.erase(0, length);
      {
        std::lock_guard lock(mutex);
        requests.push_back(request);
      }
      auto reply = answer(request);
      connection.write(reply.bytes);
      if (reply.after == Reply::After::close) break;
      if (reply.after == Reply::After::hold) {
        while (!connection.read_some().empty()) {
        }
        break;
      }
    }
    ::shutdown(fd, SHUT_RDWR);
  }

  void accept_all() {
    for (;;) {
      pollfd polled[] = {{listener.get(), POLLIN, 0}, {end_read.get(), POLLIN, 0}};
      ::poll(polled, 2, -1);
      if (polled[1].revents != 0) return;
      FileDescriptor socket(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!socket) continue;
      std::lock_guard lock(mutex);
      serving.emplace_back([this, fd = socket.get()] { serve(fd); });
      sockets.push_back(std::move(socket));
    }
  }
};

LoopbackServer::LoopbackServer(Answer answer, ServerTls tls, std::string address)
    : state_(std::make_unique<State>()) {
  state_->answer = std::move(answer);
  state_->context = make_context(tls);
  state_->address = std::move(address);

  sockaddr_in6 v6{};
  sockaddr_in v4{};
  bool is_v6 = ::inet_pton(AF_INET6, state_->address.c_str(), &v6.sin6_addr) == 1;
  if (!is_v6) ::inet_pton(AF_INET, state_->address.c_str(), &v4.sin_addr);
  v6.sin6_family = AF_INET6;
  v4.sin_family = AF_INET;
  auto* name = is_v6 ? reinterpret_cast<sockaddr*>(&v6) : reinterpret_cast<sockaddr*>(&v4);
  socklen_t size = is_v6 ? sizeof(v6) : sizeof(v4);
  state_->listener = FileDescriptor(::socket(name->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  int fd = state_->listener.get();
  if (::bind(fd, name, size) != 0 || ::listen(fd, 64) != 0 || ::getsockname(fd, name, &size) != 0) {
    throw std::runtime_error(
        fmt::format("cannot listen on {}: {}", state_->address, std::strerror(errno)));
  }
  state_->port = ntohs(is_v6 ? v6.sin6_port : v4.sin_port);
  if (is_v6) state_->address = "[" + state_->address + "]";

  int ends[2];
  if (::pipe(ends) != 0) throw std::runtime_error("pipe failed");
  state_->end_read = FileDescriptor(ends[0]);
  state_->end_write = FileDescriptor(ends[1]);
  state_->accepting = std::jthread([state = state_.get()] { state->accept_all(); });
}

LoopbackServer::~LoopbackServer() {
  state_->end_write.reset();
  state_->accepting.join();  // from here on no connection comes
  for (auto const& socket : state_->sockets) ::shutdown(socket.get(), SHUT_RDWR);
  state_->serving.clear();
}

int LoopbackServer::port() const {
  return state_->port;
}

std::string LoopbackServer::url(std::string_view path) const {
  return fmt::format("{}://{}:{}{}", state_->context ? "https" : "http", state_->address,
                     state_->port, path);
}

std::vector<std::string> LoopbackServer::requests() const {
  std::lock_guard lock(state_->mutex);
  return state_->requests;
}

int LoopbackServer::connections() const {
  std::lock_guard lock(state_->mutex);
  return static_cast<int>(state_->sockets.size());
}

}  // namespace haagent::test
