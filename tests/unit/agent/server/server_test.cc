#include "agent/server/server.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <optional>
#include <semaphore>
#include <thread>

#include "agent/base/http_curl.h"
#include "agent/server/announce.h"
#include "agent/server/support_bundle.h"
#include "bootstrap/pki/client.h"
#include "bootstrap/pki/leaves.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_ec2.h"
#include "tests/support/temporary_directory.h"
#include "tests/unit/agent/server/flood.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;
using namespace bootstrap::pki;

// A node's files, signed by an authority.
class Node {
 public:
  explicit Node(KeyPair const& authority, std::string const& name = "node",
                std::string address = "127.0.0.1")
      : name_(name), address_(std::move(address)), tls(agent_tls(Root(folder_.path()))) {
    sign(authority);
  }
  void sign(KeyPair const& authority) {
    LeafSpec const spec{.common_name = "node",
                        .dns_names = {name_},
                        .addresses = {address_},
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
  std::string const address_;

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
    ASSERT_TRUE(port) << port.error().message.text;
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
  ASSERT_TRUE(answer) << answer.error().message.text;
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
  ASSERT_TRUE(answer) << answer.error().message.text;
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
  ASSERT_TRUE(port) << port.error().message.text;
  auto const answer = get(*port, "/metrics");
  ASSERT_TRUE(answer) << answer.error().message.text;
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, "haagent_build_info 1\n");
  EXPECT_EQ(answer->header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  auto const status = get(*port, "/v1/status");
  ASSERT_TRUE(status) << status.error().message.text;
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
        [this](ServerCall const& call) { return answer_announcement(config_, peers_, call); },
        a_.tls);
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
    EXPECT_TRUE(answer) << answer.error().message.text;
    return answer ? answer->status : 0;
  }
  std::string b_is() {
    EXPECT_TRUE(peers_.look(facts_, {}));
    auto const peers = facts_.main.peers.get().value();
    for (auto const& peer : peers)
      if (peer.member == "b") return peer.address;
    return "";
  }

  bootstrap::Announcement const announcement_{.cluster = "x.example",
                                              .main = "b",
                                              .events = "b",
                                              .instance_id = "i-9",
                                              .address = "127.0.0.1",
                                              .since = test::FakeClock().utc()};
  std::string const body_ = bootstrap::announcement_text(announcement_);
  Node a_{authority_, "etcd-a.internal.x.example"};
  Node b_{authority_, "etcd-b.internal.x.example"};
  test::TemporaryDirectory root_;
  test::FakeClock clock_;
  test::FakeEc2 ec2_{clock_};
  NodeConfig config_;
  Facts facts_;
  aws::RegionView region_{ec2_, clock_, "x.example"};
  bootstrap::Peers peers_{config_, Root(root_.path()), region_, clock_};
};

TEST_F(AgentServerHears, WhoeverTheMemberIs) {
  EXPECT_EQ(b_is(), "10.0.0.2");
  EXPECT_EQ(status_of(b_.tls, body_), 200);
  EXPECT_EQ(b_is(), "127.0.0.1");
  auto late = announcement_;
  late.instance_id = "i-1";
  late.since -= 1h;
  EXPECT_EQ(status_of(b_.tls, bootstrap::announcement_text(late)), 409);
}

TEST_F(AgentServerHears, NobodyElse) {
  Node const worker(authority_, "ip-10-0-0-7");
  Node const c(authority_, "etcd-c.internal.x.example");
  Node const stranger(new_authority(), "etcd-b.internal.x.example");
  EXPECT_EQ(status_of(worker.tls, body_), 403);
  EXPECT_EQ(status_of(c.tls, body_), 403);
  auto elsewhere = announcement_;
  elsewhere.address = "10.0.0.9";
  EXPECT_EQ(status_of(b_.tls, bootstrap::announcement_text(elsewhere)), 403);
  EXPECT_FALSE(say({.ca_file = b_.tls.ca_file,
                    .cert_file = stranger.tls.cert_file,
                    .key_file = stranger.tls.key_file},
                   body_));
  EXPECT_FALSE(say({.ca_file = b_.tls.ca_file, .cert_file = {}, .key_file = {}}, body_));
  EXPECT_FALSE(say({}, body_, {}, "http")) << "in the clear";
  EXPECT_EQ(b_is(), "10.0.0.2");
}

