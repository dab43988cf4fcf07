// The claims of apiservers' versions in a real etcd, where masters claim at the same moment.
#include <gtest/gtest.h>

#include <barrier>
#include <thread>

#include "agent/base/units_children.h"
#include "bootstrap/version_skew/claims.h"
#include "bootstrap/version_skew/step.h"
#include "tests/integration/etcd_versions.h"
#include "tests/integration/etcd_world.h"
#include "tests/support/eventually.h"
#include "tests/support/found.h"
#include "tests/support/kube_nodes.h"

namespace haagent::bootstrap::version_skew {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

fs::path const kPlace = "/run/version-claims-test";

// The step speaks TLS with etcd, and this one has none.
class WithoutTls final : public Http {
 public:
  Result<HttpResponse> send(HttpRequest const& request, std::stop_token stop) override {
    auto plain = request;
    plain.url.replace(0, std::string_view("https").size(), "http");
    plain.tls = {};
    return real_.send(plain, std::move(stop));
  }

 private:
  CurlHttp real_;
};

class OneEtcd {
 public:
  explicit OneEtcd(test::EtcdPrograms const& etcd)
      : units_(kPlace / "state", kPlace / "logs", clock_) {
    for (auto const* folder : {"state", "logs", "data"}) fs::create_directories(kPlace / folder);
    auto const started = units_.start(
        {.name = "etcd",
         .argv = {etcd.etcd(), "--name", "etcd-a", "--data-dir", (kPlace / "data").string(),
                  "--initial-cluster", "etcd-a=http://localhost:2380"},
         .environment = {}});
    EXPECT_TRUE(started) << started.error().message.text;
    EXPECT_TRUE(test::eventually([&] { return client_.status({}).has_value(); }, 60s));
  }
  EtcdClient& client() { return client_; }
  Clock& clock() { return clock_; }

 private:
  SystemClock clock_;
  CurlHttp http_;
  ChildUnits units_;
  EtcdClient client_{http_, {"http://127.0.0.1:2379"}, {}, {.connect = 1s, .request = 10s}};
};

// A master as far as its row version-skew goes.
class Master {
 public:
  Master(OneEtcd& etcd, std::string const& member, std::string const& version)
      : config_(test::kube_master()) {
    config_.kubernetes.version = version;
    facts_.identity.set(test::kube_identity());
    facts_.main.volume.set({.member = member});
    facts_.main.peers.set({{{"a", ""}, {"b", ""}, {"c", ""}}});
    step_.emplace(Deps{config_, Root(kPlace / member), http_, etcd.clock()});
  }
  // What the runner does, after the first look of both.
  test::Found claim(std::barrier<>& both) {
    auto looked = step_->look(facts_, {});
    both.arrive_and_wait();
    while (looked && std::holds_alternative<Needed>(*looked)) {
      auto const acted = std::get<Needed>(*looked).act({});
      if (!acted) return test::found(acted);
      looked = step_->look(facts_, {});
    }
    return test::found(looked);
  }

 private:
  NodeConfig config_;
  Facts facts_;
  WithoutTls http_;
  std::optional<VersionSkewStep> step_;
};

class EtcdVersionClaims : public testing::TestWithParam<std::string> {
 protected:
  void with_etcd(std::function<void(OneEtcd&)> const& test) {
    auto const etcd = test::etcd_programs(GetParam());
    if (!etcd.missing.empty()) GTEST_SKIP() << etcd.missing;
    in_a_world(120s, [&] {
      OneEtcd one(etcd);
      if (!testing::Test::HasFailure()) test(one);
    });
  }
  static void remove_all(Claims& claims) {
    auto const stored = claims.all({}).value();
    for (auto const& each : stored) EXPECT_TRUE(*claims.remove(each, {}));
  }
  static std::pair<test::Found, test::Found> at_once(Master& one, Master& other) {
    std::barrier both(2);
    test::Found first;
    std::jthread thread([&] { first = one.claim(both); });
    auto second = other.claim(both);
    thread.join();
    return {first, second};
  }
};

INSTANTIATE_TEST_SUITE_P(Etcd, EtcdVersionClaims, testing::ValuesIn(test::etcd_minors({"3.4"})),
                         [](auto const& row) { return test::test_name_of(row.param); });

TEST_P(EtcdVersionClaims, OfTwoMastersThatDoNotFitOneGetsIn) {
  with_etcd([](OneEtcd& etcd) {
    Claims claims(etcd.client());
    for (int round = 0; round < 30; ++round) {
      remove_all(claims);
      Master a(etcd, "a", "1.35.1"), b(etcd, "b", "1.37.0");
      auto const [first, second] = at_once(a, b);
      bool const in = first.as == test::Found::As::done;
      EXPECT_NE(in, second.as == test::Found::As::done) << first << "\n" << second;
      auto const& out = in ? second : first;
      EXPECT_EQ(out.message.reason, Reason::ApiserverVersionUnfit) << out;
      EXPECT_EQ(out.kind, Kind::refused);
      auto const stored = claims.all({}).value();
      ASSERT_EQ(stored.size(), 1u);
      EXPECT_EQ(stored[0].member, in ? "a" : "b");
    }
  });
}

TEST_P(EtcdVersionClaims, OfTwoMastersThatFitBothGetIn) {
  with_etcd([](OneEtcd& etcd) {
    Claims claims(etcd.client());
    for (int round = 0; round < 30; ++round) {
      remove_all(claims);
      Master a(etcd, "a", "1.36.1"), b(etcd, "b", "1.36.3");
      auto const [first, second] = at_once(a, b);
      EXPECT_EQ(first.as, test::Found::As::done) << first;
      EXPECT_EQ(second.as, test::Found::As::done) << second;
      EXPECT_EQ(claims.all({})->size(), 2u);
    }
  });
}

// What was changed, written or taken away since it was read lets nobody in.
TEST_P(EtcdVersionClaims, AClaimThatHasChangedMeanwhileIsSeen) {
  with_etcd([](OneEtcd& etcd) {
    Claims claims(etcd.client());
    KubeVersion const version{.minor = 36, .patch = 3, .suffix = ""};
    auto all = [&] { return claims.all({}).value(); };
    auto write = [&](std::vector<StoredClaim> const& seen, std::string const& member) {
      auto const written = claims.write(seen, member, version, {});
      EXPECT_TRUE(written) << written.error().message.text;
      return written.value_or(false);
    };
    auto const none = all();
    EXPECT_TRUE(write(none, "b"));
    EXPECT_FALSE(write(none, "a")) << "b is new";
    auto const with_b = all();
    EXPECT_TRUE(write(with_b, "b"));
    EXPECT_FALSE(write(with_b, "a")) << "b has changed";
    auto const again = all();
    EXPECT_FALSE(*claims.remove(with_b.front(), {})) << "as it was no more";
    EXPECT_TRUE(*claims.remove(again.front(), {}));
    EXPECT_FALSE(write(again, "a")) << "b is gone";
    // What others keep beside the claims is no matter.
    auto const empty = all();
    ASSERT_TRUE(etcd.client().put("/haagent.io/nodes/i-1", "{}", {}));
    EXPECT_TRUE(write(empty, "a"));
    ASSERT_EQ(all().size(), 1u);
    EXPECT_EQ(all()[0].version, version);
  });
}

}  // namespace
}  // namespace haagent::bootstrap::version_skew
