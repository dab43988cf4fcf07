#include "bootstrap/hosts/announce_step.h"

#include <gtest/gtest.h>

#include <mutex>
#include <set>

#include "agent/base/json.h"
#include "tests/support/fake_clock.h"
#include "tests/support/found.h"

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;

// The other masters' agents: what each was told, and what it answers.
class Agents final : public Http {
 public:
  Result<HttpResponse> send(HttpRequest const& request, std::stop_token) override {
    std::lock_guard lock(mutex_);
    EXPECT_EQ(request.method, "POST");
    EXPECT_TRUE(request.url.ends_with(":3999/v1/hello")) << request.url;
    EXPECT_TRUE(request.url.starts_with("https://")) << "in the clear";
    EXPECT_NE(request.tls.cert_file, "");
    EXPECT_TRUE(request.direct);
    EXPECT_LE(request.connect_timeout, 500ms);
    auto const begin = request.url.find("//") + 2;
    auto const address = request.url.substr(begin, request.url.rfind(':') - begin);
    ++attempts[address];
    if (!answers.contains(address)) return fail(Kind::transient, "POST {}: timed out", request.url);
    if (answers[address] == 200) told[address] = request.body;
    return HttpResponse{answers[address], {}, words[address]};
  }
  std::map<std::string, int> answers;  // status by address; none: nobody is there
  std::map<std::string, std::string> words;
  std::map<std::string, std::string> told;
  std::map<std::string, int> attempts;

 private:
  std::mutex mutex_;
};

// Master a, whose peers are b and c.
class AnnounceStepTest : public testing::Test {
 protected:
  AnnounceStepTest() {
    config_.cluster.name = "x.example";
    Identity identity;
    identity.instance_id = "i-a";
    identity.address = "10.0.0.1";
    facts_.identity.set(identity);
    facts_.main.volume.set({.volume_id = "vol-1", .member = "a"});
    peers("10.0.0.2", "10.0.0.3");
  }
  void peers(std::string const& b, std::string const& c) {
    facts_.main.peers.set(std::vector<EtcdPeer>{{"a", "10.0.0.1"}, {"b", b}, {"c", c}});
  }
  // As the runner has it; what it finds in the end.
  test::Found converge() {
    for (std::string last;;) {
      auto looked = step_.look(facts_, {});
      auto const now = test::found(looked);
      if (now.as != test::Found::As::needed) return now;
      EXPECT_NE(now.message.subject, last) << "the runner takes that for an error";
      last = now.message.subject;
      EXPECT_TRUE(test::act_on(looked));
    }
  }
  // Whoever knows this master's address.
  static auto all_know(std::string const& whom) {
    return testing::AllOf(test::IsDone(Reason::PeersInformed), test::IsAbout(whom));
  }
  static auto not_all_know(std::string const& whom) {
    return testing::AllOf(test::IsDone(Reason::PeersNotInformed), test::IsAbout(whom));
  }

  test::FakeClock clock_;
  NodeConfig config_;
  Agents agents_;
  Facts facts_;
  AnnounceStep step_{config_, Root("/nowhere"), agents_, clock_};
};

TEST_F(AnnounceStepTest, TellsEachPeerOnceAndALookTellsNobody) {
  agents_.answers = {{"10.0.0.2", 200}, {"10.0.0.3", 200}};
  EXPECT_THAT(test::found(step_.look(facts_, {})),
              testing::AllOf(test::IsNeeded(Reason::PeersToInform),
                             test::IsAbout("b at 10.0.0.2, c at 10.0.0.3")));
  EXPECT_TRUE(agents_.attempts.empty());
  EXPECT_THAT(converge(), all_know("b, c"));
  auto const told = parse_announcement(agents_.told["10.0.0.3"]);
  ASSERT_TRUE(told) << told.error().message.text;
  EXPECT_EQ(*told, (Announcement{.cluster = "x.example",
                                 .main = "a",
                                 .events = "",
                                 .instance_id = "i-a",
                                 .address = "10.0.0.1",
                                 .since = clock_.utc()}));
  clock_.advance(1h);
  converge();
  EXPECT_EQ(agents_.attempts, (std::map<std::string, int>{{"10.0.0.2", 1}, {"10.0.0.3", 1}}));
}

TEST_F(AnnounceStepTest, IsDoneWhateverAPeerDoesAndTellsItEverMoreSeldom) {
  agents_.answers = {{"10.0.0.2", 200}};
  EXPECT_THAT(converge(), not_all_know("b, c at 10.0.0.3 (Unavailable)"));
  std::vector<int> told_after;
  for (int second = 1; second <= 1200; ++second) {
    clock_.advance(1s);
    auto const before = agents_.attempts["10.0.0.3"];
    converge();
    if (agents_.attempts["10.0.0.3"] != before) told_after.push_back(second);
  }
  EXPECT_EQ(told_after, (std::vector<int>{1, 3, 7, 15, 31, 63, 127, 255, 511, 811, 1111}));
  EXPECT_EQ(agents_.attempts["10.0.0.2"], 1);
  agents_.answers["10.0.0.3"] = 200;
  clock_.advance(5min);
  EXPECT_THAT(converge(), all_know("b, c"));
}

