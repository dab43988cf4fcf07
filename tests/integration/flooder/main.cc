// Sends a listener what nobody should; README.md says how.
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr int kConnections = 6;  // of each way at once

struct Way {
  std::string name;
  std::string first;  // once a connection
  std::string more;   // again and again; empty: nothing but waiting for the end
  std::chrono::milliseconds pause = 0ms;
  bool raw = false;  // beneath TLS, where there is TLS
};

std::vector<Way> ways() {
  std::string const host = " HTTP/1.1\r\nHost: a\r\n";
  std::string const block(64u << 10u, 'x');
  auto const get = [&](std::string const& path) { return "GET " + path + host + "\r\n"; };
  return {
      {"body", "POST /x" + host + "\r\n", block},
      {"length", "POST /x" + host + "Content-Length: 99999999999\r\n\r\n", block},
      {"chunks", "POST /x" + host + "Transfer-Encoding: chunked\r\n\r\n",
       "10000\r\n" + block + "\r\n"},
      {"chunk", "POST /x" + host + "Transfer-Encoding: chunked\r\n\r\nfffffffffff\r\n", block},
      {"extensions", "POST /v1/hello" + host + "Transfer-Encoding: chunked\r\n\r\n5;", block},
      {"hello", "POST /v1/hello" + host + "Transfer-Encoding: chunked\r\n\r\n",
       "10000\r\n" + block + "\r\n"},
      {"hello-length", "POST /v1/hello" + host + "Content-Length: 4096\r\n\r\n", "x", 100ms},
      {"gzip", "POST /v1/hello" + host + "Content-Encoding: gzip\r\nContent-Length: 4096\r\n\r\n",
       block},
      {"form", "POST /x" + host + "Content-Type: application/x-www-form-urlencoded\r\n\r\n", block},
      {"files", "POST /x" + host + "Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n",
       block},
      {"page-with-body", "GET /v1/status" + host + "Transfer-Encoding: chunked\r\n\r\n",
       "10000\r\n" + block + "\r\n"},
      {"line", "GET /", block},
      {"method", "", std::string(64u << 10u, 'A')},
      {"header", "GET /metrics" + host + "A: ", block},
      {"headers", "GET /metrics" + host, "a: b\r\n"},
      {"folded", "GET /metrics" + host + "a: b\r\n", " c\r\n"},
      {"ranges", "GET /metrics" + host + "Range: bytes=", "0-0,"},
      {"pages", "", get("/v1/status")},
      {"figures", "", get("/metrics")},
      {"page", get("/v1/status"), ""},
      {"slow", "GET /", "x", 100ms},
      {"silent", "", ""},
      {"noise", "\x16\x03\x01\x40", block, 0ms, true},
      {"handshake", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11), "", 0ms, true},
  };
}

struct Target {
  std::string address;
  int port = 0;
  Clock::time_point until;
  SSL_CTX* tls = nullptr;
};

struct Count {
  std::atomic<std::uint64_t> connections = 0;
  std::atomic<std::uint64_t> bytes = 0;
};

// -1 where nobody answers. From that address of loopback, where the listener is on this machine.
int connect_to(Target const& target, std::string const& from) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(target.port));
  ::inet_pton(AF_INET, target.address.c_str(), &to.sin_addr);
  sockaddr_in own{};
  own.sin_family = AF_INET;
  ::inet_pton(AF_INET, from.c_str(), &own.sin_addr);
  for (bool const bound : {true, false}) {
    int const socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    timeval const patience{.tv_sec = 1, .tv_usec = 0};
    ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if ((!bound || ::bind(socket, reinterpret_cast<sockaddr*>(&own), sizeof own) == 0) &&
        ::connect(socket, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0)
      return socket;
    ::close(socket);
  }
  return -1;
}

void one_connection(Target const& target, Way const& way, std::string const& from, Count& count) {
  int const socket = connect_to(target, from);
  if (socket < 0) {
    std::this_thread::sleep_for(10ms);
    return;
  }
  ++count.connections;
  SSL* ssl = nullptr;
  bool open = true;
  if (target.tls && !way.raw) {
    ssl = SSL_new(target.tls);
    SSL_set_fd(ssl, socket);
    open = SSL_connect(ssl) == 1;
  }
  auto const send = [&](std::string const& text) {
    for (std::size_t done = 0; open && done < text.size() && Clock::now() < target.until;) {
      auto const size = text.size() - done;
      auto const sent = ssl ? SSL_write(ssl, text.data() + done, static_cast<int>(size))
                            : ::send(socket, text.data() + done, size, MSG_NOSIGNAL);
      if (sent > 0) {
        done += static_cast<std::size_t>(sent);
        count.bytes += static_cast<std::uint64_t>(sent);
      } else {
        open = !ssl && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
      }
    }
  };
  send(way.first);
  while (open && Clock::now() < target.until) {
    if (way.more.empty()) {
      char byte = 0;
      // Nothing that comes is taken away.
      auto const got = ::recv(socket, &byte, 1, MSG_PEEK);
      if (got > 0) std::this_thread::sleep_for(100ms);
      open = got > 0 || (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK));
    } else {
      send(way.more);
      if (way.pause > 0ms) std::this_thread::sleep_for(way.pause);
    }
  }
  if (ssl) SSL_free(ssl);
  ::close(socket);
}

SSL_CTX* tls_of(char const* ca, char const* cert, char const* key) {
  auto* const context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  if (SSL_CTX_load_verify_locations(context, ca, nullptr) != 1 ||
      SSL_CTX_use_certificate_file(context, cert, SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) {
    std::fprintf(stderr, "the certificate cannot be used: %s %s %s\n", ca, cert, key);
    std::exit(2);
  }
  return context;
}

}  // namespace

int main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);
  std::vector<std::string> const words(argv + 1, argv + argc);
  if (words.size() < 3) {
    std::fprintf(stderr,
                 "usage: haagent-sim-flooder ADDRESS PORT SECONDS [--tls CA CERT KEY] [WAY...]\n");
    return 2;
  }
  Target target{.address = words[0],
                .port = std::atoi(words[1].c_str()),
                .until = Clock::now() + std::chrono::seconds(std::atoi(words[2].c_str()))};
  std::size_t at = 3;
  if (words.size() >= 7 && words[3] == "--tls") {
    target.tls = tls_of(words[4].c_str(), words[5].c_str(), words[6].c_str());
    at = 7;
  }
  auto const all = ways();
  std::vector<Way> chosen;
  for (auto const& way : all)
    if (at == words.size() || std::find(words.begin() + static_cast<std::ptrdiff_t>(at),
                                        words.end(), way.name) != words.end())
      chosen.push_back(way);
  if (chosen.size() != (at == words.size() ? all.size() : words.size() - at)) {
    for (auto const& way : all) std::fprintf(stderr, "%s\n", way.name.c_str());
    return 2;
  }

  std::vector<std::unique_ptr<Count>> counts;
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    auto& count = *counts.emplace_back(std::make_unique<Count>());
    for (int n = 1; n <= kConnections; ++n)
      threads.emplace_back([&target, &way = chosen[i], &count,
                            from = "127.1." + std::to_string(i + 1) + "." + std::to_string(n)] {
        while (Clock::now() < target.until) one_connection(target, way, from, count);
      });
  }
  threads.clear();
  for (std::size_t i = 0; i < chosen.size(); ++i)
    std::printf("%-15s %8llu connections %12llu bytes\n", chosen[i].name.c_str(),
                static_cast<unsigned long long>(counts[i]->connections),
                static_cast<unsigned long long>(counts[i]->bytes));
  return 0;
}