// `haagent pki issue`: Prometheus.
TEST_F(AgentServerHears, AReaderReadsAndSaysNothing) {
  Bundle bundle{.stage = Stage::stable, .signing = {}, .cas = {}};
  bundle.signing = parse_certificate(authority_.certificate)->key_id;
  bundle.cas.push_back({bundle.signing, {}, authority_});
  auto const issued =
      issue_client(config_, bundle, "prometheus", kClientLifetimeLeast, SystemClock().utc());
  ASSERT_TRUE(issued) << issued.error().message.text;
  test::TemporaryDirectory folder;
  HttpTls const reader{
      .ca_file = folder / "ca", .cert_file = folder / "crt", .key_file = folder / "key"};
  test::write_bytes(reader.ca_file, issued->trust);
  test::write_bytes(reader.cert_file, issued->pair.certificate);
  test::write_bytes(reader.key_file, issued->pair.key.reveal());
  auto const read = ask(reader);
  ASSERT_TRUE(read) << read.error().message.text;
  EXPECT_EQ(read->status, 200);
  EXPECT_EQ(status_of(reader, body_), 403);
  EXPECT_EQ(b_is(), "10.0.0.2");
  // And nobody takes it for a master.
  serve(reader);
  auto const asked = ask(b_.tls);
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().kind, Kind::denied);
}

TEST_F(AgentServerHears, NothingMalformedAndNothingLong) {
  EXPECT_EQ(status_of(b_.tls, ""), 400);
  EXPECT_EQ(status_of(b_.tls, body_.substr(0, 40)), 400);
  auto const padded = [&](std::size_t size) {
    return body_ + std::string(size - body_.size(), ' ');
  };
  EXPECT_EQ(status_of(b_.tls, padded(bootstrap::kAnnouncementCap + 1)), 413);
  // In chunks, no header says how much is to come.
  Headers const in_chunks = {{"transfer-encoding", "chunked"}};
  EXPECT_EQ(status_of(b_.tls, padded(bootstrap::kAnnouncementCap + 1), in_chunks), 413);
  EXPECT_EQ(b_is(), "10.0.0.2");
  EXPECT_EQ(status_of(b_.tls, body_, {{"content-encoding", "gzip"}}), 415);
  EXPECT_EQ(status_of(b_.tls, body_, {{"transfer-encoding", "gzip, chunked"}}), 501);
  EXPECT_EQ(b_is(), "10.0.0.2");
  EXPECT_EQ(status_of(b_.tls, padded(bootstrap::kAnnouncementCap), in_chunks), 200);
  EXPECT_EQ(b_is(), "127.0.0.1");
}

class AgentServerBundle : public AgentServerHears {
 protected:
  void hand_over(std::function<Result<std::string>()> make) {
    bundles_ = std::make_unique<BundleAnswers>(config_, std::move(make));
    server_ = std::make_unique<StatusServer>(
        [] { return "{}"; }, [](ServerCall const&) { return ServerReply{}; }, a_.tls);
    server_->serve_support_bundle(
        [this](ServerCall const& call) { return bundles_->answer(call); });
    port_ = server_->listen("127.0.0.1", 0).value();
  }
  Result<HttpResponse> get(HttpTls const& tls, std::string const& scheme = "https") {
    CurlHttp http;
    return http.send({.method = "GET",
                      .url = fmt::format("{}://127.0.0.1:{}/v1/support-bundle", scheme, port_),
                      .tls = tls},
                     {});
  }
  void TearDown() override { server_.reset(); }

  std::unique_ptr<BundleAnswers> bundles_;
};

