#include "agent/server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>

#include "agent/base/http_curl.h"
#include "agent/hear_hello.h"
#include "bootstrap/pki/leaves.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_ec2.h"
#include "tests/support/temporary_directory.h"
#include "tests/unit/agent/flood.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;
using namespace bootstrap::pki;

// A node's files, signed by an authority.
class Node {
 public:
  explicit Node(KeyPair const& authority, std::string const& name = "node")
      : name_(name), tls(agent_tls(Root(folder_.path()))) {
    sign(authority);
  }
  void sign(KeyPair const& authority) {
    LeafSpec const spec{.common_name = "node",
                        .dns_names = {name_},
                        .addresses = {"127.0.0.1"},
                        .server = true,
                        .client = true};
    auto const key = make_key().value();
    auto const now = SystemClock().utc();
    test::write_bytes(tls.ca_file, authority.certificate);
    test::write_bytes(tls.key_file, key.reveal());
    test::write_bytes(tls.cert_file, make_leaf(spec, key, authority, now, 1h).value());
  }
  void forget() { std::filesystem::remove(tls.cert_file); }

 private:
  test::TemporaryDirectory folder_;
  std::string const name_;

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
    server_ = std::make_unique<StatusServer>([] { return "{}"; },
                                             [](ServerCall const&) { return ServerReply{}; }, tls);
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
  StatusServer server({}, {}, {});
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

// Master a's server; b has been at 10.0.0.2, and is at 127.0.0.1 now.
class AgentServerHears : public AgentServer {
 protected:
  AgentServerHears() {
    config_.cluster.name = "x.example";
    Identity identity;
    identity.instance_id = "i-a";
    identity.address = "10.0.0.1";
    facts_.identity.set(identity);
    facts_.main.volume.set({.volume_id = "vol-a", .member = "a", .members = {"a", "b", "c"}});
    test::write_bytes(root_ / "etc/hosts",
                      bootstrap::hosts_with_block("", {{"10.0.0.2", "etcd-b.internal.x.example"}}));
    EXPECT_TRUE(peers_.look(facts_, {}));
    server_ = std::make_unique<StatusServer>(
        [] { return "{}"; },
        [this](ServerCall const& call) { return hear_hello(config_, peers_, call); }, a_.tls);
    port_ = server_->listen("127.0.0.1", 0).value();
  }
  Result<HttpResponse> say(HttpTls const& tls, std::string const& body, Headers headers = {},
                           std::string const& scheme = "https") {
    CurlHttp http;
    return http.send({.method = "POST",
                      .url = fmt::format("{}://127.0.0.1:{}/v1/hello", scheme, port_),
                      .headers = std::move(headers),
                      .body = body,
                      .tls = tls},
                     {});
  }
  int status_of(HttpTls const& tls, std::string const& body, Headers headers = {}) {
    auto const answer = say(tls, body, std::move(headers));
    EXPECT_TRUE(answer) << answer.error().what;
    return answer ? answer->status : 0;
  }
  std::string b_is() {
    EXPECT_TRUE(peers_.look(facts_, {}));
    auto const peers = facts_.main.peers.get().value();
    for (auto const& peer : peers)
      if (peer.member == "b") return peer.address;
    return "";
  }

