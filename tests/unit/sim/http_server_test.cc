#include "tests/sim/http_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <cstring>
#include <future>
#include <thread>

#include "agent/base/file_descriptor.h"
#include "agent/base/http_curl.h"
#include "tests/support/eventually.h"
#include "tests/support/temporary_directory.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

std::unique_ptr<HttpServer> serve(HttpServer::Handler handler, Listen where = {}) {
  auto server = HttpServer::start(where, std::move(handler));
  EXPECT_TRUE(server) << server.error().message.text;
  return server ? std::move(*server) : nullptr;
}

Response say(std::string body) {
  Response response;
  response.headers = {{"content-type", "text/x-test"}, {"x-own", "1"}};
  response.body = std::move(body);
  return response;
}

// The bytes that come back for the bytes that go out, until the other side closes.
std::string exchange(std::uint16_t port, std::string const& bytes,
                     std::chrono::milliseconds patience = 10s) {
  FileDescriptor fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(::send(fd.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  std::string answer;
  char buffer[4096];
  auto const deadline = std::chrono::steady_clock::now() + patience;
  for (;;) {
    auto const left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd waiting{fd.get(), POLLIN, 0};
    if (left <= 0ms || ::poll(&waiting, 1, static_cast<int>(left.count())) <= 0) {
      return answer + "(no end)";
    }
    auto const got = ::recv(fd.get(), buffer, sizeof buffer, 0);
    if (got <= 0) return answer;
    answer.append(buffer, static_cast<std::size_t>(got));
  }
}

TEST(HttpServer, HandsOnTheRequestAsItWasOnTheWire) {
  Request seen;
  auto const server = serve([&](Request const& request) {
    seen = request;
    return say("hello");
  });
  CurlHttp http;
  HttpRequest request;
  request.method = "POST";
  request.url = fmt::format("http://127.0.0.1:{}/a%20b/?x=%2F&y=1+2", server->port());
  request.headers = {{"X-Test", "Value"}};
  request.body = std::string(100'000, 'b') + "&c=d";
  auto const response = http.send(request, {});
  ASSERT_TRUE(response) << response.error().message.text;
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body, "hello");
  EXPECT_EQ(response->header("content-type"), "text/x-test");
  EXPECT_EQ(response->header("x-own"), "1");
  EXPECT_EQ(seen.source, "127.0.0.1");
  EXPECT_EQ(seen.wire.method, "POST");
  EXPECT_EQ(seen.wire.path, "/a%20b/");
  EXPECT_EQ(seen.wire.query, "x=%2F&y=1+2");
  EXPECT_EQ(seen.wire.body, request.body);
  EXPECT_EQ(header_of(seen.wire.headers, "x-test"), "Value");
  EXPECT_EQ(header_of(seen.wire.headers, "host"), fmt::format("127.0.0.1:{}", server->port()));
}

TEST(HttpServer, APutWithoutALengthIsAnsweredAtOnce) {
  auto const server = serve([](Request const& request) { return say(request.wire.method); });
  auto const began = std::chrono::steady_clock::now();
  EXPECT_THAT(exchange(server->port(),
                       "PUT /latest/api/token HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              HasSubstr("\r\n\r\nPUT"));
  EXPECT_LT(std::chrono::steady_clock::now() - began, 3s);
}

TEST(HttpServer, AHeadHasTheLengthAndNoBody) {
  auto const server = serve([](Request const&) { return say("hello"); });
  auto const answer =
      exchange(server->port(), "HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(answer, HasSubstr("Content-Length: 5"));
  EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
}

TEST(HttpServer, ClosesWithoutAnAnswer) {
  auto const server = serve([](Request const&) {
    Response response;
    response.delivery = Response::Delivery::close;
    return response;
  });
  EXPECT_THAT(exchange(server->port(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n"), IsEmpty());
}

TEST(HttpServer, SilenceLastsUntilTheAskerLeavesAndHoldsUpNobody) {
  std::atomic<int> asked = 0;
  auto server = serve([&](Request const& request) {
    ++asked;
    auto response = say("hello");
    if (request.wire.path == "/silent") response.delivery = Response::Delivery::silence;
    return response;
  });
  EXPECT_EQ(exchange(server->port(), "GET /silent HTTP/1.1\r\nHost: x\r\n\r\n", 300ms), "(no end)");
  EXPECT_THAT(exchange(server->port(), "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              HasSubstr("hello"));
  EXPECT_EQ(asked, 2);
  // One that is still waiting does not hold up the end of the server.
  auto waiting = std::async(std::launch::async, [&] {
    return exchange(server->port(), "GET /silent HTTP/1.1\r\nHost: x\r\n\r\n");
  });
  EXPECT_TRUE(test::eventually([&] { return asked == 3; }, 10s));
  auto const began = std::chrono::steady_clock::now();
  server.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
  EXPECT_THAT(waiting.get(), IsEmpty());
}

// The number of a connection that ends is at once the number of one that begins: the server's end
// must still reach it.
TEST(HttpServer, ItsEndReachesEveryConnectionHoweverManyCameAndWent) {
  constexpr int kAskers = 4;
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> silent = 0;
    auto server = serve([&](Request const& request) {
      auto response = say("hello");
      if (request.wire.path != "/silent") return response;
      ++silent;
      response.delivery = Response::Delivery::silence;
      return response;
    });
    std::vector<std::future<std::string>> waiting;
    for (int asker = 0; asker < kAskers; ++asker) {
      waiting.push_back(std::async(std::launch::async, [port = server->port()] {
        for (int i = 0; i < 20; ++i)
          exchange(port, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        return exchange(port, "GET /silent HTTP/1.1\r\nHost: x\r\n\r\n");
      }));
    }
    EXPECT_TRUE(test::eventually([&] { return silent == kAskers; }, 10s));
    server.reset();
    for (auto& answer : waiting) ASSERT_THAT(answer.get(), IsEmpty()) << "round " << round;
  }
}

TEST(HttpServer, DelaysAnAnswerAndEndsInTheMiddleOfIt) {
  auto server = serve([](Request const& request) {
    auto response = say("late");
    response.delay = request.wire.path == "/slow" ? Duration(60'000) : Duration(200);
    return response;
  });
  auto began = std::chrono::steady_clock::now();
  EXPECT_THAT(exchange(server->port(), "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              HasSubstr("late"));
  EXPECT_GE(std::chrono::steady_clock::now() - began, 200ms);
  auto waiting = std::async(std::launch::async, [&] {
    return exchange(server->port(), "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n", 300ms);
  });
  EXPECT_EQ(waiting.get(), "(no end)");
  began = std::chrono::steady_clock::now();
  server.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
}

TEST(HttpServer, OneConnectionCarriesManyRequests) {
  std::atomic<int> asked = 0;
  auto const server = serve([&](Request const&) { return say(std::to_string(++asked)); });
  std::string many;
  for (int i = 0; i < 19; ++i) many += "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  auto const answer =
      exchange(server->port(), many + "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(answer.ends_with("\r\n\r\n20")) << answer;
}

TEST(HttpServer, LargeBodiesGoThroughFiles) {
  Listen where;
  where.large_bodies = true;
  std::shared_ptr<Bytes const> kept;
  auto const server = serve(
      [&](Request const& request) {
        Response response;
        if (request.large) {
          EXPECT_EQ(request.wire.body, "");
          kept = request.large;
          response.body = std::to_string(kept->size());
        } else if (request.wire.method == "PUT") {
          response.body = request.wire.body;
        } else {
          // A part of it, and the server cuts no part out of that part.
          response.status = 206;
          response.large = kept;
          response.offset = 1'000'000;
          response.length = kept->size() - response.offset;
        }
        return response;
      },
      where);
  std::string body(5'000'000, 'a');
  for (std::size_t i = 0; i < body.size(); i += 1000)
    body[i] = static_cast<char>('a' + i / 1000 % 26);
  CurlHttp http;
  auto const url = fmt::format("http://127.0.0.1:{}/", server->port());
  auto const put = http.send({.method = "PUT", .url = url, .body = body}, {});
  ASSERT_TRUE(put) << put.error().message.text;
  EXPECT_EQ(put->body, "5000000");
  EXPECT_TRUE(kept->is_in_file());
  auto const got = http.send({.url = url, .headers = {{"range", "bytes=1000000-"}}}, {});
  ASSERT_TRUE(got) << got.error().message.text;
  EXPECT_EQ(got->status, 206);
  EXPECT_TRUE(got->body == body.substr(1'000'000));
  auto const head = http.send({.method = "HEAD", .url = url}, {});
  ASSERT_TRUE(head) << head.error().message.text;
  EXPECT_EQ(head->header("content-length"), "4000000");
  EXPECT_EQ(http.send({.method = "PUT", .url = url, .body = "small"}, {})->body, "small");
}

TEST(HttpServer, GarbageEndsItsConnectionAndNothingElse) {
  auto const server = serve([](Request const&) { return say("hello"); });
  EXPECT_THAT(exchange(server->port(), "\x16\x03\x01 no http at all\r\n\r\n", 300ms),
              StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(exchange(server->port(), "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              HasSubstr("hello"));
}

TEST(HttpServer, SpeaksOverAUnixSocketToo) {
  test::TemporaryDirectory folder;
  Listen where;
  where.socket = folder / "control.sock";
  test::write_bytes(where.socket, "stale");
  auto server = serve([](Request const& request) { return say(request.wire.body); }, where);
  Request request;
  request.wire = {"POST", "/x", "", {{"Content-Type", "application/json"}}, "{}"};
  auto const response = request_over(where.socket, request);
  ASSERT_TRUE(response) << response.error().message.text;
  EXPECT_EQ(response->body, "{}");
  server.reset();
  auto const nobody = request_over(where.socket, request);
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().kind, Kind::transient);
  EXPECT_THAT(nobody.error().message.text, HasSubstr("is `haagent-sim run` up"));
}

TEST(HttpServer, ATakenPortIsAnError) {
  auto const server = serve([](Request const&) { return say("hello"); });
  auto const second =
      HttpServer::start({.port = server->port()}, [](Request const&) { return Response(); });
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message.text, HasSubstr(fmt::format("127.0.0.1:{}", server->port())));
}

}  // namespace
}  // namespace haagent::sim
