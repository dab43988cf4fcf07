#include "bootstrap/health/probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/scripted_http.h"

namespace haagent::bootstrap::health {
namespace {

using testing::HasSubstr;

constexpr char kPage[] =
    "[+]ping ok\n[-]etcd failed: reason withheld\n[+]log ok\n"
    "[-]poststarthook/rbac/bootstrap-roles failed: not finished\nreadyz check failed\n";

Answer ask(Result<HttpResponse> reply) {
  test::ScriptedHttp http;
  http.on("GET http://127.0.0.1:1/", std::move(reply));
  auto answer = probe(http, "http://127.0.0.1:1/", {}, {});
  EXPECT_TRUE(answer);
  return answer ? *answer : Answer();
}

TEST(FailingChecks, AreThoseThatThePageNames) {
  EXPECT_EQ(failing_checks(kPage),
            (std::vector<std::string>{"etcd", "poststarthook/rbac/bootstrap-roles"}));
  EXPECT_EQ(failing_checks("[-]last"), std::vector<std::string>{"last"});
  EXPECT_TRUE(failing_checks("ok").empty());
  EXPECT_TRUE(failing_checks("").empty());
}

TEST(Probe, TellsAWellComponentFromOneThatIsNotAndFromSilence) {
  EXPECT_EQ(ask(test::answer(200, "ok")), (Answer{Answer::Is::well, ""}));
  auto const unwell = ask(test::answer(500, kPage));
  EXPECT_EQ(unwell.is, Answer::Is::unwell);
  EXPECT_THAT(unwell.said, HasSubstr("etcd, poststarthook/rbac/bootstrap-roles"));
  auto const other = ask(test::answer(503, "no\nsecond line"));
  EXPECT_EQ(other.is, Answer::Is::unwell);
  EXPECT_THAT(other.said, HasSubstr("503"));
  EXPECT_THAT(other.said, testing::Not(HasSubstr("second")));
  EXPECT_EQ(ask(fail(Kind::transient, "connection refused")).is, Answer::Is::silent);
  // Somebody else has the port.
  EXPECT_EQ(ask(fail(Kind::denied, "not by our authority")).is, Answer::Is::silent);
}

TEST(Probe, SaysOneShortLineOfPrintableCharacters) {
  auto const answer = ask(test::answer(500, "[-]\x1b[31mred failed\n" + std::string(9'000, 'x')));
  EXPECT_LE(answer.said.size(), 200u);
  EXPECT_THAT(answer.said, testing::Not(HasSubstr("\x1b")));
}

TEST(Probe, IsInterrupted) {
  test::ScriptedHttp http;
  http.on("GET http://127.0.0.1:1/", fail(Kind::interrupted, "stopped"));
  auto const answer = probe(http, "http://127.0.0.1:1/", {}, {});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, Kind::interrupted);
}

}  // namespace
}  // namespace haagent::bootstrap::health
