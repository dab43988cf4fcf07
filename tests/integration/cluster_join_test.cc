// Workers that join, renew and come back while masters, STS, EC2 and etcd do what they do in the
// field. The exchange itself, as an attacker would speak it, is in tests/unit/bootstrap/join.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>

#include "agent/base/json.h"
#include "bootstrap/pki/keys.h"
#include "bootstrap/pki/x509.h"
#include "tests/integration/cluster_region.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr char kClient[] = "/var/lib/kubelet/pki/kubelet-client-current.pem";
constexpr char kServing[] = "/var/lib/kubelet/pki/kubelet.crt";
constexpr char kProxy[] = "/etc/kubernetes/pki/kube-proxy/client.crt";
constexpr EtcdCluster kMain = EtcdCluster::main;

std::string record_key(std::string const& instance) {
  return "/haagent.io/nodes/" + instance;
}

// What tests of workers ask of a region.
template <class Suite>
class Joins : public SharedCluster<Suite> {
 protected:
  using SharedCluster<Suite>::region;

  static std::string file(std::string const& where, std::string const& path) {
    return region().sh(where, "cat " + path).out;
  }
  static std::optional<bootstrap::pki::Certificate> certificate(std::string const& where,
                                                                char const* path) {
    auto read = bootstrap::pki::parse_certificate(file(where, path));
    if (!read) return std::nullopt;
    return *std::move(read);
  }
  // Once there is one that joined() is not true of yet.
  static std::string another_worker() {
    auto const before = region().instance_of("workers");
    if (!before.empty()) {
      region().launch("workers", 0);
      EXPECT_TRUE(region().comes_true([&] { return region().instance_of("workers").empty(); }));
    }
    region().launch("workers");
    EXPECT_TRUE(region().comes_true([&] {
      auto const now = region().instance_of("workers");
      return !now.empty() && now != before && !region().step_state(now, "config").empty();
    }));
    return region().instance_of("workers");
  }
  static bool joined(std::string const& worker) {
    return region().has_reason(worker, "join", Reason::Joined);
  }
  // The record names the key of the certificate that the worker has.
  static bool record_is_of(std::string const& worker) {
    auto const record = json::parse(region().get("masters-a", kMain, record_key(worker)));
    auto const shown = certificate(worker, kClient);
    return record && shown && record->text_at("keyHash") == shown->key_hash;
  }
  static void signal_agent(std::string const& where, int signal) {
    region().sh(where, fmt::format("pkill -{} -f '^/usr/sbin/haagent run'", signal));
  }
  static void signal_etcd(std::string const& master, int signal) {
    region().sh(master, fmt::format("pkill -{} -f 'etcd/main.yaml'", signal));
  }
};

class ClusterJoin : public Joins<ClusterJoin> {
 public:
  static ClusterPlan plan() { return {.workers = 1}; }
};

// While the calls to AWS are slow, a master that makes one is in the middle of an exchange.
TEST_F(ClusterJoin, AMasterKilledInTheMiddleLeavesTheOthersToGoOn) {
  for (auto const* call : {"sts:GetCallerIdentity", "ec2:DescribeInstances"}) {
    SCOPED_TRACE(call);
    std::map<std::string, int> before;
    auto count = [&](std::string const& master) {
      return region().calls(region().instance_of(master))[call];
    };
    for (auto const& master : region().masters()) before[master] = count(master);
    region().api("slow", Tree::map({{"by", "2s"}}));
    auto const worker = another_worker();
    std::string busy;
    EXPECT_TRUE(region().comes_true([&] {
      for (auto const& master : region().masters())
        if (count(master) > before[master]) busy = master;
      return !busy.empty();
    })) << region().told();
    signal_agent(busy, SIGKILL);
    region().api("ok");
    ASSERT_TRUE(region().comes_true([&] { return joined(worker); }, 60s)) << region().told();
    EXPECT_TRUE(record_is_of(worker));
    ASSERT_TRUE(region().gets_ready()) << region().told();
  }
}

