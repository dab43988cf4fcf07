// A server that says exactly the bytes that a test wants said, on a free port of its own. For tests
// of what reads from a network; it knows no more of HTTP than where a request ends.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace haagent::test {

struct Reply {
  enum class After { keep, close, hold };  // hold: neither more bytes nor an end
  std::string bytes;
  After after = After::keep;
};

// "HTTP/1.1 200 OK" with this body, its length and these header lines (each with its "\r\n").
Reply ok(std::string_view body = "", std::string_view header_lines = "");

struct ServerTls {
  std::string cert_file;
  std::string key_file;
  std::string client_ca_file;  // set: a client without a certificate from it is refused
};

class LoopbackServer {
 public:
  // Called with each whole request, from the connection's own thread.
  using Answer = std::function<Reply(std::string const& request)>;

  // Listens on this address, IPv4 or IPv6, and on a free port. Throws where it cannot.
  explicit LoopbackServer(Answer answer, ServerTls tls = {}, std::string address = "127.0.0.1");
  ~LoopbackServer();  // ends every connection

  int port() const;
  std::string url(std::string_view path = "/") const;  // "http://127.0.0.1:1234/"
  std::vector<std::string> requests() const;           // as they came, head and body
  int connections() const;                             // ever accepted

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace haagent::test