TEST_F(AgentServerBundle, IsForAnotherMastersAgentAlone) {
  int made = 0;
  hand_over([&]() -> Result<std::string> {
    ++made;
    return std::string("\x28\xb5\x2f\xfd\0bytes", 10);
  });
  auto const given = get(b_.tls);
  ASSERT_TRUE(given) << given.error().message.text;
  EXPECT_EQ(given->status, 200);
  EXPECT_EQ(given->body, std::string("\x28\xb5\x2f\xfd\0bytes", 10));
  EXPECT_EQ(given->header("content-type"), "application/zstd");
  EXPECT_EQ(made, 1);

  auto status = [&](HttpTls const& tls) {
    auto const answer = get(tls);
    EXPECT_TRUE(answer) << answer.error().message.text;
    return answer ? answer->status : 0;
  };
  // The agents' authority has signed them all.
  Node const worker(authority_, "ip-10-0-0-7");
  Node const of_another_cluster(authority_, "etcd-b.internal.y.example");
  Node const nameless(authority_, "etcd-.internal.x.example");
  Node const elsewhere(authority_, "etcd-c.internal.x.example", "10.0.0.9");
  EXPECT_EQ(status(worker.tls), 403);
  EXPECT_EQ(status(of_another_cluster.tls), 403);
  EXPECT_EQ(status(nameless.tls), 403);
  EXPECT_EQ(status(elsewhere.tls), 403) << "a certificate that was carried to another machine";
  // 'haagent pki issue', even with a member's name.
  Node reader(authority_, "etcd-b.internal.x.example");
  auto const key = make_key().value();
  test::write_bytes(reader.tls.key_file, key.reveal());
  test::write_bytes(reader.tls.cert_file, make_leaf({.common_name = "prometheus",
                                                     .organization = kClientsOrganization,
                                                     .dns_names = {"etcd-b.internal.x.example"},
                                                     .addresses = {"127.0.0.1"},
                                                     .client = true},
                                                    key, authority_, SystemClock().utc(), 1h)
                                              .value());
  EXPECT_EQ(status(reader.tls), 403);
  // A client of the apiserver's, whose authority is another.
  Node const stranger(new_authority(), "etcd-b.internal.x.example");
  EXPECT_FALSE(get({.ca_file = b_.tls.ca_file,
                    .cert_file = stranger.tls.cert_file,
                    .key_file = stranger.tls.key_file}));
  EXPECT_FALSE(get({.ca_file = b_.tls.ca_file, .cert_file = {}, .key_file = {}}));
  EXPECT_FALSE(get({}, "http")) << "in the clear";
  EXPECT_EQ(made, 1) << "nothing is made for somebody else";
}

TEST_F(AgentServerBundle, OneIsMadeAtATime) {
  std::binary_semaphore begun(0), goes_on(0);
  hand_over([&]() -> Result<std::string> {
    begun.release();
    goes_on.acquire();
    return "bytes";
  });
  std::jthread const first([&] {
    auto const answer = get(b_.tls);
    EXPECT_TRUE(answer && answer->status == 200 && answer->body == "bytes");
  });
  ASSERT_TRUE(begun.try_acquire_for(20s));
  auto const second = get(b_.tls);
  ASSERT_TRUE(second) << second.error().message.text;
  EXPECT_EQ(second->status, 429);
  EXPECT_TRUE(second->header("retry-after"));
  // Who asks for a page is not kept waiting by it.
  auto const page = ask(b_.tls);
  EXPECT_TRUE(page && page->status == 200);
  goes_on.release();
}

TEST_F(AgentServerBundle, OneThatCannotBeMadeSaysWhy) {
  hand_over([]() -> Result<std::string> { return fail(Kind::transient, "there is no memory"); });
  auto const answer = get(b_.tls);
  ASSERT_TRUE(answer) << answer.error().message.text;
  EXPECT_EQ(answer->status, 503);
  EXPECT_NE(answer->body, "");
}

TEST_F(AgentServerBundle, AWorkerHandsOverNone) {
  serve({});
  auto const answer = get({}, "http");
  ASSERT_TRUE(answer) << answer.error().message.text;
  EXPECT_EQ(answer->status, 404);
}

TEST_F(AgentServerHears, NobodyOnAWorker) {
  serve({});
  auto const answer = say({}, body_, {}, "http");
  ASSERT_TRUE(answer) << answer.error().message.text;
  EXPECT_EQ(answer->status, 404);
}

