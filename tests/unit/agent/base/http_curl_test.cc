#include "agent/base/http_curl.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include <fstream>
#include <future>
#include <thread>

#include "agent/base/file_descriptor.h"
#include "agent/base/process.h"
#include "agent/base/url.h"
#include "agent/base/wait_accounting.h"
#include "tests/support/loop_disk.h"
#include "tests/support/loopback_server.h"
#include "tests/support/temporary_directory.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;
using test::LoopbackServer;
using test::ok;
using test::Reply;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// A variable of the environment for the length of a test.
class Environment {
 public:
  Environment(char const* name, std::string const& value) : name_(name) {
    if (auto const* had = ::getenv(name)) had_ = had;
    ::setenv(name, value.c_str(), 1);
  }
  ~Environment() {
    if (had_) {
      ::setenv(name_, had_->c_str(), 1);
    } else {
      ::unsetenv(name_);
    }
  }
  Environment(Environment const&) = delete;
  Environment& operator=(Environment const&) = delete;

 private:
  char const* name_;
  std::optional<std::string> had_;
};

Reply ok_reply(std::string const&) {
  return ok("fine");
}

Reply hold_reply(std::string const&) {
  return {"", Reply::After::hold};
}

HttpRequest get(std::string url) {
  HttpRequest request;
  request.url = std::move(url);
  return request;
}

TEST(CurlHttp, SendsMethodHeadersAndBodyAndReturnsAllOfTheAnswer) {
  LoopbackServer server([](auto const&) {
    return Reply{
        "HTTP/1.1 404 Not Found\r\nX-Amz-RequestId: abc\r\nETag:  \"x\" \r\n"
        "Content-Length: 4\r\n\r\ngone"};
  });
  CurlHttp http;
  auto request = get(server.url("/a/../b%2Fc?x=1"));
  request.method = "PUT";
  request.headers = {{"X-Token-Ttl", "60"}, {"X-Empty", ""}};
  request.body = "hello";
  auto response = http.send(request, {});
  ASSERT_TRUE(response) << response.error().message.text;
  EXPECT_EQ(response->status, 404);
  EXPECT_EQ(response->body, "gone");
  EXPECT_EQ(response->header("x-amz-requestid"), "abc");
  EXPECT_EQ(response->header("etag"), "\"x\"");
  EXPECT_EQ(response->header("location"), std::nullopt);
  ASSERT_EQ(server.requests().size(), 1u);
  EXPECT_THAT(
      server.requests()[0],
      AllOf(StartsWith("PUT /a/../b%2Fc?x=1 HTTP/1.1\r\n"), HasSubstr("\r\nX-Token-Ttl: 60\r\n"),
            HasSubstr("\r\nX-Empty:\r\n"), HasSubstr("\r\nContent-Length: 5\r\n"),
            Not(HasSubstr("Content-Type")), ::testing::EndsWith("\r\n\r\nhello")));
}

// What a signature covers is what is sent.
TEST(CurlHttp, SendsTheHostThatTheUrlsPartsName) {
  LoopbackServer v4(ok_reply);
  LoopbackServer v6(ok_reply, {}, "::1");
  CurlHttp http;
  for (auto const& url :
       {fmt::format("http://127.0.0.1:{}", v4.port()),
        fmt::format("HTTP://localhost:0{}/", v4.port()), fmt::format("http://[::1]:{}/", v6.port()),
        fmt::format("http://[0:0:0::0:1]:{}/a/../b?x=%20#f", v6.port())}) {
    auto const before = v4.requests().size() + v6.requests().size();
    ASSERT_TRUE(http.send(get(url), {})) << url;
    auto const parts = split_url(url);
    ASSERT_TRUE(parts) << url;
    EXPECT_EQ(v4.requests().size() + v6.requests().size(), before + 1) << url;
    auto const requests = url.contains('[') ? v6.requests() : v4.requests();
    auto const& sent = requests.back();
    EXPECT_THAT(sent, HasSubstr(fmt::format("\r\nHost: {}\r\n", parts->host_header())));
    EXPECT_THAT(sent, StartsWith(fmt::format("GET {}{}{} HTTP/1.1\r\n", parts->path,
                                             parts->query.empty() ? "" : "?", parts->query)));
  }
}

