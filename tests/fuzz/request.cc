// A request, which any machine that reaches a node's open port can send. The first byte says in
// pieces of which size the rest arrives.
#include "agent/server/request_reader.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"

namespace haagent::fuzz {
namespace {

constexpr std::size_t kCap = 100;

struct Read {
  std::expected<RequestHead, int> head = std::unexpected(-1);
  std::expected<std::string, int> body = std::unexpected(-1);
  // What comes behind it on a connection that goes on.
  std::expected<RequestHead, int> next = std::unexpected(-1);
  std::size_t taken = 0;  // bytes
};

Read read_in_pieces(std::string_view bytes, std::size_t piece) {
  Read read;
  RequestReader reader([&](char* into, std::size_t size) {
    hold(size > 0 && size <= kRequestHeadCap, "never more at once than is kept");
    auto const some = std::min({size, piece, bytes.size() - read.taken});
    std::memcpy(into, bytes.data() + read.taken, some);
    read.taken += some;
    return static_cast<ssize_t>(some);
  });
  read.head = reader.head();
  if (read.head) read.body = reader.body(*read.head, kCap);
  if (read.body) read.next = reader.head();
  return read;
}

}  // namespace

void request(std::string_view bytes) {
  if (bytes.empty()) return;
  auto const piece = std::size_t{static_cast<unsigned char>(bytes.front())} + 1;
  auto const text = bytes.substr(1);
  auto const read = read_in_pieces(text, piece);
  if (!read.head) {
    static std::set<int> const known = {0, 400, 414, 417, 431, 501, 505};
    hold(known.contains(read.head.error()), "a status that says why");
    hold((read.head.error() == 0) == text.empty(), "whatever was sent is answered");
    hold(read.taken <= kRequestHeadCap, "a refused head was read within its bound");
    return;
  }
  auto const end = text.find("\r\n\r\n");
  hold(end != text.npos && end + 4 <= kRequestHeadCap, "a head has an end within its bound");
  auto const head = text.substr(0, end + 4);
  hold(parse_request_head(head) == read.head, "the pieces it came in change nothing");
  hold(std::ranges::count(head, '\n') == std::ranges::count(head, '\r'), "lines end in CRLF");
  hold(!(read.head->chunked && read.head->length), "one way to say where the body ends");
  hold(read.head->path.size() <= kRequestTargetCap && !read.head->path.contains(' '), "one path");
  if (!read.body) {
    static std::set<int> const known = {400, 413, 431};
    return hold(known.contains(read.body.error()), "a status that says why");
  }
  hold(read.body->size() <= kCap, "a body is within its bound");
  if (!read.head->chunked)
    hold(*read.body == text.substr(head.size(), read.head->length.value_or(0)),
         "a body is what was sent");
  auto const at_once = read_in_pieces(text, text.size());
  hold(at_once.body == read.body, "the pieces it came in change nothing");
  // Which status refuses it may hang by what is there already.
  auto const same = [](auto const& one, auto const& other) {
    return one.has_value() == other.has_value() && (!one || *one == *other);
  };
  hold(same(at_once.next, read.next), "nor where the next request begins");
  if (!read.head->chunked) {
    auto const rest = text.substr(head.size() + read.body->size());
    hold(same(read.next, read_in_pieces(rest, piece).head),
         "a body does not reach into the next request");
  }
}

}  // namespace haagent::fuzz
