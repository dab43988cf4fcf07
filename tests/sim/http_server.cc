#include "tests/sim/http_server.h"

#include <arpa/inet.h>
#include <httplib.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <condition_variable>
#include <cstring>
#include <mutex>
#include <set>
#include <thread>

#include "agent/base/file_descriptor.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;

constexpr auto kIdle = 60s;      // a kept connection without a request
constexpr auto kExchange = 30s;  // a read or write within one
constexpr auto kSilence = 10min;
constexpr std::size_t kMostInMemory = 1u << 20u;  // of a body, where large ones may come
constexpr std::size_t kMostOfBody = 16u << 20u;
constexpr std::size_t kMostOfLarge = std::size_t{6} << 30u;

// True where the events came in time.
bool wait_for(int fd, short events, std::chrono::milliseconds limit) {
  pollfd entry{fd, events, 0};
  int ready = 0;
  do {
    ready = poll(&entry, 1, static_cast<int>(limit.count()));
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

class Connection final : public httplib::Stream {
 public:
  explicit Connection(int fd) : fd_(fd) {}

  // Until a request comes. False at the end of the connection or of patience.
  bool wait_for_request() { return at_ < end_ || (wait_for(fd_, POLLIN, kIdle) && fill()); }
  void drop() { dropped_ = true; }
  bool is_dropped() const { return dropped_; }
  void wait_for_peer_to_leave() { wait_for(fd_, POLLRDHUP, kSilence); }

  bool is_readable() const override { return at_ < end_ || wait_for(fd_, POLLIN, 0ms); }
  bool is_writable() const override { return !dropped_ && wait_for(fd_, POLLOUT, kExchange); }
  ssize_t read(char* to, size_t size) override {
    if (at_ == end_ && (!wait_for(fd_, POLLIN, kExchange) || !fill()))
      return end_of_input_ ? 0 : -1;
    auto const some = std::min(size, end_ - at_);
    std::memcpy(to, buffer_ + at_, some);
    at_ += some;
    return static_cast<ssize_t>(some);
  }
  ssize_t write(char const* from, size_t size) override {
    if (dropped_ || !wait_for(fd_, POLLOUT, kExchange)) return -1;
    return send(fd_, from, size, MSG_NOSIGNAL);
  }
  void get_remote_ip_and_port(std::string& ip, int& port) const override {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    if (getpeername(fd_, reinterpret_cast<sockaddr*>(&address), &length) == 0) {
      describe(address, ip, port);
    }
  }
  void get_local_ip_and_port(std::string& ip, int& port) const override {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    if (getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length) == 0) {
      describe(address, ip, port);
    }
  }
  socket_t socket() const override { return fd_; }

 private:
  static void describe(sockaddr_storage const& address, std::string& ip, int& port) {
    char text[INET6_ADDRSTRLEN] = "";
    if (address.ss_family == AF_INET) {
      sockaddr_in v4{};
      std::memcpy(&v4, &address, sizeof v4);
      inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
      port = ntohs(v4.sin_port);
    } else if (address.ss_family == AF_INET6) {
      sockaddr_in6 v6{};
      std::memcpy(&v6, &address, sizeof v6);
      inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
      port = ntohs(v6.sin6_port);
    }
    ip = text;
  }
  bool fill() {
    auto const got = recv(fd_, buffer_, sizeof buffer_, 0);
    end_of_input_ = got == 0;
    if (got <= 0) return false;
    at_ = 0;
    end_ = static_cast<std::size_t>(got);
    return true;
  }

  int fd_;
  char buffer_[16384];
  std::size_t at_ = 0;
  std::size_t end_ = 0;
  bool end_of_input_ = false;
  bool dropped_ = false;
};

// The handler runs in its connection's thread; cpp-httplib does not hand the stream on.
thread_local Connection* t_connection = nullptr;

Result<FileDescriptor> listen_on(Listen const& where) {
  bool const is_unix = !where.socket.empty();
  sockaddr_storage address{};
  socklen_t length = 0;
  int family = AF_INET;
  if (is_unix) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    family = AF_UNIX;
    auto const path = where.socket.string();
    if (path.size() >= sizeof name.sun_path) {
      return fail(Kind::invalid, "the socket's path is longer than {} bytes: {}",
                  sizeof name.sun_path - 1, path);
    }
    std::memcpy(name.sun_path, path.c_str(), path.size());
    std::memcpy(&address, &name, sizeof name);
    length = sizeof name;
    ::unlink(path.c_str());
  } else {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(where.port);
    if (inet_pton(AF_INET, where.address.c_str(), &v4.sin_addr) != 1) {
      return fail(Kind::invalid, "'{}' is not an IPv4 address to listen on", where.address);
    }
    std::memcpy(&address, &v4, sizeof v4);
    length = sizeof v4;
  }
  auto const doing = is_unix ? fmt::format("listening on {}", where.socket.string())
                             : fmt::format("listening on {}:{}", where.address, where.port);
  FileDescriptor fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return fail_errno(errno, doing);
  int const on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      ::listen(fd.get(), 128) != 0) {
    return fail_errno(errno, doing);
  }
  return fd;
}

}  // namespace