TEST(CurlHttp, SendsAnEmptyPutWithItsLengthAndAHeadWithoutWaitingForABody) {
  LoopbackServer server([](auto const& request) {
    if (request.starts_with("HEAD")) return Reply{"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"};
    return ok();
  });
  CurlHttp http;
  for (auto const* method : {"PUT", "HEAD", "DELETE"}) {
    auto request = get(server.url());
    request.method = method;
    auto response = http.send(request, {});
    ASSERT_TRUE(response) << method << ": " << response.error().message.text;
    EXPECT_EQ(response->body, "");
  }
  auto requests = server.requests();
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_THAT(requests[0], HasSubstr("Content-Length: 0\r\n"));
  EXPECT_THAT(requests[1], StartsWith("HEAD / "));
  EXPECT_THAT(requests[2], AllOf(StartsWith("DELETE / "), Not(HasSubstr("Content-Length"))));
}

TEST(CurlHttp, KeepsTheHeadersOfTheLastAnswerOnly) {
  LoopbackServer server([](auto const&) {
    return Reply{
        "HTTP/1.1 100 Continue\r\nX-Early: yes\r\n\r\nHTTP/1.1 200 OK\r\n"
        "X-Late: yes\r\nContent-Length: 0\r\n\r\n"};
  });
  CurlHttp http;
  auto response = http.send(get(server.url()), {});
  ASSERT_TRUE(response) << response.error().message.text;
  EXPECT_EQ(response->header("x-early"), std::nullopt);
  EXPECT_EQ(response->header("x-late"), "yes");
}

TEST(CurlHttp, DoesNotFollowARedirectSoThatCredentialsStayWhereTheyWereMeantFor) {
  LoopbackServer elsewhere(ok_reply);
  LoopbackServer server([&](auto const&) {
    return Reply{"HTTP/1.1 302 Found\r\nLocation: " + elsewhere.url("/steal") +
                 "\r\nContent-Length: 0\r\n\r\n"};
  });
  CurlHttp http;
  auto request = get(server.url());
  request.headers = {{"Authorization", "AWS4-HMAC-SHA256 x"}};
  auto response = http.send(request, {});
  ASSERT_TRUE(response) << response.error().message.text;
  EXPECT_EQ(response->status, 302);
  EXPECT_EQ(elsewhere.connections(), 0);
}

TEST(CurlHttp, UsesAConnectionAgainAndMakesANewOneForAnotherServer) {
  LoopbackServer one(ok_reply);
  LoopbackServer other(ok_reply);
  CurlHttp http;
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(http.send(get(one.url()), {}));
    ASSERT_TRUE(http.send(get(other.url()), {}));
  }
  EXPECT_EQ(one.requests().size(), 3u);
  EXPECT_EQ(one.connections(), 1);
  EXPECT_EQ(other.connections(), 1);
}

TEST(CurlHttp, ComesBackAfterTheServerHasClosedAnIdleConnection) {
  LoopbackServer server([](auto const&) {
    auto reply = ok();
    reply.after = Reply::After::close;  // without saying so in the answer
    return reply;
  });
  CurlHttp http;
  for (int round = 0; round < 3; ++round) {
    auto response = http.send(get(server.url()), {});
    ASSERT_TRUE(response) << response.error().message.text;
  }
  EXPECT_EQ(server.requests().size(), 3u);
}

TEST(CurlHttp, IsSharedByThreads) {
  LoopbackServer server([](auto const& request) { return ok(request.substr(0, 8)); });
  CurlHttp http;
  std::atomic<int> right = 0;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&, thread] {
        for (int round = 0; round < 25; ++round) {
          auto response = http.send(get(server.url(fmt::format("/{:03}", thread))), {});
          if (response && response->body == fmt::format("GET /{:03}", thread)) ++right;
        }
      });
    }
  }
  EXPECT_EQ(right, 100);
  EXPECT_LE(server.connections(), 4);
}

TEST(CurlHttp, TimesOutAsTransient) {
  LoopbackServer server(hold_reply);
  CurlHttp http;
  auto request = get(server.url("/slow"));
  request.timeout = 100ms;
  auto before = std::chrono::steady_clock::now();
  auto response = http.send(request, {});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, Kind::transient);
  EXPECT_EQ(response.error().code, std::errc::timed_out);
  EXPECT_THAT(response.error().message.text, HasSubstr(server.url("/slow")));
  EXPECT_LT(std::chrono::steady_clock::now() - before, 10s);
}

