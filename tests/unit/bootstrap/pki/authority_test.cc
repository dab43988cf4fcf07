#include "bootstrap/pki/authority.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

#include "tests/support/fake_clock.h"
#include "tests/support/memory_store.h"

namespace haagent::bootstrap::pki {
namespace {

using namespace std::chrono_literals;
using test::MemoryStore;
using testing::HasSubstr;

constexpr UtcTime kNow{std::chrono::seconds(1768472100)};
Making const kMaking{.organization = "prod.example.com", .lifetime = 1000h};

// One master's way to the store: each of its calls waits until the test lets it through.
class Gated final : public StateStore {
 public:
  explicit Gated(StateStore& store) : store_(store) {}

  enum class State { running, at_a_call, ended };
  State wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return state_ != State::running; });
    return state_;
  }
  bool writes() const { return writes_; }
  void let_through(bool lose_answer) {
    std::lock_guard lock(mutex_);
    lose_answer_ = lose_answer;
    state_ = State::running;
    changed_.notify_all();
  }
  void end() {
    std::lock_guard lock(mutex_);
    state_ = State::ended;
    changed_.notify_all();
  }

  std::string where() const override { return store_.where(); }
  Result<std::optional<StoredObject>> get(std::string const& key, std::stop_token stop) override {
    bool const lost = at_a_call(/*writes=*/false);
    auto answer = store_.get(key, stop);
    if (lost) return fail(Kind::transient, "timed out");
    return answer;
  }
  Result<bool> create(std::string const& key, std::string const& bytes,
                      std::stop_token stop) override {
    bool const lost = at_a_call(/*writes=*/true);
    auto answer = store_.create(key, bytes, stop);
    if (lost) return fail(Kind::transient, "timed out");
    return answer;
  }
  Result<bool> replace(std::string const&, std::string const&, std::string const&,
                       std::stop_token) override {
    return fail(Kind::internal, "not here");
  }
  Result<void> upload(std::string const&, std::filesystem::path const&, std::stop_token) override {
    return fail(Kind::internal, "not here");
  }
  Result<void> download(std::string const&, std::filesystem::path const&,
                        std::stop_token) override {
    return fail(Kind::internal, "not here");
  }
  Result<std::vector<StoredEntry>> list(std::string const&, std::stop_token) override {
    return fail(Kind::internal, "not here");
  }
  Result<void> remove(std::string const&, std::stop_token) override {
    return fail(Kind::internal, "not here");
  }

  Result<UtcTime> now(std::stop_token stop) override { return store_.now(stop); }

 private:
  // Whether the answer is to be lost.
  bool at_a_call(bool writes) {
    std::unique_lock lock(mutex_);
    writes_ = writes;
    state_ = State::at_a_call;
    changed_.notify_all();
    changed_.wait(lock, [&] { return state_ == State::running; });
    return lose_answer_;
  }

  StateStore& store_;
  std::mutex mutex_;
  std::condition_variable changed_;
  State state_ = State::running;
  bool lose_answer_ = false;
  bool writes_ = false;
};

// Goes through all sequences of choices, one after the other.
class Choices {
 public:
  std::size_t choose(std::size_t among) {
    if (at_ == made_.size()) made_.push_back({0, among});
    return made_[at_++].first;
  }
  bool next() {
    at_ = 0;
    while (!made_.empty() && made_.back().first + 1 == made_.back().second) made_.pop_back();
    if (made_.empty()) return false;
    ++made_.back().first;
    return true;
  }

 private:
  std::vector<std::pair<std::size_t, std::size_t>> made_;
  std::size_t at_ = 0;
};

// Each master tries again, as the runner has it, until it has the authority. Returns their ids.
std::set<std::string> race(std::size_t masters, int lost_answers, Choices& choices,
                           MemoryStore& store) {
  std::vector<std::unique_ptr<Gated>> gates;
  std::vector<std::string> ids(masters);
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < masters; ++i) gates.push_back(std::make_unique<Gated>(store));
  for (std::size_t i = 0; i < masters; ++i) {
    threads.emplace_back([&, i] {
      while (ids[i].empty()) {
        auto found = read_or_make_authority(*gates[i], kEtcdAuthority, kMaking, kNow, {});
        if (found) ids[i] = found->bundle.signing;
      }
      gates[i]->end();
    });
  }
  for (;;) {
    std::vector<Gated*> waiting;
    for (auto& gate : gates)
      if (gate->wait() == Gated::State::at_a_call) waiting.push_back(gate.get());
    if (waiting.empty()) break;
    auto* next = waiting[choices.choose(waiting.size())];
    bool const lose = lost_answers > 0 && next->writes() && choices.choose(2) == 1;
    if (lose) --lost_answers;
    next->let_through(lose);
  }
  threads.clear();
  return {ids.begin(), ids.end()};
}