// All of them at once, at any moment of the exchange.
TEST_F(ClusterJoin, AgentsKilledAtAnyMomentLeaveOneKey) {
  for (auto moment : {0ms, 40ms, 80ms, 150ms}) {
    auto const worker = another_worker();
    std::this_thread::sleep_for(moment);  // what it hits is chance; what must hold is not
    for (auto const& master : region().masters()) signal_agent(master, SIGKILL);
    ASSERT_TRUE(region().comes_true([&] { return joined(worker); }, 60s)) << region().told();
    EXPECT_TRUE(record_is_of(worker));
    ASSERT_TRUE(region().gets_ready()) << region().told();
  }
}

TEST_F(ClusterJoin, WithoutAQuorumOfEtcdWhoHasJoinedGoesOnAndWhoHasNotWaits) {
  auto const old = another_worker();
  ASSERT_TRUE(region().comes_true([&] { return joined(old); }, 60s)) << region().told();
  for (auto const* master : {"masters-b", "masters-c"}) signal_etcd(master, SIGSTOP);
  region().launch("workers", 2);
  std::string fresh;
  auto const waits = [&] {
    auto const state = region().command("state");
    for (auto const& each : state.find("instances")->items())
      if (each.text_at("role") == "worker" && each.text_at("id") != old &&
          each.text_at("state") == "running")
        fresh = each.text_at("id");
    return !fresh.empty() && region().has_reason(fresh, "join", Reason::JoinAwaitsEtcd);
  };
  EXPECT_TRUE(region().comes_true(waits, 60s)) << region().told();
  EXPECT_TRUE(joined(old));
  EXPECT_EQ(region().sh(old, "rm -f /run/x; kill -0 $(pgrep -f '^/usr/sbin/haagent run')").code, 0);
  for (auto const* master : {"masters-b", "masters-c"}) signal_etcd(master, SIGCONT);
  EXPECT_TRUE(region().comes_true([&] { return joined(fresh); }, 90s)) << region().told();
  region().launch("workers", 1);
  ASSERT_TRUE(region().gets_ready(90s)) << region().told();
}

TEST_F(ClusterJoin, AnOperatorsWordKeepsAnInstanceOut) {
  auto const worker = another_worker();
  ASSERT_TRUE(region().comes_true([&] { return joined(worker); }, 60s)) << region().told();
  auto const denied = region().run("masters-b", {"haagent", "join", "deny", worker});
  EXPECT_EQ(denied.code, 0) << denied.out;
  // It has lost a part of what it was given, and asks for it again. Its key is the one that was
  // signed: another one would have to wait until the record has settled.
  region().sh(worker, fmt::format("rm -f {}", kServing));
  EXPECT_TRUE(region().comes_true(
      [&] { return region().has_reason(worker, "join", Reason::JoinDenied); }, 60s))
      << region().told();
  EXPECT_EQ(region().sh(worker, fmt::format("test -e {}", kServing)).code, 1);
  auto const page = region().run("masters-a", {"haagent", "status", "--cluster"});
  EXPECT_THAT(page.out, HasSubstr(worker));
  EXPECT_THAT(page.out, HasSubstr("JoinDenied"));
  auto const allowed = region().run("masters-c", {"haagent", "join", "allow", worker});
  EXPECT_EQ(allowed.code, 0) << allowed.out;
  signal_agent(worker, SIGKILL);  // it would ask again within minutes
  EXPECT_TRUE(region().comes_true(
      [&] {
        return joined(worker) && record_is_of(worker) && certificate(worker, kServing).has_value();
      },
      60s))
      << region().told();
}

// An account that hands out web identity tokens. The region counts a call under the instance whose
// keys sign it: a worker's signed call, which a master sends to STS, counts under the worker. There
// is one master, so that no other one has the issuer's keys already.
class ClusterTokens : public Joins<ClusterTokens> {
 public:
  static ClusterPlan plan() { return {.members = "a", .tokens = true}; }

