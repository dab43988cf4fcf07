#include "agent/server/listener.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <thread>

#include "agent/base/cidr.h"
#include "agent/base/file_descriptor.h"
#include "agent/base/sha256.h"
#include "agent/server/request_reader.h"
#include "bootstrap/pki/keys.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;

constexpr int kUntilRoom = 20;     // milliseconds
constexpr int kRequestsOfOne = 4;  // on one connection
constexpr std::size_t kNonceBytes = 32;

std::string_view reason_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 409:
      return "Conflict";
    case 411:
      return "Length Required";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "-";
  }
}

std::string text_of(Answer const& answer, bool with_body, bool is_last = true) {
  auto text = fmt::format("HTTP/1.1 {} {}\r\nContent-Length: {}\r\n", answer.status,
                          reason_of(answer.status), answer.body.size());
  if (is_last) text += "Connection: close\r\n";
  if (answer.retry_after) text += fmt::format("Retry-After: {}\r\n", answer.retry_after->count());
  if (!answer.type.empty()) text += fmt::format("Content-Type: {}\r\n", answer.type);
  if (!answer.allow.empty()) text += fmt::format("Allow: {}\r\n", answer.allow);
  text += "\r\n";
  if (with_body) text += answer.body;
  return text;
}

// Whether a request for the route's method is this one: HEAD is a GET whose page stays away.
bool fits(Route const& route, std::string_view method) {
  return route.method == method || (route.method == "GET" && method == "HEAD");
}

// Which route answers, from the head alone; or the answer that needs no route.
struct Chosen {
  Route const* route = nullptr;
  Answer answer;
};
Chosen choose(std::vector<Route> const& routes, RequestHead const& head) {
  std::string allow;
  for (auto const& route : routes) {
    if (route.path != head.path) continue;
    if (fits(route, head.method)) {
      int status = 0;
      if (route.body_cap > 0) {
        if (head.encoded) status = 415;
        if (!head.chunked && !head.length) status = 411;
        if (head.length.value_or(0) > route.body_cap) status = 413;
      }
      if (status != 0) return {.route = nullptr, .answer = {.status = status}};
      return {.route = &route, .answer = {}};
    }
    if (!allow.empty()) allow += ", ";
    allow += route.method == "GET" ? "GET, HEAD" : route.method;
  }
  return {.route = nullptr, .answer = {.status = allow.empty() ? 404 : 405, .allow = allow}};
}

// Reads one request and answers it: from its head where it is not to be had, so that nobody's body
// is read for nothing. True where the connection goes on with another, and keeps what the answer
// has for it.
bool answer_one(ServerConnection& connection, RequestReader& reader, ServerCall call,
                std::vector<Route> const& routes, std::shared_ptr<void>& kept) {
  auto const head = reader.head();
  if (!head) {
    if (head.error() != 0) connection.write(text_of({.status = head.error()}, true));
    connection.finish(/*unread=*/true);
    return false;
  }
  bool const wants_body = head->method != "HEAD";
  auto const [route, refusal] = choose(routes, *head);
  if (!route) {
    connection.write(text_of(refusal, wants_body));
    connection.finish(/*unread=*/true);
    return false;
  }
  if (route->body_cap > 0) {
    if (head->expects_continue && head->has_body())
      connection.write("HTTP/1.1 100 Continue\r\n\r\n");
    auto body = reader.body(*head, route->body_cap);
    if (!body) {
      connection.write(text_of({.status = body.error()}, true));
      connection.finish(/*unread=*/true);
      return false;
    }
    call.body = *std::move(body);
  }
  Answer answer;
  try {
    answer = route->answer(call);
  } catch (std::exception const&) {
    answer = {.status = 500};  // one connection's matter, not the agent's end
  }
  connection.begin_again();
  bool const unread = route->body_cap == 0 && head->has_body();
  bool const goes_on = route->goes_on && answer.status == 200 && !unread;
  connection.write(text_of(answer, wants_body, !goes_on));
  if (!goes_on) connection.finish(unread);
  if (goes_on && answer.kept) kept = std::move(answer.kept);
  return goes_on;
}