TEST(CurlHttp, StopsDuringASlowAnswer) {
  LoopbackServer server(hold_reply);
  CurlHttp http;
  std::stop_source stop;
  auto request = get(server.url());
  request.timeout = 60s;
  auto answer =
      std::async(std::launch::async, [&] { return http.send(request, stop.get_token()); });
  auto deadline = std::chrono::steady_clock::now() + 10s;
  while (server.requests().empty() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  std::this_thread::sleep_for(300ms);  // past libcurl's own first timers, which would wake it too
  auto before = std::chrono::steady_clock::now();
  stop.request_stop();
  auto response = answer.get();
  EXPECT_LT(std::chrono::steady_clock::now() - before, 20s);  // of the 60 s that it may take
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, Kind::interrupted);
}

// A name server that hears and does not answer, for a thread that has network and mounts of its
// own.
TEST(CurlHttp, StopsWhileANameIsLookedUp) {
  std::string skipped;
  std::jthread([&] {
    test::TemporaryDirectory folder;
    test::write_bytes(folder / "resolv.conf", "nameserver 127.0.0.1\n");
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(53);
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::unshare(CLONE_NEWNET | CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount((folder / "resolv.conf").c_str(), "/etc/resolv.conf", nullptr, MS_BIND, nullptr) !=
            0 ||
        !SystemProcess().run(
            {.argv = {"ip", "link", "set", "lo", "up"}, .environment = {}, .input = {}}, {})) {
      skipped = "needs namespaces of its own, and iproute2";
      return;
    }
    FileDescriptor server(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::bind(server.get(), reinterpret_cast<sockaddr*>(&name), sizeof(name)), 0);
    CurlHttp http;
    std::stop_source stop;
    std::jthread stopper([&] {
      pollfd asked{server.get(), POLLIN, 0};
      EXPECT_EQ(::poll(&asked, 1, 20'000), 1) << "no question came";
      stop.request_stop();
    });
    auto request = get("http://ec2.eu-west-1.example.test/");
    request.timeout = request.connect_timeout = 60s;
    auto before = std::chrono::steady_clock::now();
    auto response = http.send(request, stop.get_token());
    EXPECT_LT(std::chrono::steady_clock::now() - before, 3s);  // a resolver's try lasts 5 s
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().kind, Kind::interrupted) << response.error().message.text;
  }).join();
  if (!skipped.empty()) GTEST_SKIP() << skipped;
}

TEST(CurlHttp, DoesNotSendOnceStopped) {
  LoopbackServer server(ok_reply);
  CurlHttp http;
  std::stop_source stop;
  stop.request_stop();
  auto response = http.send(get(server.url()), stop.get_token());
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, Kind::interrupted);
  EXPECT_EQ(server.requests().size(), 0u);
}

TEST(CurlHttp, ATruncatedAnswerIsATransientError) {
  LoopbackServer server([](auto const&) {
    return Reply{"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", Reply::After::close};
  });
  CurlHttp http;
  auto response = http.send(get(server.url()), {});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, Kind::transient);
}

TEST(CurlHttp, TakesABodyOfTheLimitAndRefusesOneByteMore) {
  LoopbackServer server([](auto const& request) {
    if (request.starts_with("GET /chunked")) {
      return Reply{
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
          "6\r\n123456\r\n5\r\n78901\r\n0\r\n\r\n"};
    }
    return ok(request.starts_with("GET /long") ? "12345678901" : "1234567890");
  });
  CurlHttp http;
  auto send = [&](std::string_view path) {
    auto request = get(server.url(path));
    request.max_body = 10;
    return http.send(request, {});
  };
  auto fits = send("/fits");
  ASSERT_TRUE(fits) << fits.error().message.text;
  EXPECT_EQ(fits->body, "1234567890");
  for (auto const* path : {"/long", "/chunked"}) {
    auto refused = send(path);
    ASSERT_FALSE(refused) << path;
    EXPECT_EQ(refused.error().kind, Kind::invalid);
    EXPECT_THAT(refused.error().message.text, HasSubstr(" 10 "));
  }
}

