#include "bootstrap/pki/x509.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace haagent::bootstrap::pki {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr UtcTime kNow{std::chrono::seconds(1768472100)};  // 2026-01-15T10:15:00Z

KeyPair ca(std::string name = "etcd-ca", Duration lifetime = 1000h) {
  return make_ca({std::move(name), "prod.example.com"}, kNow, lifetime).value();
}

LeafSpec const kServer{.common_name = "node-a",
                       .organization = "masters",
                       .dns_names = {"etcd-a.internal.prod.example.com", "localhost"},
                       .addresses = {"10.0.0.10", "127.0.0.1", "::1"},
                       .server = true,
                       .client = true};

std::string leaf(KeyPair const& authority, Secret const& key, Duration lifetime = 24h,
                 LeafSpec const& spec = kServer) {
  return make_leaf(spec, key, authority, kNow, lifetime).value();
}

TEST(PkiX509, ALeafReadsAsWhatItWasMadeFrom) {
  auto const authority = ca();
  auto const key = make_key().value();
  auto const read = parse_certificate(leaf(authority, key)).value();
  EXPECT_EQ(spec_of(read), kServer);
  EXPECT_FALSE(read.authority);
  EXPECT_EQ(to_rfc3339(read.not_before), "2026-01-15T10:10:00Z") << "backdated";
  EXPECT_EQ(to_rfc3339(read.not_after), "2026-01-16T10:15:00Z");
  auto const signer = parse_certificate(authority.certificate).value();
  EXPECT_EQ(read.signer_id, signer.key_id);
  EXPECT_EQ(read.signer_id.size(), 40u);
  EXPECT_NE(read.key_id, signer.key_id);
}

TEST(PkiX509, AnAuthorityReadsAsOne) {
  auto const read = parse_certificate(ca().certificate).value();
  EXPECT_TRUE(read.authority);
  EXPECT_EQ(read.common_name, "etcd-ca");
  EXPECT_EQ(read.organization, "prod.example.com");
  EXPECT_EQ(read.not_after, kNow + 1000h);
  EXPECT_FALSE(read.server);
  EXPECT_FALSE(read.client);
}

TEST(PkiX509, ALeafNeverOutlivesItsAuthority) {
  auto const short_lived = ca("etcd-ca", 2h);
  auto const read = parse_certificate(leaf(short_lived, make_key().value(), 24h)).value();
  EXPECT_EQ(read.not_after, kNow + 2h);
}

TEST(PkiX509, DatesBeyond2050) {
  auto const authority = ca("etcd-ca", 24h * 365 * 40);
  EXPECT_EQ(parse_certificate(authority.certificate)->not_after, kNow + 24h * 365 * 40);
}

TEST(PkiX509, EachUsageIsAloneWhereItIsAskedForAlone) {
  auto const authority = ca();
  for (auto [server, client] : {std::pair(true, false), std::pair(false, true)}) {
    LeafSpec const spec{.common_name = "x", .server = server, .client = client};
    auto const read = parse_certificate(leaf(authority, make_key().value(), 1h, spec)).value();
    EXPECT_EQ(read.server, server);
    EXPECT_EQ(read.client, client);
    EXPECT_EQ(spec_of(read), spec);
  }
}

TEST(PkiX509, WhatCannotBeMadeIsAnError) {
  auto const authority = ca();
  auto const key = make_key().value();
  auto error_of = [&](LeafSpec const& spec) {
    auto made = make_leaf(spec, key, authority, kNow, 1h);
    return made ? std::string() : made.error().message.text;
  };
  EXPECT_THAT(error_of({.common_name = "x"}), HasSubstr("'x'"));
  EXPECT_THAT(error_of({.common_name = "x", .addresses = {"10.0.0"}, .server = true}),
              HasSubstr("'10.0.0'"));
  EXPECT_THAT(error_of({.common_name = "x", .dns_names = {"a b"}, .server = true}),
              HasSubstr("'a b'"));
  auto const mixed = KeyPair{authority.certificate, key};
  auto made = make_leaf(kServer, key, mixed, kNow, 1h);
  ASSERT_FALSE(made);
}

