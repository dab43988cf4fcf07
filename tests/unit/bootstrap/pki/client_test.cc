#include "bootstrap/pki/client.h"

#include <gtest/gtest.h>

namespace haagent::bootstrap::pki {
namespace {

using namespace std::chrono_literals;

constexpr UtcTime kNow{std::chrono::seconds(1768472100)};

NodeConfig config() {
  NodeConfig config;
  config.cluster.name = "prod.example.com";
  return config;
}

Ca make(std::string const& name, Duration lifetime = 100'000h) {
  auto pair = make_ca({name, ""}, kNow, lifetime).value();
  auto id = parse_certificate(pair.certificate)->key_id;
  return {id, kNow, std::move(pair)};
}

Bundle bundle_of(Stage stage, Duration lifetime = 100'000h) {
  Bundle bundle{.stage = stage, .signing = {}, .cas = {make("old", lifetime)}};
  if (stage == Stage::trusting_new || stage == Stage::signing_with_new)
    bundle.cas.push_back(make("new", lifetime));
  bundle.signing = bundle.cas[stage == Stage::signing_with_new ? 1 : 0].id;
  return bundle;
}

TEST(PkiClient, NamesOfProgramsAreTakenAndThoseOfTheClusterAreNot) {
  for (auto const* good : {"prometheus", "prometheus-2", "team-a.prometheus", "0day", "etcdbrowser",
                           "masters", "nodes-reader"}) {
    auto const verdict = check_client_name(config(), good);
    EXPECT_TRUE(verdict) << good << ": " << (verdict ? "" : verdict.error().message.text);
  }
  for (std::string const bad : {"",
                                "-x",
                                "x-",
                                ".x",
                                "Prometheus",
                                "a b",
                                "../../etc/passwd",
                                "x/y",
                                "x\n",
                                "a",
                                "etcd-a",
                                "etcd",
                                "etcd-events-b",
                                "kubelet",
                                "kube-apiserver",
                                "kubernetes-admin",
                                "system",
                                "system.masters",
                                "haagent",
                                "haagent-agent",
                                "master",
                                "master-1",
                                "admin",
                                "node-1",
                                "ip-10-0-0-1",
                                "ip-10-0-0-1.eu-west-1.compute.internal",
                                "i-0123456789abcdef0",
                                "prod.example.com",
                                "etcd-a.internal.prod.example.com",
                                "x.prod.example.com"}) {
    auto const verdict = check_client_name(config(), bad);
    ASSERT_FALSE(verdict) << bad;
    EXPECT_EQ(verdict.error().kind, Kind::invalid);
  }
  EXPECT_TRUE(check_client_name(config(), std::string(63, 'x')));
  EXPECT_FALSE(check_client_name(config(), std::string(64, 'x')));
}

TEST(PkiClient, ItIsGoodForAClientAloneAndNamesNoHost) {
  auto const bundle = bundle_of(Stage::stable);
  auto const issued = issue_client(config(), bundle, "prometheus", kClientLifetime, kNow);
  ASSERT_TRUE(issued) << issued.error().message.text;
  auto const certificate = parse_certificate(issued->pair.certificate).value();
  EXPECT_EQ(certificate.common_name, "prometheus");
  EXPECT_EQ(certificate.organization, kClientsOrganization);
  EXPECT_TRUE(certificate.client);
  EXPECT_FALSE(certificate.server);
  EXPECT_FALSE(certificate.authority);
  EXPECT_TRUE(certificate.dns_names.empty());
  EXPECT_TRUE(certificate.addresses.empty());
  EXPECT_EQ(certificate.not_after, kNow + kClientLifetime);
  EXPECT_EQ(issued->not_after, certificate.not_after);
  EXPECT_TRUE(is_for_key(issued->pair.certificate, issued->pair.key));
  EXPECT_EQ(issued->trust, trust_of(bundle));
}

TEST(PkiClient, ItsLifetimeHasBoundsAndNeverOutlivesTheAuthority) {
  auto const bundle = bundle_of(Stage::stable);
  for (Duration const bad : {Duration(0), Duration(59min), kClientLifetimeCap + 1h})
    EXPECT_FALSE(issue_client(config(), bundle, "prometheus", bad, kNow)) << to_words(bad);
  for (Duration const good : {kClientLifetimeLeast, kClientLifetimeCap})
    EXPECT_TRUE(issue_client(config(), bundle, "prometheus", good, kNow)) << to_words(good);
  auto const short_lived = bundle_of(Stage::stable, 10h);
  auto const issued = issue_client(config(), short_lived, "prometheus", kClientLifetime, kNow);
  ASSERT_TRUE(issued) << issued.error().message.text;
  EXPECT_LE(issued->not_after, kNow + 10h);
}

TEST(PkiClient, OneThatARotationWouldEndIsNotMade) {
  auto const early = issue_client(config(), bundle_of(Stage::trusting_new), "p1", 24h, kNow);
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().kind, Kind::refused);
  for (auto const stage : {Stage::signing_with_new, Stage::dropping_old})
    EXPECT_TRUE(issue_client(config(), bundle_of(stage), "prometheus", 24h, kNow));
}

}  // namespace
}  // namespace haagent::bootstrap::pki
