#include "agent/server/request_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <limits>

namespace haagent {
namespace {

constexpr std::size_t kCap = 64;

// Text that arrives in pieces, and how much of it was read.
class Sent {
 public:
  explicit Sent(std::string text, std::size_t piece = 7) : text_(std::move(text)), piece_(piece) {}
  RequestReader reader() {
    return RequestReader([this](char* into, std::size_t size) {
      auto const some = std::min({size, piece_, text_.size() - read_});
      std::memcpy(into, text_.data() + read_, some);
      read_ += some;
      return static_cast<ssize_t>(some);
    });
  }
  std::size_t read() const { return read_; }

 private:
  std::string const text_;
  std::size_t const piece_;
  std::size_t read_ = 0;
};

std::string with(std::string const& fields, std::string const& first = "POST /v1/hello HTTP/1.1") {
  return first + "\r\nHost: a\r\n" + fields + "\r\n";
}

std::string many(std::string_view text, std::size_t count) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i) all += text;
  return all;
}

TEST(RequestReader, TakesWhatClientsSend) {
  auto const head = [](std::string const& text) {
    Sent sent(text);
    auto read = sent.reader().head();
    EXPECT_TRUE(read) << text << ": " << read.error();
    return read.value_or(RequestHead{});
  };
  EXPECT_EQ(head(with("", "GET /v1/status?x=/a HTTP/1.1")),
            (RequestHead{.method = "GET", .path = "/v1/status"}));
  EXPECT_EQ(head("GET /metrics HTTP/1.0\r\n\r\n"),
            (RequestHead{.method = "GET", .path = "/metrics"}));
  EXPECT_EQ(
      head(with("content-length:  12 \r\nExpect: 100-Continue\r\n")),
      (RequestHead{.method = "POST", .path = "/v1/hello", .length = 12, .expects_continue = true}));
  EXPECT_EQ(head(with("Transfer-Encoding: Chunked\r\nContent-Encoding: gzip\r\n")),
            (RequestHead{.method = "POST", .path = "/v1/hello", .chunked = true, .encoded = true}));
  // Whoever states it wants no body read; that it is too much is the route's to say.
  EXPECT_EQ(head(with("Content-Length: 99999999999999999999999\r\n")).length,
            std::numeric_limits<std::size_t>::max());
  EXPECT_EQ(head(with(many("A: b\r\n", kRequestFieldCap - 1))).path, "/v1/hello");
  EXPECT_EQ(head(with("User-Agent: \xe2\x82\xac\r\nEmpty:\r\n")).path, "/v1/hello");
}

struct Case {
  std::string what;
  std::string text;
  int status;
};

// However the bytes come: a request may bring the begin of the next.
TEST(RequestReader, ReadsOneRequestAfterTheOther) {
  auto const text = with("", "GET /first HTTP/1.1") +
                    with("Content-Length: 5\r\n", "POST /longer-than-the-first HTTP/1.1") +
                    "hello" + with("", "GET /c HTTP/1.1");
  for (std::size_t piece : {1u, 7u, 40u, 4096u}) {
    Sent sent(text, piece);
    auto reader = sent.reader();
    EXPECT_EQ(reader.head().value_or(RequestHead()).path, "/first") << piece;
    auto const second = reader.head();
    ASSERT_TRUE(second) << piece;
    EXPECT_EQ(second->path, "/longer-than-the-first");
    EXPECT_EQ(reader.body(*second, 10).value_or(""), "hello") << piece;
    EXPECT_EQ(reader.head().value_or(RequestHead()).path, "/c") << piece;
    EXPECT_EQ(reader.head().error(), 0) << piece;
  }
}