class HttpServer::Server final : public httplib::Server {
 public:
  Server(FileDescriptor listener, HttpServer::Handler handler, Listen const& where)
      : listener_(std::move(listener)),
        handler_(std::move(handler)),
        socket_(where.socket),
        large_bodies_(where.large_bodies) {
    auto const plain = [this](httplib::Request const& request, httplib::Response& response) {
      respond(request, "", nullptr, response);
    };
    // With a reader of our own: without one, cpp-httplib waits for the end of the connection where
    // a PUT states no length, and caps forms at 8 KiB.
    auto const with_body = [this](httplib::Request const& request, httplib::Response& response,
                                  httplib::ContentReader const& read) {
      std::string body;
      std::shared_ptr<Bytes> large;
      if (request.has_header("Content-Length") || request.has_header("Transfer-Encoding")) {
        read([&](char const* data, size_t size) {
          if (large) return large->append({data, size}).has_value();
          body.append(data, size);
          if (!large_bodies_ || body.size() <= kMostInMemory) return true;
          large = std::make_shared<Bytes>();
          bool const kept = large->append(body).has_value();
          body = std::string();
          return kept;
        });
        // Too long, or cut off: cpp-httplib knows what to answer.
        if (response.status >= 400) return;
      }
      respond(request, std::move(body), std::move(large), response);
    };
    Get(".*", plain).Options(".*", plain);
    Post(".*", with_body).Put(".*", with_body).Patch(".*", with_body).Delete(".*", with_body);
    set_payload_max_length(large_bodies_ ? kMostOfLarge : kMostOfBody);
    svr_sock_ = listener_.get();  // without one cpp-httplib sends no long answers
    acceptor_ = std::thread([this] { accept_all(); });
  }

