#include "agent/server.h"

#include <gtest/gtest.h>

#include "agent/base/http_curl.h"
#include "bootstrap/pki/leaves.h"
#include "tests/support/temporary_directory.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;
using namespace bootstrap::pki;

// A node's files, signed by an authority.
class Node {
 public:
  explicit Node(KeyPair const& authority) : tls(agent_tls(Root(folder_.path()))) {
    sign(authority);
  }
  void sign(KeyPair const& authority) {
    LeafSpec const spec{
        .common_name = "node", .addresses = {"127.0.0.1"}, .server = true, .client = true};
    auto const key = make_key().value();
    auto const now = SystemClock().utc();
    test::write_bytes(tls.ca_file, authority.certificate);
    test::write_bytes(tls.key_file, key.reveal());
    test::write_bytes(tls.cert_file, make_leaf(spec, key, authority, now, 1h).value());
  }
  void forget() { std::filesystem::remove(tls.cert_file); }

 private:
  test::TemporaryDirectory folder_;

 public:
  HttpTls const tls;
};

KeyPair new_authority() {
  return make_ca({"haagent-ca", "prod"}, SystemClock().utc(), 10h).value();
}

class AgentServer : public testing::Test {
 protected:
  // Over a connection of its own.
  Result<HttpResponse> ask(HttpTls const& tls, std::string const& scheme = "https") {
    CurlHttp http;
    return http.send({.method = "GET",
                      .url = fmt::format("{}://127.0.0.1:{}/v1/status", scheme, port_),
                      .tls = tls},
                     {});
  }
  void serve(HttpTls const& tls) {
    server_ = std::make_unique<StatusServer>([] { return "{}"; }, tls);
    auto port = server_->listen("127.0.0.1", 0);
    ASSERT_TRUE(port) << port.error().what;
    port_ = *port;
  }

  KeyPair const authority_ = new_authority();
  std::unique_ptr<StatusServer> server_;
  int port_ = 0;
};

TEST_F(AgentServer, TellsThoseWhomItsAuthorityHasSignedAndNobodyElse) {
  Node a(authority_);
  Node b(authority_);
  Node stranger(new_authority());
  serve(a.tls);
  auto answer = ask(b.tls);
  ASSERT_TRUE(answer) << answer.error().what;
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, "{}");

  // Whether the alert or the end of the connection is seen first differs.
  EXPECT_FALSE(ask({.ca_file = b.tls.ca_file, .cert_file = {}, .key_file = {}}));
  EXPECT_FALSE(ask({.ca_file = b.tls.ca_file,
                    .cert_file = stranger.tls.cert_file,
                    .key_file = stranger.tls.key_file}));
  auto const doubts_the_server = ask(stranger.tls);
  ASSERT_FALSE(doubts_the_server);
  EXPECT_EQ(doubts_the_server.error().kind, Kind::denied);
  EXPECT_FALSE(ask({}, "http")) << "in the clear";
}

TEST_F(AgentServer, ListensBeforeItsFilesAreThereAndSeesEachRenewal) {
  Node a(authority_);
  Node b(authority_);
  a.forget();
  serve(a.tls);
  EXPECT_FALSE(ask(b.tls));
  a.sign(authority_);
  EXPECT_TRUE(ask(b.tls));
  // Another authority, as after a rotation; nothing is started again.
  auto const other = new_authority();
  a.sign(other);
  EXPECT_FALSE(ask(b.tls));
  b.sign(other);
  EXPECT_TRUE(ask(b.tls));
}

TEST_F(AgentServer, AWorkersPageIsInTheClear) {
  serve({});
  auto answer = ask({}, "http");
  ASSERT_TRUE(answer) << answer.error().what;
  EXPECT_EQ(answer->status, 200);
}

TEST_F(AgentServer, MetricsStandBesideTheStatusOrAlone) {
  auto get = [](int port, std::string_view path) {
    CurlHttp http;
    return http.send({.method = "GET", .url = fmt::format("http://127.0.0.1:{}{}", port, path)},
                     {});
  };
  StatusServer server({}, {});
  server.serve_metrics([] { return "haagent_build_info 1\n"; });
  auto const port = server.listen("127.0.0.1", 0);
  ASSERT_TRUE(port) << port.error().what;
  auto const answer = get(*port, "/metrics");
  ASSERT_TRUE(answer) << answer.error().what;
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, "haagent_build_info 1\n");
  EXPECT_EQ(answer->header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  auto const status = get(*port, "/v1/status");
  ASSERT_TRUE(status) << status.error().what;
  EXPECT_EQ(status->status, 404) << "in the clear there are the figures alone";
}

}  // namespace
}  // namespace haagent
