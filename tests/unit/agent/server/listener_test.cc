#include "agent/server/listener.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/base/http_curl.h"
#include "bootstrap/pki/x509.h"
#include "tests/support/temporary_directory.h"
#include "tests/unit/agent/server/flood.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;
using namespace bootstrap::pki;

// Certificates of one authority, and of another.
class Listener : public testing::Test {
 protected:
  HttpTls files(std::string const& name, KeyPair const& authority,
                UtcTime now = SystemClock().utc()) {
    LeafSpec const spec{.common_name = name,
                        .organization = "",
                        .dns_names = {},
                        .addresses = {"127.0.0.1"},
                        .server = true,
                        .client = true};
    auto const key = make_key().value();
    HttpTls tls{.ca_file = (folder_ / (name + "-ca.crt")).string(),
                .cert_file = (folder_ / (name + ".crt")).string(),
                .key_file = (folder_ / (name + ".key")).string()};
    test::write_bytes(tls.ca_file, authority_.certificate);
    test::write_bytes(tls.key_file, key.reveal());
    test::write_bytes(tls.cert_file, make_leaf(spec, key, authority, now, 1h).value());
    return tls;
  }
  // Every page says what the call was.
  void serve(ServerTls tls) {
    listener_ = std::make_unique<HttpListener>(std::move(tls));
    for (bool goes_on : {true, false})
      listener_->serve({.method = "GET",
                        .path = goes_on ? "/first" : "/last",
                        .goes_on = goes_on,
                        .answer = [](ServerCall const& call) {
                          auto const shown = parse_certificate(call.certificate);
                          return Answer{.type = "text/plain",
                                        .body = fmt::format("{} {} {}", call.nonce, call.server_key,
                                                            shown ? shown->common_name : "nobody")};
                        }});
    listener_->serve({.method = "GET", .path = "/busy", .answer = [](ServerCall const&) {
                        return Answer{.status = 503, .type = {}, .body = {}, .retry_after = 7s};
                      }});
    port_ = listener_->listen("127.0.0.1", 0).value();
  }
  Result<HttpResponse> get(std::string const& path, HttpTls const& tls) {
    return http_.send({.method = "GET",
                       .url = fmt::format("https://127.0.0.1:{}{}", port_, path),
                       .headers = {},
                       .body = {},
                       .tls = tls},
                      {});
  }
  std::vector<std::string> words(Result<HttpResponse> const& response) {
    EXPECT_TRUE(response) << response.error().message.text;
    std::istringstream text(response ? response->body : "");
    return {std::istream_iterator<std::string>(text), {}};
  }

  test::TemporaryDirectory folder_;
  KeyPair const authority_ = make_ca({"kubernetes", ""}, SystemClock().utc(), 10h).value();
  KeyPair const stranger_ = make_ca({"kubernetes", ""}, SystemClock().utc(), 10h).value();
  CurlHttp http_;
  std::unique_ptr<HttpListener> listener_;
  int port_ = 0;
};

TEST_F(Listener, AnAddressMayBeWrittenInAnyOfItsForms) {
  for (auto const* address : {"::1", "0:0:0:0:0:0:0:1", "::0001", "127.0.0.1"}) {
    HttpListener listener(ServerTls({}, ServerTls::ClientCertificate::optional));
    auto const port = listener.listen(address, 0);
    EXPECT_TRUE(port) << port.error().message.text;
  }
}

TEST_F(Listener, ASocketThatWasKeptServesForItsOwnPlaceAlone) {
  auto page = [](HttpListener& listener) {
    listener.serve({.method = "GET", .path = "/", .answer = [](ServerCall const&) {
                      return Answer{.type = "text/plain", .body = "served"};
                    }});
  };
  ServerTls clear({}, ServerTls::ClientCertificate::optional);
  auto first =
      std::make_unique<HttpListener>(ServerTls({}, ServerTls::ClientCertificate::optional));
  auto const port = first->listen("127.0.0.1", 0).value();
  auto kept = [&, socket = FileDescriptor(::dup(first->socket()))] {
    return FileDescriptor(::dup(socket.get()));
  };
  first.reset();
  HttpListener next(std::move(clear));
  page(next);
  EXPECT_FALSE(next.listen_on(kept(), "127.0.0.2", port));
  EXPECT_FALSE(next.listen_on(kept(), "127.0.0.1", port + 1));
  EXPECT_FALSE(
      next.listen_on(FileDescriptor(::socket(AF_INET, SOCK_STREAM, 0)), "127.0.0.1", port));
  ASSERT_TRUE(next.listen_on(kept(), "127.0.0.1", port));
  auto const answer =
      http_.send({.method = "GET", .url = fmt::format("http://127.0.0.1:{}/", port)}, {});
  ASSERT_TRUE(answer) << answer.error().message.text;
  EXPECT_EQ(answer->body, "served");
}