TEST(CurlHttp, GivesTheBodyPieceByPieceToWhoTakesItSo) {
  int asked = 0;
  LoopbackServer server([&](std::string const&) {
    return ++asked == 3
               ? Reply{"HTTP/1.1 500 No\r\nContent-Length: 4\r\n\r\noops", Reply::After::keep}
               : ok("0123456789");
  });
  CurlHttp http;
  std::string taken;
  HttpRequest request{.url = server.url(), .max_body = 4};
  request.on_piece = [&](std::string_view piece) {
    taken += piece;
    return true;
  };
  auto const whole = http.send(request, {});
  ASSERT_TRUE(whole) << whole.error().message.text;
  EXPECT_EQ(whole->body, "");
  EXPECT_EQ(taken, "0123456789");
  request.on_piece = [](std::string_view) { return false; };
  EXPECT_EQ(http.send(request, {}).error().kind, Kind::interrupted);
  // What an error says is no part of the stream.
  request.on_piece = [](std::string_view) -> bool { throw std::logic_error("not for errors"); };
  auto const refused = http.send(request, {});
  ASSERT_TRUE(refused) << refused.error().message.text;
  EXPECT_EQ(refused->status, 500);
  EXPECT_EQ(refused->body, "oops");
}

// The first piece comes while the server still holds the rest, as in a watch.
TEST(CurlHttp, APieceIsGivenWhenItComes) {
  LoopbackServer server([](std::string const&) {
    return Reply{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n",
                 Reply::After::hold};
  });
  CurlHttp http;
  std::string taken;
  HttpRequest request{.url = server.url(), .timeout = 30s};
  request.on_piece = [&](std::string_view piece) {
    taken += piece;
    return false;
  };
  EXPECT_EQ(http.send(request, {}).error().kind, Kind::interrupted);
  EXPECT_EQ(taken, "first");
}

TEST(CurlHttp, KeepsNoMoreOfHeadersThanItsBound) {
  std::string line;
  for (int i = 0; i < 4000; ++i) line += "a: 0123456789abcdef\r\n";
  auto const many = [&](std::string_view before, std::string_view after) {
    return Reply{fmt::format("{}{}{}", before, line, after), Reply::After::close};
  };
  LoopbackServer server([&](std::string const& request) {
    if (request.starts_with("GET /headers "))
      return many("HTTP/1.1 200 OK\r\n", "Content-Length: 0\r\n\r\n");
    if (request.starts_with("GET /trailers "))
      return many("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n", "\r\n");
    std::string interim;
    for (int i = 0; i < 4000; ++i) interim += "HTTP/1.1 100 Continue\r\na: b\r\n\r\n";
    return Reply{interim + ok().bytes, Reply::After::close};
  });
  CurlHttp http;
  for (auto const* path : {"/headers", "/trailers", "/interim"}) {
    auto const refused = http.send(get(server.url(path)), {});
    ASSERT_FALSE(refused) << path;
    EXPECT_EQ(refused.error().kind, Kind::invalid) << path << ": " << refused.error().message.text;
  }
}

TEST(CurlHttp, SaysWhatIsWrongAndKeepsSecretsOut) {
  std::string closed;
  {
    LoopbackServer server(ok_reply);
    closed = server.url("/path?X-Amz-Signature=hush");
  }
  Environment proxy("http_proxy", "nonsense://user:hush@127.0.0.1:1");
  struct Row {
    std::string url;
    Kind kind;
    std::string says;
  };
  Row const rows[] = {
      {closed, Kind::transient, worded("(Connection refused)")},
      {"http://no-such-host.invalid/?token=hush", Kind::internal, "http(s)://"},
      {"ftp://127.0.0.1/hush", Kind::invalid, "http(s)://"},
      {"http://user:hush@127.0.0.1/", Kind::invalid, "http(s)://"},
      {"http://[::hush/", Kind::invalid, "http(s)://"},
      // Another host for libcurl than for a reader.
      {"http://0x7f.1/hush", Kind::invalid, "http(s)://"},
      {"http:///127.0.0.1/hush", Kind::invalid, "http(s)://"},
      {"http://127.0.0.1/a b?hush", Kind::invalid, "127.0.0.1:80/a b: "},
      {"", Kind::invalid, "http(s)://"},
  };
  CurlHttp http;
  for (auto const& row : rows) {
    auto request = get(row.url);
    request.headers = {{"Authorization", "hush"}};
    auto response = http.send(request, {});
    ASSERT_FALSE(response) << row.url;
    if (row.kind != Kind::internal) {
      EXPECT_EQ(response.error().kind, row.kind) << row.url << response.error().message.text;
    }
    EXPECT_THAT(response.error().message.text, AllOf(HasSubstr(row.says), Not(HasSubstr("hush"))));
  }
}

