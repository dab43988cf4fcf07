// One connection of the agent's server, with TLS or without. It is over at its deadline, whatever
// the other end does, and reads no more than its cap: the handshake and what stands around the
// bytes of TLS count too.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <string_view>

#include "agent/base/clock.h"
#include "agent/base/http.h"

namespace haagent {

// Certificate, key and trust of a server. The files are read for each connection, so that they need
// not be there yet and every renewal is seen.
class ServerTls {
 public:
  // `optional`: who shows none is let in, who shows one that the trust has not signed is not.
  enum class ClientCertificate { required, optional };
  // No certificate: in the clear.
  explicit ServerTls(HttpTls files, ClientCertificate clients = ClientCertificate::required);
  ~ServerTls();
  ServerTls(ServerTls&&) noexcept;
  bool is_on() const { return !files_->cert_file.empty(); }
  void* context() const { return context_.get(); }  // an SSL_CTX; null where it cannot be made

 private:
  struct Free {
    void operator()(void* context) const;
  };
  std::unique_ptr<HttpTls const> files_;  // the context refers to it
  std::unique_ptr<void, Free> context_;
};

class ServerConnection {
 public:
  struct Limits {
    // From its first byte to a whole request, and from begin_again() on.
    Duration whole{5'000};
    std::size_t read = 128u << 10u;  // bytes from the other end
    std::size_t rest = 1u << 20u;    // bytes that are thrown away at the end
    Duration rest_time{1'000};
  };
  // The socket does not block, and stays the caller's.
  ServerConnection(int socket, ServerTls const& tls, Limits limits);
  ~ServerConnection();

  bool handshake();  // true where there is none to do
  // Its deadline begins again: what this side did meanwhile is not the other end's time.
  void begin_again();
  // 0 at the end, less than 0 where it is broken, late, or has sent too much.
  ssize_t read(char* into, std::size_t size);
  bool write(std::string_view bytes);
  // After the answer: says that it was the last, and lets the other end read it. Where a connection
  // is closed on bytes that nobody has read, TCP takes the answer back.
  void finish(bool unread);

  std::string certificate() const;  // the other end's, as PEM; empty: it has none
  std::string address() const;      // the other end's
  std::string server_key() const;   // the hash of the key that was shown; empty: in the clear

 private:
  struct Tls;
  bool comes(int event, SteadyTime until) const;
  template <class Call>
  ssize_t repeat(Call call);
  bool may_read() const;

  int const socket_;
  Limits const limits_;
  SteadyTime deadline_;
  std::size_t read_ = 0;  // in the clear
  bool broken_ = false;
  std::unique_ptr<Tls> tls_;  // null: in the clear
};

}  // namespace haagent