// What a server answers to these bytes, whole; empty where it says nothing. After them `more` is
// sent again and again until the server closes, and `sent` counts.
struct Talk {
  std::string answer;
  std::size_t sent = 0;
  bool closed = false;  // by the server
};
Talk talk(int port, std::string const& bytes, std::string const& more = {}) {
  Talk talk;
  FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(port));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::connect(socket.get(), reinterpret_cast<sockaddr*>(&to), sizeof to);
  auto rest = bytes;
  auto const until = std::chrono::steady_clock::now() + 60s;
  while (!talk.closed && std::chrono::steady_clock::now() < until) {
    if (rest.empty()) rest = more;
    pollfd polled{.fd = socket.get(),
                  .events = static_cast<short>(rest.empty() ? POLLIN : POLLIN | POLLOUT),
                  .revents = 0};
    ::poll(&polled, 1, 1000);
    if ((polled.revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
      char buffer[65536];
      auto const got = ::recv(socket.get(), buffer, sizeof buffer, 0);
      if (got > 0) talk.answer.append(buffer, static_cast<std::size_t>(got));
      // Whoever still sends sees an end only by its writes.
      if (got < 0 && errno != EAGAIN) talk.closed = true;
      if (got == 0 && more.empty()) talk.closed = true;
    }
    if ((polled.revents & POLLOUT) != 0 && !rest.empty()) {
      auto const put = ::send(socket.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
      if (put > 0) {
        talk.sent += static_cast<std::size_t>(put);
        rest.erase(0, static_cast<std::size_t>(put));
      } else if (errno != EAGAIN) {
        talk.closed = true;
      }
    }
  }
  return talk;
}
int status_in(Talk const& talk) {
  return talk.answer.starts_with("HTTP/1.1 ") ? std::stoi(talk.answer.substr(9)) : 0;
}

// Of a worker: whoever reaches it may send this.
TEST_F(AgentServer, AnswersFromTheHeadAndReadsNobodysBody) {
  serve({});
  std::string const host = " HTTP/1.1\r\nHost: a\r\n";
  std::string const block(1u << 20u, 'x');
  struct Case {
    std::string what;
    std::string head;
    int status;
    std::string more = {};  // that goes on for as long as the server lets it
  };
  for (auto const& [what, head, status, more] : std::vector<Case>{
           {"a page", "GET /v1/status" + host + "\r\n", 200},
           {"its head", "HEAD /v1/status" + host + "\r\n", 200},
           {"with a query", "GET /v1/status?pretty" + host + "\r\n", 200},
           {"a part of it", "GET /v1/status" + host + "Range: bytes=0-0,0-0,0-0\r\n\r\n", 200},
           {"the next one behind it", "GET /v1/status" + host + "\r\nGET /v1/status" + host, 200},
           {"with a body", "GET /v1/status" + host + "Content-Length: 9999999999\r\n\r\n", 200,
            block},
           {"no such page", "GET /" + host + "\r\n", 404},
           {"the page by another name", "GET /v1/%73tatus" + host + "\r\n", 404},
           {"no length", "POST /x" + host + "\r\n", 404, block},
           {"chunks", "POST /x" + host + "Transfer-Encoding: chunked\r\n\r\n", 404,
            "100000\r\n" + block + "\r\n"},
           {"a form", "POST /x" + host + "Content-Type: application/x-www-form-urlencoded\r\n\r\n",
            404, block},
           {"files", "POST /x" + host + "Content-Type: multipart/form-data; boundary=x\r\n\r\n--x",
            404, block},
           {"another method", "DELETE /v1/status" + host + "\r\n", 405, block},
           {"PUT", "PUT /v1/status" + host + "Content-Length: 1\r\n\r\nx", 405},
           {"a hello", "POST /v1/hello" + host + "\r\n", 404, block},
           {"what waits for leave",
            "POST /x" + host + "Content-Length: 9\r\nExpect: 100-continue\r\n\r\n", 404},
           {"two readings",
            "POST /x" + host + "Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n", 400,
            block},
           {"a line without end", "GET /", 414, block},
           {"a header without end", "GET /" + host + "A: ", 431, block},
           {"headers without end", "GET /" + host, 431, "a: b\r\n"},
           {"TLS", "\x16\x03\x01\x02", 400, block},
       }) {
    auto const talked = talk(port_, head, more);
    EXPECT_TRUE(talked.closed) << what;
    // What the two ends' kernels hold is beyond what is read; whoever is cut off may lose the
    // answer.
    EXPECT_LE(talked.sent, 16u << 20u) << what;
    if (talked.answer.empty() && !more.empty()) continue;
    EXPECT_EQ(status_in(talked), status) << what;
    EXPECT_EQ(talked.answer.contains("Allow: GET, HEAD\r\n"), status == 405) << what;
    EXPECT_EQ(talked.answer.ends_with("{}"), status == 200 && !head.starts_with("HEAD")) << what;
    EXPECT_EQ(talked.answer.find("HTTP/1.1", 1), talked.answer.npos) << what << ": one answer";
  }
}

TEST_F(AgentServer, SaysWhereItCannotListen) {
  serve({});
  StatusServer second([] { return "{}"; }, {}, {});
  auto const taken = second.listen("127.0.0.1", port_);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().kind, Kind::conflict);
  EXPECT_FALSE(StatusServer({}, {}, {}).listen("192.0.2.1", 0)) << "not this machine's";
  EXPECT_FALSE(StatusServer({}, {}, {}).listen("localhost", 0)) << "a name";
}

TEST_F(AgentServer, ListensOnIPv6) {
  StatusServer server([] { return "{}"; }, {}, {});
  auto const port = server.listen("::1", 0);
  if (!port) GTEST_SKIP() << port.error().message.text;
  CurlHttp http;
  auto const answer =
      http.send({.method = "GET", .url = fmt::format("http://[::1]:{}/v1/status", *port)}, {});
  ASSERT_TRUE(answer) << answer.error().message.text;
  EXPECT_EQ(answer->body, "{}");
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