 protected:
  void TearDown() override {
    if (IsSkipped()) return;
    region().api("ok");
    web_identity("on");
  }
  static void web_identity(char const* what) {
    region().command("web-identity", Tree::map({{"what", what}}));
  }
  static int keys_read() { return region().calls("anonymous")["tokens:GetJwks"]; }
  static bool asked_for_a_token(std::string const& worker) {
    return region().calls(worker)["sts:GetWebIdentityToken"] > 0;
  }
  static bool gave_a_signed_call(std::string const& worker) {
    return region().calls(worker)["sts:GetCallerIdentity"] > 0;
  }
  // One that is in the cluster: with its certificate, and with its record in etcd.
  static std::string joined_worker() {
    auto const worker = another_worker();
    EXPECT_TRUE(region().comes_true([&] { return joined(worker) && record_is_of(worker); }, 60s));
    return worker;
  }
};

TEST_F(ClusterTokens, AWorkerJoinsAndTheMasterAsksStsNothing) {
  auto const worker = joined_worker();
  EXPECT_TRUE(asked_for_a_token(worker));
  EXPECT_FALSE(gave_a_signed_call(worker)) << region().told();
  EXPECT_GE(keys_read(), 1);
  auto const allowed = region().permissions_used("haagent-worker");
  EXPECT_THAT(allowed, testing::IsSupersetOf({"ProveByToken sts:GetWebIdentityToken",
                                              "TieTokenToRequest sts:TagGetWebIdentityToken"}));
}

TEST_F(ClusterTokens, WhereTheAccountTurnsThemOffAWorkerJoinsByASignedCall) {
  web_identity("off");
  auto const worker = joined_worker();
  EXPECT_TRUE(asked_for_a_token(worker));
  EXPECT_TRUE(gave_a_signed_call(worker));
}

// A master asks the issuer once a minute at most. Before that, workers join by a signed call.
TEST_F(ClusterTokens, AfterTheIssuersKeysChangeWorkersJoinByTokenAgain) {
  auto const before = keys_read();
  web_identity("rotate");
  EXPECT_TRUE(region().comes_true([] { return !gave_a_signed_call(joined_worker()); }, 150s));
  EXPECT_GT(keys_read(), before);
}

TEST_F(ClusterTokens, WhileTheIssuerIsUnavailableAWorkerJoinsByASignedCall) {
  region().api("unavailable", Tree::map({{"action", Tree::list({"tokens:GetJwks"})}}));
  signal_agent("masters-a", SIGKILL);  // the next one has no keys yet
  ASSERT_TRUE(region().gets_ready()) << region().told();
  auto const before = keys_read();
  auto const worker = joined_worker();
  EXPECT_TRUE(asked_for_a_token(worker));
  EXPECT_TRUE(gave_a_signed_call(worker));
  EXPECT_GT(keys_read(), before);
}

// Once, from a program of cloud-init's, on a machine whose daemon does not run.
TEST_F(ClusterJoin, AWorkerThatBootsWithoutTheDaemonIsCalledBackAsWell) {
  auto const worker = another_worker();
  ASSERT_TRUE(region().comes_true([&] { return joined(worker); }, 60s)) << region().told();
  auto const key = certificate(worker, kClient)->key_hash;
  constexpr char kAgent[] = "pgrep -f '^/usr/sbin/haagent run'";
  region().sh(worker, "pkill -TERM -f '^/usr/sbin/haagent run'");
  ASSERT_TRUE(region().comes_true([&] { return region().sh(worker, kAgent).code != 0; }, 60s));
  region().sh(worker, fmt::format("rm /etc/kubernetes/pki/ca.crt {}", kServing));
  auto const booted = region().run(worker, {"haagent", "bootstrap", "--timeout", "60"});
  EXPECT_EQ(booted.code, 0) << booted.out;
  EXPECT_EQ(certificate(worker, kClient)->key_hash, key);
  EXPECT_TRUE(certificate(worker, kServing).has_value());
  EXPECT_NE(region().sh(worker, kAgent).code, 0) << "a daemon did it";
}

