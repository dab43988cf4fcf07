// A request and its answer, as the services see them: what a socket would carry, without the
// socket.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agent/aws/sigv4.h"
#include "agent/base/clock.h"
#include "agent/base/http.h"
#include "tests/sim/bytes.h"

namespace haagent::sim {

struct Request {
  aws::WireRequest wire;
  std::string source;                  // the asker's address
  std::shared_ptr<Bytes const> large;  // instead of wire.body, where that would be too long
};

struct Response {
  enum class Delivery {
    answer,
    close,    // the connection is closed without an answer
    silence,  // no answer, until the asker gives up
  };
  Delivery delivery = Delivery::answer;
  Duration delay{0};  // before it is delivered
  int status = 200;
  Headers headers;
  std::string body;
  // Instead of body, for what may be large: so many bytes from there on.
  std::shared_ptr<Bytes const> large;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

// The first header of that name, in any case.
std::optional<std::string> header_of(Headers const& headers, std::string_view name);

// "Thu, 15 Jan 2026 10:15:00 GMT"
std::string http_date(UtcTime time);

}  // namespace haagent::sim
