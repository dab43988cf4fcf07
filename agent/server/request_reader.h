// One HTTP/1.1 request, read strictly (RFC 9112) and within bounds: whatever lengths a client
// states, no more is kept of what it sends than these.
//
// Refused is what two readers could take for different requests: a line that does not end in CRLF,
// a folded header, both a length and chunks, two lengths. The error is the status that answers it.
#pragma once

#include <array>
#include <cstddef>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace haagent {

inline constexpr std::size_t kRequestHeadCap = 8192;    // the request line and all headers
inline constexpr std::size_t kRequestTargetCap = 1024;  // beyond it: 414
inline constexpr std::size_t kRequestFieldCap = 64;     // headers; beyond it: 431

struct RequestHead {
  std::string method;
  std::string path;                   // without the query; nothing in it is decoded
  std::optional<std::size_t> length;  // as stated; one that no machine could hold is the largest
  bool chunked = false;
  bool expects_continue = false;
  bool encoded = false;  // the body is compressed or the like
  bool has_body() const { return chunked || length.value_or(0) > 0; }
  bool operator==(RequestHead const&) const = default;
};

// Of the request line and the headers, with the empty line that ends them.
std::expected<RequestHead, int> parse_request_head(std::string_view text);

class RequestReader {
 public:
  // Puts some bytes there. 0 at the end of the connection, less than 0 where it is broken.
  using Read = std::function<ssize_t(char* into, std::size_t size)>;
  explicit RequestReader(Read read) : read_(std::move(read)) {}

  // 0: the connection ended before there was anything to answer.
  std::expected<RequestHead, int> head();
  // After head(). 413 where there is more than `cap`; of a stated length, before it is read.
  std::expected<std::string, int> body(RequestHead const& head, std::size_t cap);

 private:
  bool fill();
  std::optional<std::string_view> take_line(std::size_t cap);  // without CRLF; valid until the next
  bool take(std::size_t count, std::string& into);
  std::expected<std::string, int> chunks(std::size_t cap);

  Read const read_;
  std::array<char, kRequestHeadCap> buffer_;
  std::size_t at_ = 0;
  std::size_t end_ = 0;
};

}  // namespace haagent
