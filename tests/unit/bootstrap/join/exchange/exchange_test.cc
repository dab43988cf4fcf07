#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "agent/base/base64.h"
#include "agent/base/json.h"
#include "agent/base/sha256.h"
#include "bootstrap/join/exchange/binding.h"
#include "bootstrap/join/exchange/identity_document.h"
#include "bootstrap/join/exchange/messages.h"
#include "bootstrap/join/exchange/names.h"
#include "bootstrap/pki/x509.h"
#include "tests/sim/document_signer.h"
#include "tests/support/source_dir.h"
#include "tests/support/temporary_directory.h"

namespace haagent::bootstrap::join {
namespace {

std::string hash(char digit) {
  return std::string(64, digit);
}

aws::SignedCall call() {
  return {.access_key_id = "ASIAEXAMPLE000000001",
          .time = "20260115T101500Z",
          .session_token = "IQoJ/+==",
          .signature = hash('a')};
}

Ask ask() {
  return {.cluster = "prod.example.com",
          .nonce = hash('1'),
          .server_key = hash('2'),
          .document = "MIAGCSqG\nSIb3\n",
          .requests = {.kubelet = "a\n", .kubelet_serving = "b\n", .kube_proxy = "c\n"},
          .proof = call(),
          .token = {}};
}

TEST(JoinMessages, EachReadsAsWhatWasWritten) {
  Offer const offer{.nonce = hash('1'),
                    .server_key = hash('2'),
                    .certificate = "pem\n",
                    .ca = "pem\n",
                    .time = *parse_rfc3339("2026-01-15T10:15:00Z"),
                    .proof = call()};
  EXPECT_EQ(read_offer(text_of(offer)).value(), offer);
  EXPECT_EQ(read_ask(text_of(ask())).value(), ask());
  auto with_token = ask();
  with_token.proof.reset();
  with_token.token = "a.b.c";
  EXPECT_EQ(read_ask(text_of(with_token)).value(), with_token);
  Grant const grant{.node = "ip-10-0-0-5",
                    .ca = "pem\n",
                    .certificates = ask().requests,
                    .endpoint = "https://api.prod.example.com",
                    .cluster_dns = "10.96.0.10",
                    .kubernetes_version = "1.33.2"};
  EXPECT_EQ(read_grant(text_of(grant)).value(), grant);
  RenewAsk const renew{.cluster = "prod.example.com",
                       .instance_id = "i-0123456789abcdef0",
                       .kubelet_serving = "a\n",
                       .kube_proxy = "b\n"};
  EXPECT_EQ(read_renew_ask(text_of(renew)).value(), renew);
  Renewal const renewal{.ca = "a\n", .kubelet_serving = "b\n", .kube_proxy = "c\n"};
  EXPECT_EQ(read_renewal(text_of(renewal)).value(), renewal);
  Refusal const refusal{.reason = Reason::JoinDenied, .text = "no"};
  EXPECT_EQ(read_refusal(text_of(refusal)).value(), refusal);
  EXPECT_EQ(read_callback(text_of(Callback{.signature = "YQ=="}))->signature, "YQ==");
}

TEST(JoinMessages, WhatDoesNotBelongThereRefusesTheWhole) {
  auto const good = json::parse(text_of(ask())).value();
  auto with = [&](auto change) {
    auto tree = good;
    change(tree);
    return json::print(tree);
  };
  ASSERT_TRUE(read_ask(json::print(good)));
  std::string const bad[] = {
      "",
      "[]",
      "null",
      with([](Tree& tree) { tree.set("action", "GetCallerIdentity"); }),
      with([](Tree& tree) { tree.set("Cluster", "prod.example.com"); }),
      with([](Tree& tree) { tree.set("headers", Tree::map({{"x-haagent-join", "a"}})); }),
      with([](Tree& tree) { tree.set("schema", 2); }),
      with([](Tree& tree) { tree.erase("schema"); }),
      with([](Tree& tree) { tree.set("token", "a.b.c"); }),
      with([](Tree& tree) { tree.erase("proof"); }),
      with([](Tree& tree) { tree["proof"].set("Action", "GetCallerIdentity"); }),
      with([](Tree& tree) { tree["proof"].set("url", "https://sts.example.com/"); }),
      with([](Tree& tree) { tree["proof"].set("signature", hash('A')); }),
      with([](Tree& tree) { tree["proof"].set("time", "now"); }),
      with([](Tree& tree) { tree["proof"].set("accessKeyId", "a/b"); }),
      with([](Tree& tree) { tree.set("proof", "text"); }),
      with([](Tree& tree) { tree["requests"].set("etcd", "pem\n"); }),
      with([](Tree& tree) { tree["requests"].erase("kubeProxy"); }),
      with([](Tree& tree) { tree.set("nonce", "1"); }),
      with([](Tree& tree) { tree.set("cluster", 7); }),
      with([](Tree& tree) { tree.set("cluster", "a\x1b[2J"); }),
      with([](Tree& tree) { tree.set("cluster", std::string(254, 'a')); }),
      with([](Tree& tree) { tree.set("document", std::string(20'000, 'a')); }),
      "{\"schema\":1," + json::print(good).substr(1),
      json::print(good) + "x",
      std::string(100'000, '{'),
  };
  for (auto const& text : bad) EXPECT_FALSE(read_ask(text)) << text.substr(0, 200);
}

// Anybody may ask, and what is refused goes into a journal.
TEST(JoinMessages, ARefusalSaysBackALineAtTheMost) {
  auto const text = text_of(ask());
  for (auto const& key : {std::string("\\u001b[2J\\r\\n"), std::string(9'000, 'k'),
                          std::string(39, 'k') + "\u00e9", std::string("\\u0000")})
    for (auto const& bad : {"{\"" + key + "\":1," + text.substr(1),
                            "{\"" + key + "\":1,\"" + key + "\":2," + text.substr(1)}) {
      auto const refused = read_ask(bad);
      ASSERT_FALSE(refused);
      auto const& said = refused.error().message.text;
      EXPECT_LT(said.size(), 200u);
      EXPECT_TRUE(std::ranges::all_of(said, [](char c) { return c >= ' ' && c < '\x7f'; })) << said;
    }
}

// Each part of what is asked has a part in what is signed.
TEST(JoinBinding, AnyOtherQuestionHasAnotherHeader) {
  std::set<std::string> values = {worker_header(ask()).value};
  auto add = [&](auto change) {
    auto other = ask();
    change(other);
    EXPECT_TRUE(values.insert(worker_header(other).value).second);
  };
  add([](Ask& a) { a.cluster += "x"; });
  add([](Ask& a) { a.nonce = hash('3'); });
  add([](Ask& a) { a.server_key = hash('3'); });
  add([](Ask& a) { std::swap(a.nonce, a.server_key); });
  add([](Ask& a) { a.document += "x"; });
  add([](Ask& a) { a.requests.kubelet += "x"; });
  add([](Ask& a) { a.requests.kubelet_serving += "x"; });
  add([](Ask& a) { a.requests.kube_proxy += "x"; });
  add([](Ask& a) { std::swap(a.requests.kubelet, a.requests.kubelet_serving); });
  // Bytes that move from one part to the next.
  add([](Ask& a) {
    a.requests.kubelet = "a\nb";
    a.requests.kubelet_serving = "\n";
  });
  EXPECT_NE(worker_header(ask()).name, master_header("a", "b", "c").name);
  EXPECT_NE(master_header("a", "b", "c").value, master_header("a", "bc", "").value);
  EXPECT_TRUE(is_hash(worker_header(ask()).value));
}

constexpr char kDocument[] =
    "{\n  \"accountId\" : \"123456789012\",\n  \"instanceId\" : \"i-0123456789abcdef0\",\n"
    "  \"privateIp\" : \"10.0.0.5\",\n  \"region\" : \"eu-west-1\",\n  \"version\" : "
    "\"2017-09-30\"\n}";

TEST(JoinIdentityDocument, IsWhatTheRegionHasSigned) {
  auto const signer = sim::make_document_signer();
  auto const rsa2048 = sim::sign_document(signer, kDocument);
  auto const document = read_identity_document(rsa2048, {signer.certificate});
  ASSERT_TRUE(document) << document.error().message.text;
  EXPECT_EQ(*document, (IdentityDocument{"123456789012", "eu-west-1", "i-0123456789abcdef0"}));

  auto const other = sim::make_document_signer();
  EXPECT_FALSE(read_identity_document(rsa2048, {other.certificate}))
      << "its own certificate counts for nothing";
  EXPECT_FALSE(read_identity_document(rsa2048, {}));
  auto tampered = rsa2048;
  tampered[200] = tampered[200] == 'A' ? 'B' : 'A';
  for (auto const& bad :
       {std::string(), std::string("x"), rsa2048.substr(0, rsa2048.size() / 2), tampered,
        std::string(20'000, 'A'), sim::sign_document(signer, "no JSON"),
        sim::sign_document(signer, "{}"),
        sim::sign_document(signer, "{\"accountId\":\"1\",\"region\":\"a\",\"instanceId\":\"b\"}"),
        sim::sign_document(signer, std::string("{\"region\":\"us-east-1\",") + (kDocument + 1))})
    EXPECT_FALSE(read_identity_document(bad, {signer.certificate})) << bad.substr(0, 80);
}

TEST(JoinIdentityDocument, AnOperatorAddsToTheCertificatesOfARegion) {
  test::TemporaryDirectory directory;
  Root const root(directory.path());
  EXPECT_FALSE(region_certificates(root, "eu-west-1"));
  auto const one = sim::make_document_signer().certificate;
  auto const two = sim::make_document_signer().certificate;
  auto put = [&](char const* folder, std::string const& pem) {
    std::filesystem::create_directories(root(folder));
    std::ofstream(root(std::string(folder) + "/eu-west-1.pem")) << pem;
  };
  put(kRegionCertificates, one);
  EXPECT_EQ(region_certificates(root, "eu-west-1")->size(), 1u);
  put(kMoreRegionCertificates, one + two);
  EXPECT_EQ(region_certificates(root, "eu-west-1")->size(), 3u);
  EXPECT_FALSE(region_certificates(root, "eu-west-2"));
  EXPECT_FALSE(region_certificates(root, "../eu-west-1"));
  EXPECT_FALSE(region_certificates(root, ""));
}

// Data of AWS, which nobody must change by the way: README.md there has their fingerprints.
TEST(JoinIdentityDocument, TheCertificatesOfAllRegionsAreAws) {
  auto const folder = test::source_dir() / "packaging/ec2-certificates";
  auto const readme = test::bytes_of(folder / "README.md");
  int count = 0;
  for (auto const& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".pem") continue;
    ++count;
    auto pem = test::bytes_of(entry.path());
    EXPECT_EQ(pki::split_bundle(pem)->size(), 1u) << entry.path();
    pem.erase(0, pem.find('\n'));
    pem.resize(pem.find("-----END"));
    auto const der = from_wrapped_base64(pem);
    ASSERT_TRUE(der) << entry.path();
    EXPECT_THAT(readme, testing::HasSubstr(fmt::format("| {} | {} |", entry.path().stem().string(),
                                                       sha256_hex(*der))));
  }
  EXPECT_GE(count, 39);
}

TEST(JoinIdentityDocument, AnInstancesIdIsOne) {
  EXPECT_TRUE(is_instance_id("i-0123456789abcdef0"));
  EXPECT_TRUE(is_instance_id("i-01234567"));
  for (auto const* bad : {"", "i-", "i-0123456789ABCDEF0", "i-0123456789abcdef", "vol-01234567",
                          "i-0123456789abcdef0/", "i-0123456789abcdeg0", "admin"})
    EXPECT_FALSE(is_instance_id(bad)) << bad;
}

TEST(JoinNames, ANameOrAnArnNamesARole) {
  EXPECT_TRUE(names("workers", "workers", "1"));
  EXPECT_FALSE(names("workers", "Workers", "1"));
  EXPECT_FALSE(names("workers", "", "1"));
  EXPECT_TRUE(names("arn:aws:iam::1:role/workers", "workers", "1"));
  EXPECT_TRUE(names("arn:aws:iam::1:role/a/b/workers", "workers", "1"));
  EXPECT_FALSE(names("arn:aws:iam::1:role/workers", "workers", "2"));
  EXPECT_FALSE(names("arn:aws:iam::1:role/a-workers", "workers", "1"));
  EXPECT_FALSE(names("arn:aws:iam::1:role", "role", "1"));
}

}  // namespace
}  // namespace haagent::bootstrap::join
