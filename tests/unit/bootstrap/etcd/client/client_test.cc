#include "bootstrap/etcd/client/client.h"

#include <gtest/gtest.h>

#include <functional>

#include "agent/base/base64.h"
#include "bootstrap/etcd/client/version.h"

namespace haagent::bootstrap {
namespace {

// Answers what the test says, and remembers what was asked.
class AnsweringHttp final : public Http {
 public:
  using Answer = std::function<Result<HttpResponse>(HttpRequest const&)>;
  explicit AnsweringHttp(Answer answer) : answer_(std::move(answer)) {}
  Result<HttpResponse> send(HttpRequest const& request, std::stop_token) override {
    asked.push_back(request.method + " " + request.url + " " + request.body);
    last = request;
    return answer_(request);
  }
  std::vector<std::string> asked;
  HttpRequest last;

 private:
  Answer answer_;
};

AnsweringHttp always(int status, std::string body) {
  return AnsweringHttp([=](HttpRequest const&) -> Result<HttpResponse> {
    return HttpResponse{.status = status, .headers = {}, .body = body};
  });
}

EtcdClient client_of(Http& http, std::vector<std::string> endpoints = {"http://a:2379"}) {
  return EtcdClient(http, std::move(endpoints), {});
}

struct ErrorRow {
  char const* name;
  int code;
  char const* message;
  EtcdErrc errc;
  Kind kind;
  bool elsewhere;
};

ErrorRow const kErrors[] = {
    {"MemberExists", 9, "etcdserver: member ID already exist", EtcdErrc::member_exists,
     Kind::transient, false},
    {"PeerUrlExists", 9, "etcdserver: Peer URLs already exists", EtcdErrc::peer_url_exists,
     Kind::conflict, false},
    {"MemberNotFound", 5, "etcdserver: member not found", EtcdErrc::member_not_found,
     Kind::conflict, false},
    {"NotEnoughStarted", 9, "etcdserver: re-configuration failed due to not enough started members",
     EtcdErrc::not_enough_started, Kind::transient, false},
    {"Unhealthy", 14, "etcdserver: unhealthy cluster", EtcdErrc::unhealthy, Kind::transient, true},
    {"BadUrls", 3, "etcdserver: given member URLs are invalid", EtcdErrc::bad_urls, Kind::internal,
     false},
    {"TooManyLearners", 9, "etcdserver: too many learner members in cluster",
     EtcdErrc::too_many_learners, Kind::transient, false},
    {"NotInSync", 9, "etcdserver: can only promote a learner member which is in sync with leader",
     EtcdErrc::not_in_sync, Kind::transient, false},
    {"AlreadyVoter", 9, "etcdserver: can only promote a learner member", EtcdErrc::already_voter,
     Kind::conflict, false},
    {"LearnerRefuses", 14, "etcdserver: rpc not supported for learner", EtcdErrc::learner_refuses,
     Kind::transient, true},
    {"LearnerRefusesSince36", 9, "etcdserver: rpc not supported for learner",
     EtcdErrc::learner_refuses, Kind::transient, true},
    {"TimedOut", 14, "etcdserver: request timed out, possibly due to connection lost",
     EtcdErrc::timed_out, Kind::transient, true},
    {"Deadline", 4, "context deadline exceeded", EtcdErrc::timed_out, Kind::transient, true},
    {"NoLeader", 14, "etcdserver: no leader", EtcdErrc::no_leader, Kind::transient, true},
    {"LeaderChanged", 14, "etcdserver: leader changed", EtcdErrc::leader_changed, Kind::transient,
     true},
    {"NotLeader", 9, "etcdserver: not leader", EtcdErrc::not_leader, Kind::transient, true},
    {"Stopping", 14, "etcdserver: server stopped", EtcdErrc::stopping, Kind::transient, true},
    {"NoSpace", 8, "etcdserver: mvcc: database space exceeded", EtcdErrc::no_space, Kind::internal,
     false},
    {"Compacted", 11, "etcdserver: mvcc: required revision has been compacted", EtcdErrc::compacted,
     Kind::conflict, false},
    {"Corrupt", 15, "etcdserver: corrupt cluster", EtcdErrc::corrupt, Kind::refused, false},
    {"TooManyRequests", 8, "etcdserver: too many requests", EtcdErrc::too_many_requests,
     Kind::transient, true},
    {"ClusterIdMismatch", 9, "etcdserver: cluster ID mismatch", EtcdErrc::cluster_id_mismatch,
     Kind::refused, false},
    {"UserNameEmpty", 3, "etcdserver: user name is empty", EtcdErrc::auth, Kind::denied, false},
    {"InvalidToken", 16, "etcdserver: invalid auth token", EtcdErrc::auth, Kind::denied, false},
    {"PermissionDenied", 7, "etcdserver: permission denied", EtcdErrc::auth, Kind::denied, false},
    {"ServerCertificateWithoutClientUsage", 14,
     "connection error: desc = \"transport: authentication handshake failed: remote error: tls: "
     "bad certificate\"",
     EtcdErrc::bad_certificate, Kind::denied, false},
    {"CertificateOfAnotherAuthority", 14,
     "connection error: desc = \"transport: authentication handshake failed: x509: certificate "
     "signed by unknown authority\"",
     EtcdErrc::bad_certificate, Kind::denied, false},
    {"SomethingUnavailable", 14, "transport is closing", EtcdErrc::other, Kind::transient, true},
    {"SomethingExhausted", 8, "quota", EtcdErrc::other, Kind::transient, true},
};

class EtcdErrorTest : public testing::TestWithParam<ErrorRow> {};

// Both dialects of the gateway, and whatever the HTTP status is.
TEST_P(EtcdErrorTest, IsMapped) {
  auto const& row = GetParam();
  std::string message = row.message;
  for (std::size_t at = 0; (at = message.find('"', at)) != std::string::npos; at += 2)
    message.insert(at, "\\");
  for (int status : {400, 412, 503}) {
    for (auto const& body :
         {fmt::format(R"({{"error":"{0}","message":"{0}","code":{1}}})", message, row.code),
          fmt::format(R"({{"error":"{0}","code":{1},"details":[]}})", message, row.code),
          fmt::format(R"({{"code":{1}, "message":"{0}"}})", message, row.code)}) {
      auto error = etcd_error({.status = status, .headers = {}, .body = body});
      EXPECT_EQ(etcd_errc(error), row.errc) << body;
      EXPECT_EQ(error.kind, row.kind) << body;
      EXPECT_EQ(worth_asking_another(error), row.elsewhere) << body;
      EXPECT_TRUE(error.message.text.starts_with(worded(row.message))) << error.message.text;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Every, EtcdErrorTest, testing::ValuesIn(kErrors),
                         [](auto const& row) { return row.param.name; });

TEST(EtcdError, OfWhatIsNotTheGateway) {
  auto gateway = etcd_error({.status = 404, .headers = {}, .body = "404 page not found\n"});
  EXPECT_EQ(etcd_errc(gateway), EtcdErrc::no_gateway);
  EXPECT_EQ(gateway.kind, Kind::invalid);
  EXPECT_TRUE(gateway.message.text.contains("enable-grpc-gateway")) << gateway.message.text;
  auto host = etcd_error({.status = 421, .headers = {}, .body = ""});
  EXPECT_EQ(etcd_errc(host), EtcdErrc::host_not_allowed);
  EXPECT_EQ(host.kind, Kind::denied);
  EXPECT_EQ(etcd_error({.status = 502, .headers = {}, .body = "<html>"}).kind, Kind::transient);
  EXPECT_EQ(etcd_error({.status = 400, .headers = {}, .body = "<html>"}).kind, Kind::invalid);
  EXPECT_EQ(etcd_errc(Error{}), EtcdErrc::none);
  EXPECT_EQ(etcd_errc(errno_error(2, "x")), EtcdErrc::none);
}

TEST(EtcdClient, KeepsEveryDigitOfIds) {
  auto http = always(200,
                     R"({"header":{"cluster_id":"14841639068965178418", "member_id":
"10276657743932975437","revision":"1","raft_term":"2"}, "members":[{"ID":"18446744073709551615",
"name":"etcd-a","peerURLs":["http://a:2380"],"clientURLs":["http://a:2379"]},
{"ID":"9","peerURLs":["http://b:2380"],"isLearner":true}]})");
  auto members = client_of(http).members(Consistency::local, {});
  ASSERT_TRUE(members) << members.error().message.text;
  EXPECT_EQ(members->header.cluster_id, 14841639068965178418u);
  EXPECT_EQ(members->header.member_id, 10276657743932975437u);
  ASSERT_EQ(members->members.size(), 2u);
  EXPECT_EQ(members->members[0].id, 18446744073709551615u);
  EXPECT_TRUE(members->members[0].started());
  EXPECT_FALSE(members->members[0].learner);
  EXPECT_TRUE(members->members[1].learner);
  EXPECT_TRUE(members->members[1].name.empty());
  EXPECT_FALSE(members->members[1].started());
}

TEST(EtcdClient, MissingIsZero) {
  auto http = always(200, R"({"version":"3.4.23"})");
  auto status = client_of(http).status({});
  ASSERT_TRUE(status);
  EXPECT_EQ(status->leader, 0u);
  EXPECT_EQ(status->header.cluster_id, 0u);
  EXPECT_FALSE(status->learner);
  EXPECT_TRUE(client_of(http).alarms({})->empty());
}

TEST(EtcdClient, ANoWithoutWordsIsToldAsSuch) {
  for (auto body : {R"({"code":14})", R"({"error":"","code":14})", R"({"code":99})", "{}"}) {
    auto error = etcd_error({.status = 503, .headers = {}, .body = body});
    EXPECT_TRUE(error.message.text.starts_with(worded("etcd does not say why")))
        << error.message.text;
  }
  auto http = always(503, "");
  EXPECT_EQ(worded(client_of(http).health({})->reason), worded("etcd does not say why"));
}

TEST(EtcdClient, AListWithoutMembersIsNoList) {
  auto http = always(200, "{}");
  auto members = client_of(http).members(Consistency::local, {});
  ASSERT_FALSE(members);
  EXPECT_EQ(members.error().kind, Kind::invalid);
}

// etcd 3.4 answers the list from memory, so a quorum has to confirm a read first.
TEST(EtcdClient, ALinearizableListIsALinearizableReadFirst) {
  AnsweringHttp http([](HttpRequest const& request) -> Result<HttpResponse> {
    if (request.url.ends_with("/v3/kv/range"))
      return HttpResponse{.status = 503,
                          .headers = {},
                          .body = R"({"code":14,"message":"etcdserver: request timed out"})"};
    return HttpResponse{.status = 200, .headers = {}, .body = R"({"members":[{"ID":"1"}]})"};
  });
  auto client = client_of(http);
  EXPECT_FALSE(client.members(Consistency::linearizable, {}));
  EXPECT_TRUE(client.members(Consistency::local, {}));
  EXPECT_TRUE(http.asked[0].starts_with("POST http://a:2379/v3/kv/range "));
  EXPECT_FALSE(http.asked[0].contains("serializable"));
}

TEST(EtcdClient, AsksTheNextEndpointAndStaysWithTheOneThatAnswers) {
  AnsweringHttp http([](HttpRequest const& request) -> Result<HttpResponse> {
    if (request.url.starts_with("http://a")) return fail(Kind::transient, "connection refused");
    if (request.url.starts_with("http://b"))
      return HttpResponse{
          .status = 503, .headers = {}, .body = R"({"code":14,"message":"etcdserver: no leader"})"};
    return HttpResponse{.status = 200, .headers = {}, .body = R"({"version":"3.5.33"})"};
  });
  EtcdClient client(http, {"http://a", "http://b", "http://c"}, {});
  ASSERT_TRUE(client.status({}));
  EXPECT_EQ(http.asked.size(), 3u);
  ASSERT_TRUE(client.status({}));
  EXPECT_EQ(http.asked.size(), 4u);
  EXPECT_TRUE(http.asked[3].starts_with("POST http://c"));
}

TEST(EtcdClient, AFinalAnswerIsNotAskedForElsewhere) {
  auto http = always(400, R"({"code":9,"message":"etcdserver: Peer URLs already exists"})");
  EtcdClient client(http, {"http://a", "http://b"}, {});
  auto added = client.add_learner("http://etcd-c:2380", {});
  ASSERT_FALSE(added);
  EXPECT_EQ(etcd_errc(added.error()), EtcdErrc::peer_url_exists);
  EXPECT_EQ(http.asked.size(), 1u);
}

// The id of a member is made of its URL and the second: in the second in which it was removed, the
// same id is a removed one.
TEST(EtcdClient, ARemovedIdInAnAddPasses) {
  auto http = always(404, R"({"error":"etcdserver: member not found","code":5})");
  auto added = client_of(http).add_learner("http://etcd-c:2380", {});
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().kind, Kind::transient);
}

TEST(EtcdClient, WhatIsDoneAlreadyIsNoError) {
  auto gone = always(404, R"({"error":"etcdserver: member not found","code":5})");
  EXPECT_TRUE(client_of(gone).remove(7, {}));
  EXPECT_FALSE(client_of(gone).promote(7, {}));
  auto voter =
      always(400, R"({"code":9,"message":"etcdserver: can only promote a learner member"})");
  EXPECT_TRUE(client_of(voter).promote(7, {}));
  auto behind = always(
      400,
      R"({"code":9,"message":"etcdserver: can only promote a learner member which is in sync with leader"})");
  EXPECT_FALSE(client_of(behind).promote(7, {}));
}

TEST(EtcdClient, AddsLearnersAndSendsIdsAsText) {
  auto http = always(200, R"({"member":{"ID":"18446744073709551615","isLearner":true}})");
  auto client = client_of(http);
  EXPECT_EQ(client.add_learner("http://etcd-c:2380", {})->id, 18446744073709551615u);
  EXPECT_EQ(http.asked[0],
            "POST http://a:2379/v3/cluster/member/add "
            R"({"peerURLs":["http://etcd-c:2380"],"isLearner":true})");
  EXPECT_TRUE(client.remove(18446744073709551615u, {}));
  EXPECT_EQ(http.asked[1],
            R"(POST http://a:2379/v3/cluster/member/remove {"ID":"18446744073709551615"})");
}

TEST(EtcdClient, PassesCertificatesAndDeadlines) {
  auto http = always(200, "{}");
  EtcdClient client(http, {"https://a:2379"}, {.ca_file = "ca", .cert_file = "c", .key_file = "k"},
                    {.connect = Duration(111), .request = Duration(222)});
  ASSERT_TRUE(client.status({}));
  EXPECT_EQ(http.last.tls.ca_file, "ca");
  EXPECT_EQ(http.last.tls.cert_file, "c");
  EXPECT_EQ(http.last.connect_timeout, Duration(111));
  EXPECT_EQ(http.last.timeout, Duration(222));
}

// The words of 3.4.23, and of 3.6.16 before and after it has seen its members.
TEST(EtcdClient, VersionsAreOfTheBinaryTheClusterAndTheData) {
  struct Row {
    char const* body;
    char const* server;
    char const* data;
  };
  for (auto const& row : std::vector<Row>{
           {R"({"etcdserver":"3.4.23","etcdcluster":"3.4.0"})", "3.4.23", "3.4"},
           {R"({"etcdserver":"3.6.16","etcdcluster":"not_decided","storage":"unknown"})", "3.6.16",
            ""},
           {R"({"etcdserver":"3.6.16","etcdcluster":"3.5.0","storage":"3.6.0"})", "3.6.16",
            "3.6"}}) {
    auto http = always(200, row.body);
    auto versions = client_of(http).versions({});
    ASSERT_TRUE(versions) << row.body;
    EXPECT_TRUE(http.asked[0].starts_with("GET http://a:2379/version")) << http.asked[0];
    EXPECT_EQ(versions->server, row.server);
    EXPECT_EQ(data_version_of(versions->cluster, versions->storage), row.data);
  }
}

TEST(EtcdClient, HealthComesFromReadyzWhereThereIsOne) {
  std::pair<std::pair<int, char const*>, bool> const with_readyz[] = {
      {{200, "ok"}, true}, {{503, "[-]linearizable_read failed: no leader"}, false}};
  for (auto const& [answer, healthy] : with_readyz) {
    auto http = always(answer.first, answer.second);
    EXPECT_EQ(client_of(http).health({})->healthy, healthy);
    EXPECT_EQ(http.asked.size(), 1u);
  }
  for (auto const* word : {"true", "false"}) {
    AnsweringHttp http([&](HttpRequest const& request) -> Result<HttpResponse> {
      if (request.url.ends_with("/readyz"))
        return HttpResponse{.status = 404, .headers = {}, .body = "404 page not found"};
      return HttpResponse{.status = std::string_view(word) == "true" ? 200 : 503,
                          .headers = {},
                          .body = fmt::format(R"({{"health":"{}","reason":"R"}})", word)};
    });
    EXPECT_EQ(client_of(http).health({})->healthy, std::string_view(word) == "true");
  }
}

TEST(EtcdClient, AnAnswerThatIsNoJsonIsInvalid) {
  for (auto const* body : {"", "[]", "ok", "{"}) {
    auto http = always(200, body);
    auto status = client_of(http).status({});
    ASSERT_FALSE(status) << body;
    EXPECT_EQ(status.error().kind, Kind::invalid) << body;
  }
}

}  // namespace
}  // namespace haagent::bootstrap