struct AddressesDeleter {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

Result<FileDescriptor> listen_at(std::string const& address, int port, int backlog) {
  addrinfo const hints{.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                       .ai_family = AF_UNSPEC,
                       .ai_socktype = SOCK_STREAM};
  addrinfo* list = nullptr;
  if (::getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &list) != 0 || !list)
    return fail(Kind::invalid, "'{}' is no IP address to listen on", address);
  std::unique_ptr<addrinfo, AddressesDeleter> const found(list);
  FileDescriptor socket(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  int const on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  // Connections inherit it: an answer after which the connection goes on would wait 40 ms for the
  // other end to acknowledge what TLS has sent before.
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::bind(socket.get(), found->ai_addr, found->ai_addrlen) != 0 ||
      ::listen(socket.get(), backlog) != 0)
    return fail(Kind::conflict, "port {} on {} cannot be listened on: {}", port, address,
                std::generic_category().message(errno));
  return socket;
}

struct SocketPlace {
  std::string address;
  int port;
};
std::optional<SocketPlace> place_of(int socket) {
  sockaddr_storage where{};
  socklen_t length = sizeof where;
  char address[NI_MAXHOST], port[NI_MAXSERV];
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&where), &length) != 0 ||
      ::getnameinfo(reinterpret_cast<sockaddr*>(&where), length, address, sizeof address, port,
                    sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return std::nullopt;
  return SocketPlace{.address = address, .port = std::atoi(port)};
}

// Empty where there is no randomness: then there is nothing to bind a proof to.
std::string fresh_nonce() {
  auto const bytes = bootstrap::pki::random_bytes(kNonceBytes);
  return bytes ? to_hex(*bytes) : "";
}

}  // namespace

struct HttpListener::Impl {
  Impl(ServerTls given, ListenerLimits bounds)
      : tls(std::move(given)),
        limits(bounds),
        ended(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        limiter(limits.connections, [this](int socket) { serve(socket); }) {}

  void start(FileDescriptor socket) {
    listener = std::move(socket);
    thread = std::jthread([this] { accept_all(); });
  }
  void accept_all() {
    for (;;) {
      pollfd polled[] = {{.fd = listener.get(), .events = POLLIN, .revents = 0},
                         {.fd = ended.get(), .events = POLLIN, .revents = 0}};
      ::poll(polled, 2, -1);
      if (polled[1].revents != 0) return;
      if (!limiter.make_room()) {
        ::poll(polled + 1, 1, kUntilRoom);
        continue;
      }
      FileDescriptor socket(
          ::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (socket) {
        limiter.admit(std::move(socket));
      } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        ::poll(polled + 1, 1, 100);  // anyone who waits stays; not all at once
      }
    }
  }
  void serve(int socket) {
    ServerConnection connection(socket, tls, limits.connection);
    if (!connection.handshake()) return connection.finish(/*unread=*/true);
    ServerCall const call{.body = {},
                          .certificate = connection.certificate(),
                          .address = connection.address(),
                          .server_key = connection.server_key(),
                          .nonce = tls.is_on() ? fresh_nonce() : ""};
    RequestReader reader([&](char* into, std::size_t size) { return connection.read(into, size); });
    std::shared_ptr<void> kept;
    for (int left = kRequestsOfOne; answer_one(connection, reader, call, routes, kept);)
      if (--left == 0) return connection.finish(/*unread=*/true);
  }

  ServerTls tls;
  ListenerLimits const limits;
  std::vector<Route> routes;
  FileDescriptor listener;
  FileDescriptor ended;
  ConnectionLimiter limiter;  // ends before what it uses
  std::jthread thread;        // and after who hands it sockets
};

HttpListener::HttpListener(ServerTls tls, ListenerLimits limits)
    : impl_(std::make_unique<Impl>(std::move(tls), limits)) {}

HttpListener::~HttpListener() {
  ::eventfd_write(impl_->ended.get(), 1);
}

void HttpListener::serve(Route route) {
  impl_->routes.push_back(std::move(route));
}

Result<int> HttpListener::listen(std::string const& address, int port) {
  impl_->start(TRY(listen_at(address, port, impl_->limits.backlog)));
  auto const there = place_of(socket());
  return there ? there->port : port;
}

Result<void> HttpListener::listen_on(FileDescriptor socket, std::string const& address, int port) {
  int listens = 0;
  socklen_t length = sizeof listens;
  ::getsockopt(socket.get(), SOL_SOCKET, SO_ACCEPTCONN, &listens, &length);
  auto const there = place_of(socket.get());
  if (listens == 0 || !there || !is_same_address(there->address, address) || there->port != port)
    return fail(Kind::conflict, "the socket does not listen on port {} of {}", port, address);
  ::listen(socket.get(), impl_->limits.backlog);  // it may have another version's
  impl_->start(std::move(socket));
  return {};
}

int HttpListener::socket() const {
  return impl_->listener.get();
}

}  // namespace haagent
