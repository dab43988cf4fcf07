// HTTP as the clients above need it. A Response comes back for any status; only trouble in
// transport is an Error. Redirects are never followed: the credentials in a header would go with
// them.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/result.h"

namespace haagent {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct HttpTls {
  std::string ca_file;    // empty: the system's own
  std::string cert_file;  // empty: no client certificate
  std::string key_file;
  // In place of ca_file: whoever has the public key of this hash (server_key.h), and nobody else.
  std::string server_key = {};
};
// As server_key: whoever answers. HttpResponse::server_key then says who that was.
inline constexpr char kAnyServerKey[] = "any";

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  Headers headers;
  std::string body;
  Duration connect_timeout{3'000};
  Duration timeout{15'000};          // the whole exchange
  std::size_t max_body = 8u << 20u;  // a longer answer is an error (invalid), never cut silently
  HttpTls tls;
  bool direct = false;  // never through a proxy: another node of this cluster
  // Set: it takes the body of an answer 200 piece by piece, as it comes, in place of
  // HttpResponse::body, and max_body does not count. False ends the exchange (interrupted).
  std::function<bool(std::string_view)> on_piece = {};
};

struct HttpResponse {
  int status = 0;
  Headers headers;  // names in lower case
  std::string body;
  std::string server_key = {};  // where HttpTls::server_key was given: of who has answered

  // The first header of that name (lower case), or nothing.
  std::optional<std::string> header(std::string_view name) const;
};

class Http {
 public:
  virtual ~Http() = default;
  // Kinds: transient for timeouts, refused connections and names that do not resolve; denied where
  // TLS verification fails; invalid for an answer over max_body; interrupted when stopped.
  virtual Result<HttpResponse> send(HttpRequest const& request, std::stop_token stop) = 0;
  // Closes what is kept for the next request to the host of "https://host:port", where anything is.
  virtual void close_idle(std::string_view) {}
};

}  // namespace haagent
