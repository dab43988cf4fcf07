// What a member's answers are worth: the facts that the member decision stands on.
#include "bootstrap/etcd/member/ask.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <map>

#include "agent/base/file_descriptor.h"
#include "agent/base/http_curl.h"
#include "tests/support/scripted_http.h"

namespace haagent::bootstrap {
namespace {

using Reach = MemberAnswer::Reach;
using test::answer;

constexpr char kStatus[] = "POST http://b:2379/v3/maintenance/status";
constexpr char kRead[] = "POST http://b:2379/v3/kv/range";
constexpr char kList[] = "POST http://b:2379/v3/cluster/member/list";

HttpResponse status_of(std::string const& rest) {
  return answer(
      200, R"({"header":{"cluster_id":"193","member_id":"176"},"version":"3.5.33",)" + rest + "}");
}
HttpResponse list_of_one() {
  return answer(200, R"({"members":[{"ID":"176","name":"etcd-b","peerURLs":["http://b:2380"]}]})");
}

class EtcdAsk : public testing::Test {
 protected:
  MemberAnswer ask(std::string const& endpoint = "http://b:2379") {
    return ask_members(http_, {{"b", endpoint}}, {}, {}).front();
  }
  test::ScriptedHttp http_;
};

TEST_F(EtcdAsk, AMemberThatAQuorumStandsBehindHasAList) {
  http_.on(kStatus, status_of(R"("leader":"176","raftIndex":"7")"));
  http_.on(kRead, answer(200, "{}"));
  http_.on(kList, list_of_one());
  auto const said = ask();
  EXPECT_EQ(said.reach, Reach::answers);
  EXPECT_EQ(said.cluster_id, 193u);
  EXPECT_EQ(said.member_id, 176u);
  EXPECT_EQ(said.raft_index, 7u);
  ASSERT_TRUE(said.quorum_list);
  EXPECT_EQ(said.quorum_list->front().name, "etcd-b");
}

// etcd 3.4 gives its list from memory, with a quorum or without.
TEST_F(EtcdAsk, AListCountsOnlyAfterAReadThatAQuorumConfirmed) {
  http_.on(kStatus, status_of(R"("leader":"176")"));
  http_.on(kRead, answer(503, R"({"code":14,"message":"etcdserver: request timed out"})"));
  auto const said = ask();
  EXPECT_EQ(said.reach, Reach::answers);
  EXPECT_FALSE(said.quorum_list);
  EXPECT_EQ(http_.count("member/list"), 0);
}

TEST_F(EtcdAsk, WithoutALeaderThereIsNoQuorumToAsk) {
  http_.on(kStatus, status_of(R"("errors":["etcdserver: no leader"])"));
  auto const said = ask();
  EXPECT_EQ(said.reach, Reach::answers);
  EXPECT_FALSE(said.quorum_list);
  EXPECT_TRUE(said.server.alarms.empty()) << said.server.alarms.front();
}

TEST_F(EtcdAsk, ALearnersListIsNoQuorums) {
  http_.on(kStatus, status_of(R"("leader":"177","isLearner":true)"));
  auto const said = ask();
  EXPECT_TRUE(said.learner);
  EXPECT_FALSE(said.quorum_list);
}

TEST_F(EtcdAsk, WhoGivesNoAnswerIsSilent) {
  http_.on(kStatus, fail(Kind::transient, "POST http://b:2379/v3: connection refused"));
  auto const said = ask();
  EXPECT_EQ(said.reach, Reach::unreachable);
  EXPECT_FALSE(said.why.empty());
  EXPECT_EQ(ask("").reach, Reach::unreachable);
  EXPECT_EQ(ask("").why, "its address is not known");
}

// libcurl says it in several ways, by turns; what is read is not to change each time.
TEST_F(EtcdAsk, ATimeThatWasUpIsToldInTheSameWords) {
  for (auto const* words : {"Timeout was reached", "SSL connection timeout",
                            "Connection timed out after 601 milliseconds",
                            "Operation timed out after 1500 milliseconds with 0 bytes received"}) {
    http_.on(kStatus, std::unexpected(Error(Kind::transient,
                                            fmt::format("POST https://b:2379/v3: {}", words),
                                            std::make_error_code(std::errc::timed_out))));
    EXPECT_EQ(ask().why, "timed out") << words;
  }
}

// Whatever answers may be a member that knows a cluster: it is never taken for silence.
TEST_F(EtcdAsk, WhoAnswersOtherwiseIsNotSilent) {
  Result<HttpResponse> const answers[] = {
      answer(404, "404 page not found\n"),
      answer(503, R"({"code":14,"message":"tls: bad certificate"})"),
      answer(503, "<html>"),
      answer(200, "ok"),
      answer(200, R"({"version":"3.5.33","leader":"176"})"),  // of no cluster
      fail(Kind::denied, "the certificate is another authority's"),
      fail(Kind::invalid, "a longer answer than is allowed"),
  };
  for (auto const& each : answers) {
    test::ScriptedHttp http;
    http.on(kStatus, each);
    auto const said = ask_members(http, {{"b", "http://b:2379"}}, {}, {}).front();
    EXPECT_EQ(said.reach, Reach::not_etcd) << (each ? each->body : each.error().message.text);
    EXPECT_FALSE(said.why.empty());
  }
}

// An etcd that has no leader yet: it takes the connection, and says nothing.
TEST(EtcdAskReal, OneThatSaysNothingHoldsAMemberThatStartsUpForAMomentOnly) {
  FileDescriptor const silent(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof where;
  ASSERT_EQ(::bind(silent.get(), reinterpret_cast<sockaddr*>(&where), length), 0);
  ASSERT_EQ(::listen(silent.get(), 1), 0);
  ASSERT_EQ(::getsockname(silent.get(), reinterpret_cast<sockaddr*>(&where), &length), 0);
  auto const endpoint = fmt::format("https://127.0.0.1:{}", ntohs(where.sin_port));
  SystemClock clock;
  CurlHttp http;
  std::map<Duration, Duration> took;
  for (auto const patience : {kAskPatienceStarting, kAskPatience}) {
    auto const began = clock.steady();
    auto const said = ask_members(http, {{"b", endpoint, patience}}, {}, {}).front();
    took[patience] = std::chrono::duration_cast<Duration>(clock.steady() - began);
    EXPECT_EQ(said.reach, Reach::unreachable);
    EXPECT_GE(took[patience], patience);
  }
  EXPECT_LT(took[kAskPatienceStarting], kAskPatience);
}

TEST_F(EtcdAsk, EachAnswersForItself) {
  http_.on(kStatus, status_of(R"("isLearner":true)"));
  auto const said = ask_members(http_, {{"a", ""}, {"b", "http://b:2379"}, {"c", ""}}, {}, {});
  ASSERT_EQ(said.size(), 3u);
  EXPECT_EQ(said[0].member, "a");
  EXPECT_EQ(said[1].member, "b");
  EXPECT_EQ(said[1].reach, Reach::answers);
  EXPECT_EQ(said[2].reach, Reach::unreachable);
}

}  // namespace
}  // namespace haagent::bootstrap