// RFC 5280 has 64 characters for a common name; a node's name has up to 63, and the kubelet's
// certificate "system:node:" in front of it.
TEST(PkiX509, TheLongestNodesNameFitsIntoACertificate) {
  LeafSpec spec{.common_name = "system:node:ip-10-0-0-10." + std::string(50, 'd'),
                .organization = "system:nodes",
                .dns_names = {},
                .addresses = {},
                .client = true};
  ASSERT_EQ(spec.common_name.size(), 75u);
  EXPECT_EQ(spec_of(parse_certificate(leaf(ca(), make_key().value(), 24h, spec)).value()), spec);
}

TEST(PkiX509, ACommaInANameMakesNoSecondName) {
  LeafSpec const spec{.common_name = "x", .dns_names = {"a,DNS:evil.example.com"}, .server = true};
  auto const read = parse_certificate(leaf(ca(), make_key().value(), 1h, spec)).value();
  EXPECT_THAT(read.dns_names, ElementsAre("a,DNS:evil.example.com"));
}

TEST(PkiX509, VerifiesAgainstEachAuthorityOfABundleAndNoOther) {
  auto const old_ca = ca();
  auto const new_ca = ca();  // the same name, another key
  auto const key = make_key().value();
  auto const bundle = old_ca.certificate + new_ca.certificate;
  EXPECT_TRUE(verify(leaf(old_ca, key), bundle, kNow));
  EXPECT_TRUE(verify(leaf(new_ca, key), bundle, kNow));
  EXPECT_TRUE(verify(leaf(new_ca, key), new_ca.certificate, kNow));
  auto const other = verify(leaf(old_ca, key), new_ca.certificate, kNow);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind, Kind::invalid);
}

TEST(PkiX509, VerifiesAtATime) {
  auto const authority = ca();
  auto const certificate = leaf(authority, make_key().value(), 1h);
  EXPECT_TRUE(verify(certificate, authority.certificate, kNow - 4min)) << "a clock behind";
  EXPECT_FALSE(verify(certificate, authority.certificate, kNow - 6min));
  EXPECT_TRUE(verify(certificate, authority.certificate, kNow + 59min));
  auto const late = verify(certificate, authority.certificate, kNow + 61min);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, Kind::invalid);
}

TEST(PkiX509, ASplitBundleHasEachCertificate) {
  auto const one = ca("one");
  auto const two = ca("two");
  auto const split = split_bundle("words before\n" + one.certificate + two.certificate).value();
  EXPECT_THAT(split, ElementsAre(one.certificate, two.certificate));
  EXPECT_FALSE(split_bundle("nothing"));
}

TEST(PkiX509, KnowsWhoseKeyACertificateIsFor) {
  auto const authority = ca();
  auto const key = make_key().value();
  EXPECT_TRUE(is_for_key(leaf(authority, key), key));
  EXPECT_FALSE(is_for_key(leaf(authority, key), make_key().value()));
  EXPECT_FALSE(is_for_key(leaf(authority, key), Secret("no key")));
  EXPECT_FALSE(is_for_key("no certificate", key));
}

TEST(PkiX509, WhatIsNoPemIsInvalid) {
  for (auto const* text : {"", "words",
                           "-----BEGIN CERTIFICATE-----\nAAAA\n-----END "
                           "CERTIFICATE-----\n"}) {
    auto read = parse_certificate(text);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().kind, Kind::invalid);
  }
}

TEST(PkiX509, AServiceAccountKeyIsRsaAndHasItsPublicHalf) {
  auto const key = make_rsa_key().value();
  EXPECT_THAT(key.reveal(), HasSubstr("BEGIN PRIVATE KEY"));
  EXPECT_THAT(public_key_of(key).value(), HasSubstr("BEGIN PUBLIC KEY"));
  EXPECT_FALSE(public_key_of(Secret("words")));
}

}  // namespace
}  // namespace haagent::bootstrap::pki