TEST(RequestReader, RefusesWhatTwoReadersCouldTakeForDifferentRequests) {
  for (auto const& [what, text, status] : std::vector<Case>{
           {"nothing", "", 0},
           {"cut off", "GET / HTTP/1.1\r\nHost: a\r\n", 400},
           {"bare line feeds", "GET / HTTP/1.1\nHost: a\n\n", 400},
           {"a bare line feed in a header", with("A: b\nContent-Length: 1\r\n"), 400},
           {"a bare carriage return", with("A: b\rContent-Length: 1\r\n"), 400},
           {"a NUL", with(std::string("A: b\0c\r\n", 8)), 400},
           {"an empty line first", "\r\n\r\n", 400},
           {"no version", "GET /\r\n\r\n", 400},
           {"no target", "GET  HTTP/1.1\r\nHost: a\r\n\r\n", 400},
           {"a space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
           {"a method that is no word", with("", "G(T / HTTP/1.1"), 400},
           {"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
           {"HTTP/0.9 with a version", with("", "GET / HTTP/0.9"), 505},
           {"no host", "GET / HTTP/1.1\r\n\r\n", 400},
           {"two hosts", with("Host: b\r\n"), 400},
           {"a header that goes on", with("A: b\r\n c\r\n"), 400},
           {"a space before the colon", with("Content-Length : 1\r\n"), 400},
           {"no colon", with("A\r\n"), 400},
           {"no name", with(": a\r\n"), 400},
           {"a negative length", with("Content-Length: -1\r\n"), 400},
           {"a length with a sign", with("Content-Length: +1\r\n"), 400},
           {"a hexadecimal length", with("Content-Length: 0x10\r\n"), 400},
           {"an empty length", with("Content-Length:\r\n"), 400},
           {"a list of lengths", with("Content-Length: 1, 1\r\n"), 400},
           {"two lengths", with("Content-Length: 1\r\nContent-Length: 1\r\n"), 400},
           {"a length and chunks", with("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"),
            400},
           {"chunks and a length", with("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n"),
            400},
           {"chunks, then identity", with("Transfer-Encoding: chunked, identity\r\n"), 501},
           {"gzip chunks", with("Transfer-Encoding: gzip, chunked\r\n"), 501},
           {"chunks twice", with(many("Transfer-Encoding: chunked\r\n", 2)), 400},
           {"chunks of 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
           {"another expectation", with("Expect: a-miracle\r\n"), 417},
           {"TLS", std::string("\x16\x03\x01\x02\x00\x01\x00\x01", 8), 400},
       }) {
    Sent sent(text);
    auto const head = sent.reader().head();
    EXPECT_EQ(head ? 200 : head.error(), status) << what;
  }
}

// However long it goes on, no more of it is read than there is room for.
TEST(RequestReader, KeepsNoMoreOfAHeadThanItsBound) {
  std::size_t const long_one = 4u << 20u;
  for (auto const& [what, text, status] : std::vector<Case>{
           {"a method", std::string(long_one, 'A'), 414},
           {"a target", "GET /" + std::string(long_one, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n", 414},
           {"a target just over",
            with("", "GET /" + std::string(kRequestTargetCap, 'a') + " HTTP/1.1"), 414},
           {"a header", with("A: " + std::string(long_one, 'b') + "\r\n"), 431},
           {"a header's name", with(std::string(long_one, 'b')), 431},
           {"headers", with(many("A: b\r\n", long_one / 6)), 431},
           {"headers, a few bytes each", with(many("A:\r\n", kRequestFieldCap + 1)), 431},
       }) {
    Sent sent(text, 1000);
    auto const head = sent.reader().head();
    EXPECT_EQ(head ? 200 : head.error(), status) << what;
    EXPECT_LE(sent.read(), kRequestHeadCap) << what;
  }
}

struct BodyCase {
  std::string what;
  std::string fields;
  std::string body;
  int status;
  std::string taken = {};
};

TEST(RequestReader, TakesABodyWithinItsBoundAndNoOther) {
  auto const a = [](std::size_t count) { return std::string(count, 'a'); };
  std::string const chunked = "Transfer-Encoding: chunked\r\n";
  auto const length = [](std::size_t count) {
    return "Content-Length: " + std::to_string(count) + "\r\n";
  };
  for (auto const& [what, fields, body, status, taken] : std::vector<BodyCase>{
           {"none", "", "GET / HTTP/1.1\r\n\r\n", 200, ""},
           {"of its length", length(5), "hello and more", 200, "hello"},
           {"the longest", length(kCap), a(kCap), 200, a(kCap)},
           {"one longer", length(kCap + 1), a(kCap + 1), 413},
           {"cut off", length(5), "hell", 400},
           {"in chunks", chunked, "5\r\nhello\r\n1;x=\"y\"\r\n!\r\n0\r\n\r\n", 200, "hello!"},
           {"with a trailer", chunked, "1\r\n!\r\n0\r\nA: b\r\n\r\n", 200, "!"},
           {"one byte each", chunked, many("1\r\na\r\n", kCap) + "0\r\n\r\n", 200, a(kCap)},
           {"the longest chunk", chunked, "40\r\n" + a(kCap) + "\r\n0\r\n\r\n", 200, a(kCap)},
           {"too long a chunk", chunked, "41\r\n" + a(kCap + 1) + "\r\n0\r\n\r\n", 413},
           {"too many chunks", chunked, many("1\r\na\r\n", kCap + 1) + "0\r\n\r\n", 413},
           {"a chunk without end", chunked, "ffffffffffffffffffff\r\n" + a(9999), 413},
           {"a size that overflows", chunked, "10000000000000005\r\nhello\r\n0\r\n\r\n", 413},
           {"a negative size", chunked, "-5\r\nhello\r\n0\r\n\r\n", 400},
           {"a size with 0x", chunked, "0x5\r\nhello\r\n0\r\n\r\n", 400},
           {"no size", chunked, "\r\nhello\r\n0\r\n\r\n", 400},
           {"a chunk that is longer than it says", chunked, "4\r\nhello\r\n0\r\n\r\n", 400},
           {"bare line feeds", chunked, "5\nhello\n0\n\n", 400},
           {"extensions without end", chunked, "5;" + a(1u << 20u) + "\r\nhello\r\n", 400},
           {"trailers without end", chunked, "0\r\n" + many("A: b\r\n", 100'000), 431},
           {"cut off chunks", chunked, "5\r\nhello\r\n", 400},
       }) {
    for (std::size_t const piece : {1u, 7u, 100'000u}) {
      auto const head = with(fields);
      Sent sent(head + body, piece);
      auto reader = sent.reader();
      auto const read = reader.head();
      ASSERT_TRUE(read) << what << ": " << read.error();
      auto const got = reader.body(*read, kCap);
      EXPECT_EQ(got ? 200 : got.error(), status) << what << " by " << piece;
      EXPECT_EQ(got.value_or(""), taken) << what << " by " << piece;
      EXPECT_LE(sent.read(), head.size() + kRequestHeadCap) << what << " by " << piece;
    }
  }
}

}  // namespace
}  // namespace haagent