  bootstrap::Hello const hello_{.cluster = "x.example",
                                .main = "b",
                                .events = "b",
                                .instance_id = "i-9",
                                .address = "127.0.0.1",
                                .since = test::FakeClock().utc()};
  std::string const body_ = bootstrap::hello_text(hello_);
  Node a_{authority_, "etcd-a.internal.x.example"};
  Node b_{authority_, "etcd-b.internal.x.example"};
  test::TemporaryDirectory root_;
  test::FakeClock clock_;
  test::FakeEc2 ec2_{clock_};
  NodeConfig config_;
  Facts facts_;
  bootstrap::Peers peers_{config_, Root(root_.path()), ec2_, clock_};
};

TEST_F(AgentServerHears, WhoeverTheMemberIs) {
  EXPECT_EQ(b_is(), "10.0.0.2");
  EXPECT_EQ(status_of(b_.tls, body_), 200);
  EXPECT_EQ(b_is(), "127.0.0.1");
  auto late = hello_;
  late.instance_id = "i-1";
  late.since -= 1h;
  EXPECT_EQ(status_of(b_.tls, bootstrap::hello_text(late)), 409);
}

TEST_F(AgentServerHears, NobodyElse) {
  Node const worker(authority_, "ip-10-0-0-7");
  Node const c(authority_, "etcd-c.internal.x.example");
  Node const stranger(new_authority(), "etcd-b.internal.x.example");
  EXPECT_EQ(status_of(worker.tls, body_), 403);
  EXPECT_EQ(status_of(c.tls, body_), 403);
  auto elsewhere = hello_;
  elsewhere.address = "10.0.0.9";
  EXPECT_EQ(status_of(b_.tls, bootstrap::hello_text(elsewhere)), 403);
  EXPECT_FALSE(say({.ca_file = b_.tls.ca_file,
                    .cert_file = stranger.tls.cert_file,
                    .key_file = stranger.tls.key_file},
                   body_));
  EXPECT_FALSE(say({.ca_file = b_.tls.ca_file, .cert_file = {}, .key_file = {}}, body_));
  EXPECT_FALSE(say({}, body_, {}, "http")) << "in the clear";
  EXPECT_EQ(b_is(), "10.0.0.2");
}

TEST_F(AgentServerHears, NothingMalformedAndNothingLong) {
  EXPECT_EQ(status_of(b_.tls, ""), 400);
  EXPECT_EQ(status_of(b_.tls, body_.substr(0, 40)), 400);
  auto const padded = [&](std::size_t size) {
    return body_ + std::string(size - body_.size(), ' ');
  };
  EXPECT_EQ(status_of(b_.tls, padded(bootstrap::kHelloCap + 1)), 413);
  // In chunks, no header says how much is to come.
  Headers const in_chunks = {{"transfer-encoding", "chunked"}};
  EXPECT_EQ(status_of(b_.tls, padded(bootstrap::kHelloCap + 1), in_chunks), 413);
  EXPECT_EQ(b_is(), "10.0.0.2");
  EXPECT_EQ(status_of(b_.tls, padded(bootstrap::kHelloCap), in_chunks), 200);
  EXPECT_EQ(b_is(), "127.0.0.1");
}

TEST_F(AgentServerHears, NobodyOnAWorker) {
  serve({});
  auto const answer = say({}, body_, {}, "http");
  ASSERT_TRUE(answer) << answer.error().what;
  EXPECT_EQ(answer->status, 404);
}

std::size_t count_in(char const* folder) {
  auto const entries = std::filesystem::directory_iterator(folder);
  return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
}

TEST_F(AgentServerHears, ItThoughThousandsOfConnectionsSayNothing) {
  ASSERT_EQ(status_of(b_.tls, body_), 200);
  auto const threads = count_in("/proc/self/task");
  Flood silent("127.0.0.66", port_);
  for (int i = 0; i < 200; ++i) silent.add();
  EXPECT_LE(count_in("/proc/self/task"), threads);
  // Long before they have been silent for long: there is room for a few of one caller.
  EXPECT_TRUE(test::eventually([&] { return silent.open() <= 8; }, 30s)) << silent.open();
  // And while ever more of them come.
  std::atomic<int> came = 0;
  std::jthread more([&](std::stop_token stop) {
    for (std::optional<Flood> flood; !stop.stop_requested(); ++came) {
      if (came % 50 == 0) flood.emplace("127.0.0.66", port_);
      flood->add();
    }
  });
  EXPECT_TRUE(test::eventually([&] { return came > 100; }, 60s));
  for (int i = 0; i < 5; ++i)
    EXPECT_TRUE(test::eventually(
        [&] {
          auto const answer = say(b_.tls, body_);
          return answer && answer->status == 200;
        },
        30s));
}

TEST_F(AgentServerHears, ItThoughACallerNeverComesToAnEnd) {
  Flood slow("127.0.0.66", port_);
  // The first bytes of a handshake: each would have a thread to itself.
  for (int i = 0; i < 30; ++i) slow.add(std::string("\x16\x03\x01\x02", 4));
  EXPECT_TRUE(test::eventually(
      [&] {
        auto const answer = say(b_.tls, body_);
        return answer && answer->status == 200;
      },
      30s));
  EXPECT_TRUE(test::eventually([&] { return slow.open() == 0; }, 60s)) << slow.open();
}

TEST_F(AgentServerHears, ItAfterTheManyHaveGone) {
  std::vector<std::unique_ptr<Flood>> floods;
  for (int caller = 1; caller <= 12; ++caller) {
    floods.push_back(std::make_unique<Flood>(fmt::format("127.0.0.{}", 100 + caller), port_));
    for (int i = 0; i < 8; ++i) floods.back()->add();
  }
  auto const open = [&] {
    std::size_t all = 0;
    for (auto& each : floods) all += each->open();
    return all;
  };
  EXPECT_TRUE(test::eventually([&] { return open() <= 64; }, 30s)) << open();
  EXPECT_TRUE(test::eventually([&] { return open() == 0; }, 60s)) << open();
  EXPECT_EQ(status_of(b_.tls, body_), 200);
}

}  // namespace
}  // namespace haagent
