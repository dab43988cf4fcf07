// Real etcd with haagent's certificates: who is let in, what a renewal costs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <iostream>
#include <set>

#include "bootstrap/etcd/client/errors.h"
#include "bootstrap/pki/restart_turn.h"
#include "tests/integration/etcd_world.h"
#include "tests/support/mentions.h"
#include "tests/support/temporary_directory.h"

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr Duration kSoon = 40s;
std::string const kPki = "/etc/kubernetes/pki/";

using Masters = std::vector<std::unique_ptr<Master>>;

Masters boot_all(World& world) {
  Masters masters;
  for (auto const& member : world.members()) masters.push_back(world.boot(member));
  for (auto& master : masters) master->start_agent();
  EXPECT_TRUE(eventually(
      [&] { return std::ranges::all_of(masters, [](auto& each) { return each->done(); }); },
      kSoon));
  return masters;
}

HttpTls tls_of(Master& master, std::string const& leaf, std::string const& trust = "etcd/ca.crt") {
  return {.ca_file = master.file(kPki + trust),
          .cert_file = master.file(kPki + leaf + ".crt"),
          .key_file = master.file(kPki + leaf + ".key")};
}

// Over a connection of its own, from where that machine is.
Result<HttpResponse> ask(Master& from, std::string const& url, HttpTls const& tls) {
  Result<HttpResponse> answer;
  from.machine().run([&] {
    CurlHttp http;
    answer = http.send({.method = "GET", .url = url, .tls = tls}, {});
  });
  return answer;
}

// With the certificates as they are now; nobody puts them right.
void start_etcd_without_agent(Master& master) {
  master.machine().run([&] {
    SystemProcess process;
    auto started = process.run(
        {.argv = {"sh", "-c",
                  "setsid etcd --config-file=/etc/haagent/etcd/main.yaml >/dev/null 2>&1 &"}},
        {});
    ASSERT_TRUE(started) << started.error().message.text;
  });
}

TEST(EtcdTls, TheGatewayFailsWithoutAServerCertificateThatIsGoodForAClient) {
  in_a_world(200s, [] {
    World world(test::etcd_programs("3.4"), {"a"});
    auto masters = boot_all(world);
    auto& a = *masters[0];
    ASSERT_TRUE(a.client().put("k", "v", {}));
    a.stop_agent();

    // The same leaf, for a server alone.
    auto const bundle = pki::read_authority(world.store(), "etcd", {}).value()->bundle;
    auto spec = pki::spec_of(
        pki::parse_certificate(test::bytes_of(a.file(kPki + "etcd/server.crt"))).value());
    EXPECT_TRUE(spec.client);
    spec.client = false;
    SystemClock clock;
    Secret const key(test::bytes_of(a.file(kPki + "etcd/server.key")));
    auto const leaf =
        pki::make_leaf(spec, key, pki::signing_ca(bundle).pair, clock.utc(), 1h).value();
    a.machine().run([&] { ASSERT_TRUE(replace_file(kPki + "etcd/server.crt", leaf)); });
    a.kill_etcd();
    start_etcd_without_agent(a);
    auto health = [&] {
      auto answer = ask(a, "https://" + a.machine().address() + ":2379/health",
                        tls_of(a, "apiserver-etcd-client"));
      return answer ? answer->status : 0;
    };
    EXPECT_TRUE(eventually([&] { return health() == 200; }, kSoon)) << "it shows nothing of it";
    // Which of the two ends says no first differs, and most times the gateway just finds its
    // connection closed; that they do not come together does not differ.
    int refused = 0;
    std::string said;
    auto says_no = [&] {
      auto done = a.client().put("k", "w", {});
      EXPECT_FALSE(done) << "the gateway serves without the client usage";
      if (done) return true;
      said = done.error().message.text;
      if (test::mentions(said, "connection error") || test::mentions(said, "connection closed"))
        ++refused;
      return refused >= 20;
    };
    EXPECT_TRUE(eventually(says_no, 2 * kSoon)) << said;
    EXPECT_EQ(health(), 200);

    a.restart_agent_process();  // the step pki mends it; etcd reads it with the next handshake
    EXPECT_TRUE(eventually([&] { return a.client().put("k", "w", {}).has_value(); }, kSoon));
  });
}

TEST(EtcdTls, WhoIsLetIn) {
  in_a_world(120s, [] {
    World world(test::etcd_programs("3.4"));
    auto masters = boot_all(world);
    auto& a = *masters[0];
    auto const client = "https://" + a.machine().address() + ":2379/version";
    auto const peer = "https://" + a.machine().address() + ":2380/members";
    auto& b = *masters[1];
    auto good = ask(b, client, tls_of(a, "apiserver-etcd-client"));
    EXPECT_TRUE(good) << good.error().message.text;
    good = ask(b, peer, tls_of(b, "etcd/peer", "etcd/peer-ca.crt"));
    EXPECT_TRUE(good) << good.error().message.text;
    // With a peer's certificate, but from somewhere else.
    EXPECT_FALSE(ask(b, peer, tls_of(*masters[2], "etcd/peer", "etcd/peer-ca.crt")));

    HttpTls nobody{.ca_file = a.file(kPki + "etcd/ca.crt"), .cert_file = {}, .key_file = {}};
    EXPECT_FALSE(ask(b, client, nobody));

    // Clients are no peers, and peers no clients.
    for (auto const* leaf : {"apiserver-etcd-client", "etcd/healthcheck-client", "etcd/server"})
      EXPECT_FALSE(ask(b, peer, tls_of(b, leaf, "etcd/peer-ca.crt"))) << leaf;
    EXPECT_FALSE(ask(b, client, tls_of(b, "etcd/peer")));
    // Nor does the Kubernetes authority open etcd.
    EXPECT_FALSE(ask(b, client, tls_of(a, "apiserver-kubelet-client")));
  });
}