TEST(CurlHttp, ANameThatDoesNotResolveIsTransient) {
  CurlHttp http;
  // A label that is too long for DNS, so that no name server is asked.
  auto response = http.send(get("http://" + std::string(64, 'x') + "/"), {});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, Kind::transient);
}

TEST(CurlHttp, RefusesALineBreakInAHeader) {
  LoopbackServer server(ok_reply);
  CurlHttp http;
  auto request = get(server.url());
  request.headers = {{"X-Token", "a\r\nX-Injected: b"}};
  auto response = http.send(request, {});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, Kind::invalid);
  EXPECT_EQ(server.connections(), 0);
}

TEST(CurlHttp, CountsItsTimeAsOutsideTime) {
  LoopbackServer server([](auto const&) {
    std::this_thread::sleep_for(20ms);
    return ok();
  });
  CurlHttp http;
  auto before = AccountedWait::of_this_thread();
  ASSERT_TRUE(http.send(get(server.url()), {}));
  EXPECT_GE(AccountedWait::of_this_thread() - before, 20ms);
}

// A server that says which side it is, so that a test can tell who answered.
Reply proxy_reply(std::string const&) {
  return ok("proxy");
}

TEST(CurlHttpProxy, TheEnvironmentIsHonouredForOthersAndNotForLoopback) {
  LoopbackServer proxy(proxy_reply);
  LoopbackServer server(ok_reply);
  LoopbackServer server6(ok_reply, {}, "::1");
  for (auto const* name : {"http_proxy", "all_proxy"}) {
    Environment environment(name, fmt::format("http://127.0.0.1:{}", proxy.port()));
    CurlHttp http;
    auto through = http.send(get("http://ec2.eu-west-1.example.test/"), {});
    ASSERT_TRUE(through) << through.error().message.text;
    EXPECT_EQ(through->body, "proxy");
    EXPECT_THAT(proxy.requests().back(), StartsWith("GET http://ec2.eu-west-1.example.test/ "));
    for (auto const& url :
         {server.url(), server6.url(), fmt::format("http://localhost:{}/", server.port())}) {
      auto direct = http.send(get(url), {});
      ASSERT_TRUE(direct) << direct.error().message.text;
      EXPECT_EQ(direct->body, "fine") << url;
    }
  }
  EXPECT_EQ(proxy.requests().size(), 2u);
}

TEST(CurlHttpProxy, ADirectRequestPassesByWhateverTheEnvironmentSays) {
  LoopbackServer proxy(proxy_reply);
  Environment environment("http_proxy", fmt::format("http://127.0.0.1:{}", proxy.port()));
  CurlHttp http;
  auto request = get("http://etcd-b.example.invalid/");
  EXPECT_TRUE(http.send(request, {}));  // through the proxy, which knows the name
  request.direct = true;
  EXPECT_FALSE(http.send(request, {}));  // nobody else does
  EXPECT_EQ(proxy.requests().size(), 1u);
}

TEST(CurlHttpProxy, HttpsGoesThroughATunnelWithoutOurHeadersAndNotForLoopback) {
  LoopbackServer proxy([](auto const&) {
    return Reply{"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", Reply::After::close};
  });
  LoopbackServer plain(ok_reply);
  Environment environment("https_proxy", fmt::format("http://127.0.0.1:{}", proxy.port()));
  CurlHttp http;
  auto request = get("https://ec2.eu-west-1.example.test/");
  request.headers = {{"Authorization", "hush"}};
  EXPECT_FALSE(http.send(request, {}));
  ASSERT_EQ(proxy.requests().size(), 1u);
  EXPECT_THAT(proxy.requests()[0],
              AllOf(StartsWith("CONNECT ec2.eu-west-1.example.test:443 "), Not(HasSubstr("hush"))));
  // No TLS on the other side, so it fails; what counts is who was asked.
  request.url = fmt::format("https://127.0.0.1:{}/", plain.port());
  request.timeout = 200ms;
  EXPECT_FALSE(http.send(request, {}));
  EXPECT_EQ(proxy.requests().size(), 1u);
  EXPECT_EQ(plain.connections(), 1);
}