  ~Server() override {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
      svr_sock_ = INVALID_SOCKET;  // ends the long answers
      for (int fd : connections_) ::shutdown(fd, SHUT_RDWR);
    }
    changed_.notify_all();
    ::shutdown(listener_.get(), SHUT_RDWR);
    acceptor_.join();
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return connections_.empty(); });
    if (!socket_.empty()) ::unlink(socket_.c_str());
  }

  std::uint16_t bound_port() const {
    sockaddr_in address{};
    socklen_t length = sizeof address;
    getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &length);
    return ntohs(address.sin_port);
  }

 private:
  void accept_all() {
    for (;;) {
      int const fd = accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
      std::lock_guard lock(mutex_);
      if (stopping_) {
        if (fd >= 0) ::close(fd);
        return;
      }
      if (fd < 0) {
        // Out of descriptors, or a peer that left at once: neither ends the server.
        std::this_thread::sleep_for(10ms);
        continue;
      }
      int const on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      connections_.insert(fd);
      std::thread([this, fd] { serve(fd); }).detach();
    }
  }

  void serve(int fd) {
    {
      Connection connection(fd);
      t_connection = &connection;
      bool closed = false;
      while (!closed && !connection.is_dropped() && connection.wait_for_request()) {
        // Ranges are the services' own business: cpp-httplib would cut a part out of the part.
        auto const no_ranges = [](httplib::Request& request) { request.ranges.clear(); };
        if (!process_request(connection, false, closed, no_ranges)) break;
      }
      t_connection = nullptr;
    }
    ::shutdown(fd, SHUT_RDWR);
    std::lock_guard lock(mutex_);
    // Forgotten before it is closed, and both under the lock: once closed, its number may be the
    // next connection's, which must not be the one that is forgotten.
    connections_.erase(fd);
    ::close(fd);
    // Under the lock: the destructor may not pass before this thread has let go.
    changed_.notify_all();
  }

  void respond(httplib::Request const& from, std::string body, std::shared_ptr<Bytes> large,
               httplib::Response& to) {
    Request request;
    request.large = std::move(large);
    request.source = from.remote_addr;
    request.wire.method = from.method;
    auto const query = from.target.find('?');
    request.wire.path = from.target.substr(0, query);
    if (query != std::string::npos) request.wire.query = from.target.substr(query + 1);
    for (auto const& [name, value] : from.headers) {
      // cpp-httplib's own, not the asker's.
      if (name != "REMOTE_ADDR" && name != "REMOTE_PORT" && name != "LOCAL_ADDR" &&
          name != "LOCAL_PORT") {
        request.wire.headers.emplace_back(name, value);
      }
    }
    request.wire.body = std::move(body);
    auto const response = handler_(request);
    if (response.delay > Duration(0)) {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, response.delay, [this] { return stopping_; });
    }
    if (response.delivery != Response::Delivery::answer) {
      if (response.delivery == Response::Delivery::silence) t_connection->wait_for_peer_to_leave();
      t_connection->drop();
      return;
    }
    to.status = response.status;
    std::string type = "text/plain";
    for (auto const& [name, value] : response.headers) {
      if (name == "content-type") {
        type = value;
      } else {
        to.set_header(name, value);
      }
    }
    if (!response.large || response.length == 0) {
      to.set_content(response.body, type);
      return;
    }
    to.set_content_provider(response.length, type,
                            [bytes = response.large, base = response.offset](
                                size_t offset, size_t length, httplib::DataSink& sink) {
                              bool open = true;
                              auto const read =
                                  bytes->each(base + offset, length, [&](std::string_view piece) {
                                    return open = sink.write(piece.data(), piece.size());
                                  });
                              return open && read.has_value();
                            });
  }

  FileDescriptor listener_;
  HttpServer::Handler handler_;
  std::filesystem::path socket_;
  bool const large_bodies_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<int> connections_;
  bool stopping_ = false;
  std::thread acceptor_;
};

HttpServer::HttpServer(std::unique_ptr<Server> server) : server_(std::move(server)) {}
HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::start(Listen const& where, Handler handler) {
  auto listener = listen_on(where);
  if (!listener) return std::unexpected(listener.error());
  return std::unique_ptr<HttpServer>(
      new HttpServer(std::make_unique<Server>(std::move(*listener), std::move(handler), where)));
}

std::uint16_t HttpServer::port() const {
  return server_->bound_port();
}

Result<Response> request_over(std::filesystem::path const& socket, Request const& request) {
  httplib::Client client(socket.string());
  client.set_address_family(AF_UNIX);
  client.set_connection_timeout(5s);
  client.set_read_timeout(10min);  // an exec, or an instance that takes its time to go down
  httplib::Request out;
  out.method = request.wire.method;
  out.path = request.wire.path;
  for (auto const& [name, value] : request.wire.headers) out.set_header(name, value);
  out.set_header("Host", "haagent-sim");
  out.body = request.wire.body;
  auto const result = client.send(out);
  if (!result) {
    return fail(Kind::transient,
                "no region answers on {} ({}); is `haagent-sim run` up, and is --control the same?",
                socket.string(), httplib::to_string(result.error()));
  }
  Response response;
  response.status = result->status;
  for (auto const& [name, value] : result->headers) response.headers.emplace_back(name, value);
  response.body = result->body;
  return response;
}

}  // namespace haagent::sim