// The others know it under its old address until they have looked at EC2: the address in its
// certificate speaks for it until then, and its name where it comes through another address.
TEST(EtcdTls, APeerIsKnownByItsNameWhereItsAddressIsNotInItsCertificate) {
  in_a_world(180s, [] {
    World world(test::etcd_programs("3.4"));
    auto masters = boot_all(world);
    auto& a = *masters[0];
    a.stop_agent();
    auto const bundle = pki::read_authority(world.store(), "etcd-peer", {}).value()->bundle;
    auto spec = pki::spec_of(
        pki::parse_certificate(test::bytes_of(a.file(kPki + "etcd/peer.crt"))).value());
    std::erase(spec.addresses, a.machine().address());
    SystemClock clock;
    Secret const key(test::bytes_of(a.file(kPki + "etcd/peer.key")));
    auto const leaf =
        pki::make_leaf(spec, key, pki::signing_ca(bundle).pair, clock.utc(), 1h).value();
    a.machine().run([&] { ASSERT_TRUE(replace_file(kPki + "etcd/peer.crt", leaf)); });
    a.kill_etcd();
    start_etcd_without_agent(a);
    EXPECT_TRUE(eventually(
        [&] {
          auto status = a.client().status({});
          return status && status->leader != 0 && a.client().put("k", "v", {}).has_value();
        },
        kSoon));
  });
}

// Leaves of half a minute, and a client that writes all the time, over new connections too. With
// HAAGENT_LONG=1, leaves of a minute for ten minutes.
TEST(EtcdTls, RenewalsInTheRunningClusterFailNoWrite) {
  auto const* asked = std::getenv("HAAGENT_LONG");  // NOLINT(concurrency-mt-unsafe)
  bool const lasting = asked && std::string_view(asked) == "1";
  // Longer than any of the first leaves has lived.
  Duration const writing = lasting ? Duration(10min) : Duration(75s);
  in_a_world(writing + 165s, [&] {
    World world(test::etcd_programs("3.4"));
    world.leaf_lifetime = lasting ? 60s : 30s;
    auto masters = boot_all(world);
    std::vector<pid_t> pids;
    for (auto& master : masters) pids.push_back(master->etcd_pid().value());
    auto serial_of = [&](Master& master, std::string const& leaf) {
      return test::bytes_of(master.file(kPki + leaf + ".crt"));
    };
    std::vector<std::string> first;
    for (auto& master : masters) first.push_back(serial_of(*master, "etcd/server"));
    std::set<std::string> leaves(first.begin(), first.end());

    std::atomic<int> written = 0;
    std::atomic<bool> stop = false;
    std::vector<std::string> failed;
    std::jthread writer([&] {
      for (int i = 0; !stop; ++i) {
        auto& master = *masters[static_cast<std::size_t>(i) % masters.size()];
        auto done = master.client().put(fmt::format("k{}", i), "v", {});
        if (!done) failed.push_back(done.error().message.text);
        ++written;
        SystemClock().sleep(20ms, {});
      }
    });
    SystemClock clock;
    auto const long_enough = clock.steady() + writing;
    EXPECT_TRUE(eventually(
        [&] {
          for (auto& master : masters) leaves.insert(serial_of(*master, "etcd/server"));
          return clock.steady() > long_enough;
        },
        writing + 45s));
    stop = true;
    writer.join();
    EXPECT_THAT(failed, testing::IsEmpty());
    EXPECT_GT(written, 100);
    std::cout << fmt::format("{} writes, {} of them failed, over {} server certificates\n",
                             written.load(), failed.size(), leaves.size());
    for (std::size_t i = 0; i < masters.size(); ++i) {
      EXPECT_NE(serial_of(*masters[i], "etcd/server"), first[i]) << "nothing was renewed";
      EXPECT_EQ(masters[i]->etcd_pid(), pids[i]) << "etcd was started again";
      EXPECT_TRUE(masters[i]->done());
    }
  });
}

std::string turn_of(World& world) {
  return pki::read_turn(world.store(), {}).value().turn.holder;
}

pki::Bundle document(World& world, std::string_view name) {
  return pki::read_authority(world.store(), name, {}).value()->bundle;
}