TEST_F(AnnounceStepTest, RestsNoLongerThanUntilItsNextAttempt) {
  agents_.answers = {{"10.0.0.2", 200}};
  converge();
  auto const begin = clock_.steady();
  EXPECT_TRUE(step_.rest(clock_, 5s, {}));
  EXPECT_EQ(clock_.steady(), begin + 1s);
  agents_.answers["10.0.0.3"] = 200;
  converge();
  EXPECT_TRUE(step_.rest(clock_, 5s, {}));
  EXPECT_EQ(clock_.steady(), begin + 6s) << "both know";
}

TEST_F(AnnounceStepTest, APeerThatMovesIsToldAtOnce) {
  agents_.answers = {{"10.0.0.2", 200}, {"10.0.0.7", 200}};
  converge();
  auto const first = agents_.told["10.0.0.2"];
  peers("10.0.0.2", "10.0.0.7");
  EXPECT_THAT(converge(), all_know("b, c"));
  EXPECT_EQ(agents_.attempts["10.0.0.7"], 1);
  EXPECT_EQ(agents_.attempts["10.0.0.2"], 1);
  EXPECT_EQ(agents_.told["10.0.0.7"], first) << "it is since when it has the member, not now";
}

// The runner takes the same need after an act for an act without effect.
TEST_F(AnnounceStepTest, APeerThatMovesWhileItIsToldIsNoFailure) {
  agents_.answers = {{"10.0.0.2", 200}};
  auto looked = step_.look(facts_, {});
  auto const first = test::found(looked);
  EXPECT_TRUE(test::act_on(looked));
  peers("10.0.0.2", "10.0.0.7");
  auto const second = test::found(step_.look(facts_, {}));
  EXPECT_THAT(second, testing::AllOf(test::IsNeeded(Reason::PeersToInform),
                                     test::IsAbout("c at 10.0.0.7")));
  EXPECT_NE(second.message.subject, first.message.subject);
  peers("10.0.0.2", "10.0.0.8");
  EXPECT_THAT(converge(), not_all_know("b, c at 10.0.0.8 (Unavailable)"));
}

// The machine was so slow that the pause is over already.
TEST_F(AnnounceStepTest, APeerThatIsDueAgainAtOnceIsNoFailure) {
  agents_.answers = {{"10.0.0.2", 200}};
  std::set<std::string> said;
  for (int i = 0; i < 4; ++i) {
    auto looked = step_.look(facts_, {});
    auto const found = test::found(looked);
    ASSERT_THAT(found, test::IsNeeded(Reason::PeersToInform));
    EXPECT_TRUE(said.insert(found.message.subject).second) << found;
    EXPECT_TRUE(test::act_on(looked));
    clock_.advance(1min);
  }
}

TEST_F(AnnounceStepTest, APeerThatIsNoneAnyMoreIsForgotten) {
  agents_.answers = {{"10.0.0.2", 200}};
  converge();
  facts_.main.peers.set(std::vector<EtcdPeer>{{"a", "10.0.0.1"}, {"b", "10.0.0.2"}});
  clock_.advance(1h);
  EXPECT_THAT(converge(), all_know("b"));
  EXPECT_EQ(agents_.attempts["10.0.0.3"], 1);
}

TEST_F(AnnounceStepTest, ItsEventsMemberIsNewsToThePeers) {
  agents_.answers = {{"10.0.0.2", 200}, {"10.0.0.3", 200}};
  converge();
  facts_.events.volume.set({.volume_id = "vol-2", .member = "a"});
  converge();
  EXPECT_EQ(parse_announcement(agents_.told["10.0.0.2"])->events, "a");
}

TEST_F(AnnounceStepTest, SaysWhatAPeerAnswers) {
  peers("10.0.0.2", "");
  EXPECT_THAT(converge(), not_all_know("b at 10.0.0.2 (Unavailable), c (no address)"));
  struct Row {
    int status;
    char const* words;
    char const* said;
  };
  for (auto const& row : {Row{404, "", ""}, Row{500, "", "(500)"},
                          Row{409, "i-2 at 10.0.0.9\033[2J", "10.0.0.9?[2J)"}}) {
    agents_.answers["10.0.0.2"] = row.status;
    agents_.words["10.0.0.2"] = row.words;
    clock_.advance(5min);
    EXPECT_THAT(converge(),
                testing::AllOf(not_all_know(fmt::format("b at 10.0.0.2 ({})", row.status)),
                               test::Says(row.said)));
  }
}

TEST_F(AnnounceStepTest, AMasterAloneHasNobodyToTell) {
  facts_.main.peers.set(std::vector<EtcdPeer>{{"a", "10.0.0.1"}});
  EXPECT_THAT(converge(), all_know(""));
}

}  // namespace
}  // namespace haagent::bootstrap