// The real metadata addresses, on the loopback device of a network namespace that only the test's
// thread is in.
TEST(CurlHttpProxy, MetadataAddressesAreNeverAskedForThroughAProxy) {
  std::string skipped;
  std::jthread([&] {
    auto ip = [](std::vector<std::string> words) {
      words.insert(words.begin(), "ip");
      auto outcome = SystemProcess().run({.argv = words, .environment = {}, .input = {}}, {});
      return outcome && outcome->exit_code == 0 ? outcome->out + "done" : "";
    };
    if (::unshare(CLONE_NEWNET) != 0 || ip({"link", "set", "lo", "up"}).empty() ||
        ip({"address", "add", "169.254.169.254/32", "dev", "lo"}).empty() ||
        ip({"address", "add", "fd00:ec2::254/128", "dev", "lo", "nodad"}).empty() ||
        ip({"address", "add", "fe80::a9fe/64", "dev", "lo", "nodad"}).empty()) {
      skipped = "needs a network namespace of its own, and iproute2";
      return;
    }
    // The kernel makes the routes of IPv6 addresses a little after the addresses.
    auto deadline = std::chrono::steady_clock::now() + 20s;
    for (std::string routes; !routes.contains("fd00:ec2::254") || !routes.contains("fe80::a9fe");) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << routes;
      routes = ip({"-6", "route", "show", "table", "local"});
    }
    LoopbackServer proxy(proxy_reply);
    LoopbackServer v4(ok_reply, {}, "169.254.169.254");
    LoopbackServer v6(ok_reply, {}, "fd00:ec2::254");
    LoopbackServer any(ok_reply, {}, "::");
    auto url = fmt::format("http://127.0.0.1:{}", proxy.port());
    Environment one("http_proxy", url);
    Environment other("all_proxy", url);
    CurlHttp http;
    for (auto const& address :
         {v4.url(), v6.url(), fmt::format("http://[fe80::a9fe%25lo]:{}/", any.port())}) {
      auto direct = http.send(get(address), {});
      ASSERT_TRUE(direct) << direct.error().message.text;
      EXPECT_EQ(direct->body, "fine") << address;
    }
    EXPECT_EQ(proxy.connections(), 0);
  }).join();
  if (!skipped.empty()) GTEST_SKIP() << skipped;
}

class CurlHttpTls : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new test::TemporaryDirectory;
    make_authority("ca");
    make_authority("other-ca");
    make_leaf("server", "ca", "subjectAltName=IP:127.0.0.1");
    make_leaf("elsewhere", "ca", "subjectAltName=DNS:elsewhere.example.com");
    make_leaf("client", "ca", "extendedKeyUsage=clientAuth");
    make_leaf("stranger", "other-ca", "extendedKeyUsage=clientAuth");
  }
  static void TearDownTestSuite() { delete folder_; }

  static std::string file(std::string const& name) { return (*folder_ / name).string(); }

  static void openssl(std::vector<std::string> words) {
    words.insert(words.begin(), {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                                 "ec_paramgen_curve:P-256", "-nodes", "-days", "2"});
    auto outcome = SystemProcess().run({.argv = words, .environment = {}, .input = {}}, {});
    ASSERT_TRUE(outcome) << outcome.error().message.text;
    ASSERT_EQ(outcome->exit_code, 0) << outcome->err;
  }
  static void make_authority(std::string const& name) {
    openssl({"-keyout", file(name + ".key"), "-out", file(name + ".crt"), "-subj", "/CN=" + name});
  }
  static void make_leaf(std::string const& name, std::string const& by, std::string const& extra) {
    openssl({"-keyout", file(name + ".key"), "-out", file(name + ".crt"), "-subj", "/CN=" + name,
             "-CA", file(by + ".crt"), "-CAkey", file(by + ".key"), "-addext", extra, "-addext",
             "basicConstraints=CA:FALSE"});
  }
  static test::ServerTls tls_of(std::string const& name, std::string const& client_ca = "") {
    return {file(name + ".crt"), file(name + ".key"), client_ca.empty() ? "" : file(client_ca)};
  }
  HttpRequest request_to(LoopbackServer const& server, std::string const& ca,
                         std::string const& client = "") {
    auto request = get(server.url());
    if (!ca.empty()) request.tls.ca_file = file(ca);
    if (!client.empty()) {
      request.tls.cert_file = file(client + ".crt");
      request.tls.key_file = file(client + ".key");
    }
    return request;
  }

  static inline test::TemporaryDirectory* folder_ = nullptr;
  CurlHttp http_;
};