void begin_rotations(World& world) {
  SystemClock clock;
  pki::Making const making{.organization = "test.example", .lifetime = 1000h};
  for (auto const& authority : {pki::kEtcdAuthority, pki::kEtcdPeerAuthority}) {
    auto begun = pki::begin_rotation(world.store(), authority, making, clock.utc(), {});
    EXPECT_TRUE(begun) << begun.error().message.text;
  }
}

// A client that writes without a pause at whichever member takes it, as the apiserver would: a
// write that failed is tried again, for the same key, until one is acknowledged.
class Writer {
 public:
  Writer(World& world, Masters& masters) {
    std::vector<std::string> endpoints;
    for (auto& master : masters)
      endpoints.push_back(etcd_endpoint(EtcdCluster::main, master->machine().address()));
    thread_ = std::jthread([this, &world, &masters, endpoints](std::stop_token stop) {
      EtcdClient client(world.http(), endpoints, tls_of(*masters[0], "apiserver-etcd-client"),
                        {.connect = 1s, .request = 5s});
      while (!stop.stop_requested()) {
        auto done = client.put(fmt::format("w{:06}", acknowledged_.load()), "v", {});
        if (done) {
          ++acknowledged_;
        } else {
          failed_.push_back(done.error().message.text);
        }
      }
    });
  }
  int acknowledged() const { return acknowledged_; }
  std::vector<std::string> end() {
    thread_.request_stop();
    thread_.join();
    return failed_;
  }

 private:
  std::atomic<int> acknowledged_ = 0;
  std::vector<std::string> failed_;
  std::jthread thread_;
};

TEST(EtcdTls, ARotationUnderAWriterLosesNoWriteAndEndsTheOldAuthority) {
  in_a_world(240s, [] {
    World world(test::etcd_programs("3.4"));
    world.pki_every = 500ms;
    auto masters = boot_all(world);
    auto& a = *masters[0];
    auto& c = *masters[2];
    auto const old = HttpTls{.ca_file = a.file("/etc/old-ca.crt"),
                             .cert_file = a.file("/etc/old.crt"),
                             .key_file = a.file("/etc/old.key")};
    test::write_bytes(old.cert_file, test::bytes_of(a.file(kPki + "apiserver-etcd-client.crt")));
    test::write_bytes(old.key_file, test::bytes_of(a.file(kPki + "apiserver-etcd-client.key")));
    test::write_bytes(old.ca_file, test::bytes_of(a.file(kPki + "etcd/ca.crt")));
    auto const first = document(world, "etcd").signing;
    auto const url = "https://" + c.machine().address() + ":2379/version";
    ASSERT_TRUE(ask(a, url, old));

    Writer writer(world, masters);
    ASSERT_TRUE(eventually([&] { return writer.acknowledged() > 50; }, kSoon));
    c.stop_agent();
    auto const before = c.etcd_pid();
    begin_rotations(world);
    auto has = [&](std::string_view name, std::string const& master) {
      return document(world, name).loaded.contains(master);
    };
    EXPECT_TRUE(eventually(
        [&] {
          return has("etcd", "a") && has("etcd", "b") && has("etcd-peer", "a") &&
                 has("etcd-peer", "b") && turn_of(world).empty();
        },
        90s))
        << a.pki_says();
    EXPECT_TRUE(eventually([&] { return a.pki_subject().contains("waiting for c"); }, kSoon))
        << a.pki_says();
    EXPECT_EQ(document(world, "etcd").stage, pki::Stage::trusting_new) << "c has not said a word";
    EXPECT_EQ(c.etcd_pid(), before);

    c.restart_agent_process();
    c.start_agent();
    auto is_over = [&](std::string_view name) {
      auto const doc = document(world, name);
      return doc.stage == pki::Stage::stable && turn_of(world).empty();
    };
    EXPECT_TRUE(eventually([&] { return is_over("etcd") && is_over("etcd-peer"); }, 120s))
        << a.pki_says();
    auto const enough = writer.acknowledged() + 50;
    EXPECT_TRUE(eventually([&] { return writer.acknowledged() > enough; }, kSoon));
    auto const failed = writer.end();
    std::cout << fmt::format("{} writes acknowledged, {} failed first{}{}\n", writer.acknowledged(),
                             failed.size(), failed.empty() ? "" : ": ",
                             failed.empty() ? "" : failed.front());

    EXPECT_NE(document(world, "etcd").signing, first);
    for (auto& master : masters) {
      auto there = master->client().range("w", "x", Consistency::linearizable, {});
      ASSERT_TRUE(there) << there.error().message.text;
      EXPECT_GE(there->size(), static_cast<std::size_t>(writer.acknowledged()));
      auto const address = "https://" + master->machine().address() + ":2379/version";
      HttpTls stranger{.ca_file = a.file(kPki + "etcd/ca.crt"),
                       .cert_file = old.cert_file,
                       .key_file = old.key_file};
      EXPECT_FALSE(ask(a, address, stranger)) << "the old authority's certificate is let in";
      EXPECT_FALSE(ask(a, address, old));
      auto good = ask(a, address, tls_of(a, "apiserver-etcd-client"));
      EXPECT_TRUE(good) << good.error().message.text;
      EXPECT_TRUE(master->done());
    }
  });
}

}  // namespace
}  // namespace haagent::bootstrap