// Silent ones have all the room, and go for those behind them that speak.
TEST_F(Listener, WhereTheRestWaitsNobodyIsSentAway) {
  HttpListener listener(
      ServerTls({}, ServerTls::ClientCertificate::optional),
      {.connections = {.connections = 8, .per_address = 8, .silence = 300ms, .rest_waits = true}});
  listener.serve({.method = "GET", .path = "/", .answer = [](ServerCall const&) {
                    return Answer{.type = "text/plain", .body = "served"};
                  }});
  auto const port = listener.listen("127.0.0.1", 0).value();
  Flood silent("127.0.1.1", port);
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(silent.add());
  std::atomic<int> served = 0;
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i < 40; ++i)
      callers.emplace_back([&] {
        auto const answer = CurlHttp().send(
            {.method = "GET", .url = fmt::format("http://127.0.0.1:{}/", port)}, {});
        if (answer && answer->body == "served") ++served;
      });
  }
  EXPECT_EQ(served, 40);
}

// An acknowledgement may take 40 ms to come.
TEST_F(Listener, AnAnswerWaitsForNoAcknowledgement) {
  auto const server = files("server", authority_);
  serve(ServerTls(server));
  auto const client = files("client", authority_);
  bool is_quick = false;
  for (int i = 0; i < 50 && !is_quick; ++i) {
    auto const began = std::chrono::steady_clock::now();
    CurlHttp fresh;
    ASSERT_TRUE(fresh.send({.method = "GET",
                            .url = fmt::format("https://127.0.0.1:{}/first", port_),
                            .headers = {},
                            .body = {},
                            .tls = client},
                           {}));
    is_quick = std::chrono::steady_clock::now() - began < 35ms;
  }
  EXPECT_TRUE(is_quick);
}

TEST_F(Listener, AConnectionThatGoesOnKeepsItsNonceAndEachHasItsOwn) {
  auto const server = files("server", authority_);
  serve(ServerTls(server));
  auto const client = files("client", authority_);
  auto const first = words(get("/first", client));
  auto const last = words(get("/last", client));
  auto const next = words(get("/first", client));
  ASSERT_EQ(first.size(), 3u);
  EXPECT_EQ(first[0].size(), 64u);
  EXPECT_EQ(first[0], last[0]);
  EXPECT_NE(first[0], next[0]) << "after the last one comes another connection";
  EXPECT_EQ(first[1], parse_certificate(test::bytes_of(server.cert_file))->key_hash);
}

TEST_F(Listener, WhereNoCertificateIsAskedForAForeignOneIsRefusedAllTheSame) {
  serve(ServerTls(files("server", authority_), ServerTls::ClientCertificate::optional));
  auto nobody = files("client", authority_);
  auto const known = nobody;
  nobody.cert_file = nobody.key_file = "";
  EXPECT_EQ(words(get("/last", nobody))[2], "nobody");
  EXPECT_EQ(words(get("/last", known))[2], "client");
  EXPECT_FALSE(get("/last", files("stranger", stranger_)));
  EXPECT_FALSE(get("/last", files("late", authority_, SystemClock().utc() - 5h))) << "has ended";
}

TEST_F(Listener, SaysWhenToComeAgain) {
  serve(ServerTls(files("server", authority_)));
  auto const busy = get("/busy", files("client", authority_));
  ASSERT_TRUE(busy);
  EXPECT_EQ(busy->status, 503);
  EXPECT_EQ(busy->header("retry-after"), "7");
}

}  // namespace
}  // namespace haagent