TEST_F(CurlHttpTls, TakesAServerOfItsAuthorityAndUsesTheConnectionAgain) {
  LoopbackServer server(ok_reply, tls_of("server"));
  for (int round = 0; round < 2; ++round) {
    auto response = http_.send(request_to(server, "ca.crt"), {});
    ASSERT_TRUE(response) << response.error().message.text;
    EXPECT_EQ(response->body, "fine");
  }
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(CurlHttpTls, RefusesOthersAsDenied) {
  LoopbackServer server(ok_reply, tls_of("server"));
  LoopbackServer elsewhere(ok_reply, tls_of("elsewhere"));
  // First a connection that is right, which must not serve those who would refuse it.
  ASSERT_TRUE(http_.send(request_to(server, "ca.crt"), {}));
  for (auto const& request : {request_to(server, "other-ca.crt"), request_to(server, ""),
                              request_to(elsewhere, "ca.crt")}) {
    auto response = http_.send(request, {});
    ASSERT_FALSE(response) << request.url << request.tls.ca_file;
    EXPECT_EQ(response.error().kind, Kind::denied) << response.error().message.text;
  }
  EXPECT_EQ(server.requests().size(), 1u);
  EXPECT_EQ(elsewhere.requests().size(), 0u);
}

TEST_F(CurlHttpTls, AnAuthorityThatIsReplacedUnderItsNameIsReadAnew) {
  LoopbackServer server(ok_reply, tls_of("server"));
  auto replaced = file("replaced.crt");
  std::filesystem::copy_file(file("ca.crt"), replaced);
  auto request = request_to(server, "replaced.crt");
  ASSERT_TRUE(http_.send(request, {}));
  std::filesystem::copy_file(file("other-ca.crt"), file("next.crt"));
  std::filesystem::rename(file("next.crt"), replaced);
  auto response = http_.send(request, {});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, Kind::denied);
}

// The machine's own authorities, for requests that name none: those of the file as it is when a
// connection is made. In a mount namespace, another file stands in its place.
TEST_F(CurlHttpTls, RequestsThatNameNoAuthorityGoByTheMachines) {
  if (auto why = test::LoopDisk::why_not(); !why.empty()) GTEST_SKIP() << why;
  constexpr char kFile[] = "/etc/ssl/certs/ca-certificates.crt";
  auto stand_in = [&](std::string const& authority) {
    ::umount2(kFile, MNT_DETACH);
    ASSERT_EQ(::mount(file(authority).c_str(), kFile, nullptr, MS_BIND, nullptr), 0);
  };
  // A new server each time, so that there is a handshake.
  auto ask = [&] {
    LoopbackServer server(ok_reply, tls_of("server"));
    return http_.send(request_to(server, ""), {});
  };
  auto expect_refused = [&] {
    auto const refused = ask();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, Kind::denied) << refused.error().message.text;
  };
  expect_refused();  // the real ones do not know it
  stand_in("ca.crt");
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(ask());
  stand_in("other-ca.crt");
  expect_refused();
  stand_in("ca.crt");
  EXPECT_TRUE(ask());
  ASSERT_EQ(::umount2(kFile, MNT_DETACH), 0);
}