// A life of half a minute, in which the stand-in of the kubelet renews nothing: serving and
// kube-proxy's certificates are renewed over the client certificate, and all of them are made anew
// where that one has ended.
class ClusterRenewals : public Joins<ClusterRenewals> {
 public:
  static std::chrono::seconds life() {
    auto const* given = std::getenv("HAAGENT_NODE_LIFETIME");
    return std::chrono::seconds(given ? std::atoi(given) : 30);
  }
  static int renewals() {
    auto const* given = std::getenv("HAAGENT_RENEWALS");
    return given ? std::atoi(given) : 3;
  }
  static ClusterPlan plan() {
    return {.workers = 1, .pki_settings = fmt::format("{{nodeLifetime: {}s}}", life().count())};
  }

 protected:
  // Of each authority that can be rotated, how far that is.
  static std::map<std::string, std::string> stages() {
    auto const page =
        json::parse(region().run("masters-a", {"haagent", "pki", "status", "-o", "json"}).out);
    std::map<std::string, std::string> found;
    if (auto const* all = page ? page->find("authorities") : nullptr)
      for (auto const& each : all->items())
        if (each.text_at("name") != "kubernetes")
          found[each.text_at("name")] = each.text_at("stage");
    return found;
  }
};

TEST_F(ClusterRenewals, ComeInARowWithTheSameKeyWhileAuthoritiesAreRotated) {
  auto const worker = another_worker();
  ASSERT_TRUE(region().comes_true([&] { return joined(worker); }, 60s)) << region().told();
  auto const authorities = stages();
  EXPECT_THAT(authorities, testing::SizeIs(4));
  for (auto const& [name, stage] : authorities) {
    auto const begun = region().run("masters-a", {"haagent", "pki", "rotate", "--authority", name});
    EXPECT_EQ(begun.code, 0) << name << begun.out;
  }
  auto const key = certificate(worker, kClient)->key_hash;
  auto last = certificate(worker, kServing)->not_after;
  for (int i = 0; i < renewals(); ++i) {
    ASSERT_TRUE(region().comes_true(
        [&] {
          auto const serving = certificate(worker, kServing), proxy = certificate(worker, kProxy);
          auto const now = SystemClock().utc();
          if (serving) {
            EXPECT_GT(serving->not_after, now) << "it served none for a while";
          }
          if (!serving || !proxy || serving->not_after <= last || proxy->not_after <= last)
            return false;
          last = std::min(serving->not_after, proxy->not_after);
          return true;
        },
        2 * life() + 30s))
        << i << region().told();
  }
  EXPECT_EQ(certificate(worker, kClient)->key_hash, key);
  EXPECT_TRUE(record_is_of(worker));
  EXPECT_TRUE(region().comes_true(
      [&] {
        auto const now = stages();
        return now.size() == authorities.size() &&
               std::ranges::all_of(now, [](auto const& each) { return each.second == "stable"; });
      },
      240s))
      << region().run("masters-a", {"haagent", "pki", "status"}).out;
}

TEST_F(ClusterRenewals, AMachineThatWasOffPastTheEndProvesItselfAnew) {
  auto const worker = another_worker();
  ASSERT_TRUE(region().comes_true([&] { return joined(worker); }, 60s)) << region().told();
  auto const key = certificate(worker, kClient)->key_hash;
  auto const end =
      std::max(certificate(worker, kClient)->not_after, certificate(worker, kServing)->not_after);
  // A group replaces an instance that stops; one that is frozen as a whole sleeps as long.
  region().command("freeze", Tree::map({{"instance", worker}}));
  ASSERT_TRUE(
      region().comes_true([&] { return SystemClock().utc() > end + 1s; }, 2 * life() + 30s));
  region().command("thaw", Tree::map({{"instance", worker}}));
  ASSERT_TRUE(region().comes_true(
      [&] {
        auto const now = certificate(worker, kClient);
        return joined(worker) && now && now->not_after > end;
      },
      60s))
      << region().told();
  EXPECT_EQ(certificate(worker, kClient)->key_hash, key) << "its disk has it";
}

}  // namespace
}  // namespace haagent::sim