class PkiRace : public testing::TestWithParam<std::pair<std::size_t, int>> {};

TEST_P(PkiRace, EndsWithOneAuthorityInEveryOrderOfCalls) {
  auto const [masters, lost_answers] = GetParam();
  Choices choices;
  int orders = 0;
  do {
    test::FakeClock clock;
    MemoryStore store(clock);
    auto const ids = race(masters, lost_answers, choices, store);
    ASSERT_EQ(ids.size(), 1u) << "masters with different authorities";
    auto const stored = read_authority(store, "etcd", {});
    ASSERT_TRUE(stored && *stored);
    ASSERT_EQ((*stored)->bundle.signing, *ids.begin());
    ASSERT_EQ(store.writes(), 1);
    ++orders;
  } while (choices.next());
  RecordProperty("orders", orders);
  EXPECT_GT(orders, masters == 2 ? 5 : 100) << "not all orders were tried";
}

INSTANTIATE_TEST_SUITE_P(All, PkiRace,
                         testing::Values(std::pair(2u, 0), std::pair(2u, 2), std::pair(3u, 0)));

TEST(PkiAuthority, IsMadeOnceAndReadAfterwards) {
  test::FakeClock clock;
  MemoryStore store(clock);
  EXPECT_FALSE(read_authority(store, "etcd", {}).value());
  auto const made = read_or_make_authority(store, kEtcdAuthority, kMaking, kNow, {}).value();
  auto const again = read_or_make_authority(store, kEtcdAuthority, kMaking, kNow, {}).value();
  EXPECT_EQ(to_text(made.bundle), to_text(again.bundle));
  EXPECT_EQ(made.version, again.version);
  EXPECT_EQ(store.writes(), 1);
  auto const certificate = parse_certificate(trust_of(made.bundle)).value();
  EXPECT_EQ(certificate.common_name, "etcd-ca");
  EXPECT_EQ(certificate.organization, "prod.example.com");
  EXPECT_EQ(certificate.not_after, kNow + 1000h);
}

TEST(PkiAuthority, NoTwoAuthoritiesShareAKey) {
  test::FakeClock clock;
  MemoryStore store(clock);
  std::set<std::string> ids;
  for (auto const& authority : {kEtcdAuthority, kEtcdPeerAuthority, kAgentAuthority,
                                kKubernetesAuthority, kFrontProxyAuthority})
    ids.insert(read_or_make_authority(store, authority, kMaking, kNow, {}).value().bundle.signing);
  EXPECT_EQ(ids.size(), 5u);
}

TEST(PkiAuthority, ADocumentThatDoesNotReadIsNeverReplaced) {
  test::FakeClock clock;
  MemoryStore store(clock);
  store.put("pki/etcd.json", "{}");
  auto const read = read_or_make_authority(store, kEtcdAuthority, kMaking, kNow, {});
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, Kind::invalid);
  EXPECT_THAT(read.error().message.text,
              testing::AllOf(HasSubstr("pki/etcd.json"), HasSubstr("memory://state")));
  EXPECT_EQ(store.objects().at("pki/etcd.json"), "{}");
}

TEST(PkiAuthority, TheServiceAccountKeyIsTheSameForAll) {
  test::FakeClock clock;
  MemoryStore store(clock);
  EXPECT_FALSE(read_service_account_key(store, {}).value());
  auto const one = read_or_make_service_account_key(store, {}).value();
  EXPECT_EQ(one, read_or_make_service_account_key(store, {}).value());
  EXPECT_EQ(one, *read_service_account_key(store, {}).value());
  store.put("pki/service-account.json", R"({"schema": 1, "key": "words"})");
  EXPECT_FALSE(read_or_make_service_account_key(store, {}));
}

}  // namespace
}  // namespace haagent::bootstrap::pki