TEST_F(CurlHttpTls, ShowsItsCertificateAndSaysWhenTheServerRefusesIt) {
  LoopbackServer server(ok_reply, tls_of("server", "ca.crt"));
  auto taken = http_.send(request_to(server, "ca.crt", "client"), {});
  ASSERT_TRUE(taken) << taken.error().message.text;
  for (auto const* client : {"stranger", ""}) {
    auto refused = http_.send(request_to(server, "ca.crt", client), {});
    ASSERT_FALSE(refused) << client;
    EXPECT_EQ(refused.error().kind, Kind::denied) << client << refused.error().message.text;
  }
}

TEST_F(CurlHttpTls, FilesThatAreMissingAreInvalidAndNamed) {
  LoopbackServer server(ok_reply, tls_of("server"));
  auto request = request_to(server, "missing.crt");
  auto response = http_.send(request, {});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, Kind::invalid);
  EXPECT_THAT(response.error().message.text, HasSubstr("missing.crt"));
  response = http_.send(request_to(server, "ca.crt", "missing"), {});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, Kind::invalid);
  EXPECT_THAT(response.error().message.text, HasSubstr("missing.crt"));
}

// A server of which only its key is known.
TEST_F(CurlHttpTls, GoesByTheServersKeyAlone) {
  LoopbackServer server(ok_reply, tls_of("elsewhere"));
  LoopbackServer other(ok_reply, tls_of("server"));
  auto by_key = [&](LoopbackServer const& asked, std::string const& key) {
    auto request = get(asked.url());
    request.tls.server_key = key;
    return http_.send(request, {});
  };
  auto const any = by_key(server, kAnyServerKey);
  ASSERT_TRUE(any) << any.error().message.text;
  auto const key = any->server_key;
  EXPECT_EQ(key.size(), 64u);
  auto const others = by_key(other, kAnyServerKey)->server_key;
  EXPECT_NE(others, key);

  auto const again = by_key(server, key);
  ASSERT_TRUE(again) << again.error().message.text;
  EXPECT_EQ(again->server_key, key);
  EXPECT_EQ(server.connections(), 1) << "on the connection of which it is known";

  auto const wrong = by_key(server, others);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().kind, Kind::denied) << wrong.error().message.text;
  EXPECT_EQ(server.requests().size(), 2u) << "nothing was said to who has another key";
  // Nor does its connection serve those who go by an authority.
  EXPECT_FALSE(http_.send(request_to(server, "ca.crt"), {}));
  EXPECT_EQ(http_.send(request_to(other, "ca.crt"), {})->server_key, "");
}

// What was read by this process, bytes.
std::size_t bytes_read() {
  std::ifstream io("/proc/self/io");
  for (std::string word; io >> word;)
    if (std::size_t bytes = 0; word == "rchar:" && io >> bytes) return bytes;
  return 0;
}

// Debian's bundle has 140 authorities and takes 20 ms to read: none of them counts here.
TEST_F(CurlHttpTls, WhoGoesByAKeyReadsNoAuthorities) {
  constexpr char kBundle[] = "/etc/ssl/certs/ca-certificates.crt";
  std::error_code missing;
  auto const bundle = std::filesystem::file_size(kBundle, missing);
  if (missing || bytes_read() == 0) GTEST_SKIP() << "there is no bundle, or no /proc/self/io";
  LoopbackServer server(ok_reply, tls_of("server"));
  auto request = get(server.url());
  request.tls.server_key = kAnyServerKey;
  auto const before = bytes_read();
  ASSERT_TRUE(http_.send(request, {}));
  EXPECT_LT(bytes_read() - before, bundle);
}

// Somebody else takes the port between two requests.
TEST_F(CurlHttpTls, AConnectionThatIsMadeAgainIsHeldToTheKeyToo) {
  auto closes = [](std::string const&) {
    return test::Reply{.bytes = test::ok("fine").bytes, .after = test::Reply::After::close};
  };
  LoopbackServer server(closes, tls_of("server"));
  auto request = get(server.url());
  request.tls.server_key = kAnyServerKey;
  auto const key = http_.send(request, {})->server_key;
  request.tls.server_key = key;
  EXPECT_TRUE(http_.send(request, {}));
  request.tls.server_key = std::string(64, '0');
  EXPECT_FALSE(http_.send(request, {}));
}

}  // namespace
}  // namespace haagent
