#include "bootstrap/join/master/service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <openssl/rsa.h>

#include "tests/support/foreign_request.h"
#include "tests/unit/bootstrap/join/master/world.h"

namespace haagent::bootstrap::join {
namespace {

using namespace std::chrono_literals;
using JoinExchange = testing_world::JoinWorld;
using testing_world::kId;
using testing_world::kNode;
using testing_world::place;

TEST_F(JoinExchange, AWorkerGetsThreeCertificatesAndTheAuthority) {
  auto const reply = raw(text_of(good()));
  ASSERT_EQ(reply.status, 200) << reply.body;
  auto const grant = read_grant(reply.body).value();
  EXPECT_EQ(grant.node, kNode);
  EXPECT_EQ(grant.ca, ca_.certificate);
  for (auto const& each : {grant.certificates.kubelet, grant.certificates.kubelet_serving,
                           grant.certificates.kube_proxy})
    EXPECT_TRUE(pki::verify(each, grant.ca, clock_.utc()));
  EXPECT_TRUE(pki::is_for_key(grant.certificates.kubelet, key_));
  auto const kubelet = pki::parse_certificate(grant.certificates.kubelet).value();
  EXPECT_EQ(kubelet.common_name, std::string("system:node:") + kNode);
  EXPECT_EQ(kubelet.organization, "system:nodes");
  EXPECT_EQ(kubelet.not_after, clock_.utc() + 24h);
  auto const& record = registry_.records.at(kId).record;
  EXPECT_EQ(record->node, kNode);
  EXPECT_EQ(record->key_hash, kubelet.key_hash);
  ASSERT_EQ(told_.size(), 1u);
  EXPECT_EQ(told_[0].message.reason, Reason::JoinGranted);
  EXPECT_EQ(told_[0].instance_id, kId);
  EXPECT_EQ(told_[0].address, "10.0.0.5");
}

// A kubelet must not be newer than any apiserver that it may come to.
TEST_F(JoinExchange, AWorkerHearsOfTheOldestApiserver) {
  auto version = [&] {
    auto const reply = raw(text_of(good()));
    EXPECT_EQ(reply.status, 200) << reply.body;
    clock_.advance(1s);  // another proof
    return read_grant(reply.body).value().kubernetes_version;
  };
  EXPECT_EQ(version(), "1.33.2") << "of this master, where none has claimed any";
  oldest_apiserver_ = "1.32.9";
  EXPECT_EQ(version(), "1.32.9");
  oldest_apiserver_ = fail(Kind::transient, "no quorum");
  EXPECT_EQ(join(good()), (Outcome{503, Reason::JoinAwaitsEtcd}));
}

TEST_F(JoinExchange, TheOfferProvesTheMaster) {
  auto const reply = service_.offer(connection_, {});
  ASSERT_EQ(reply.status, 200) << reply.body;
  auto const offer = read_offer(reply.body).value();
  EXPECT_EQ(offer.nonce, connection_.nonce);
  EXPECT_EQ(offer.server_key, connection_.server_key);
  auto const caller = sts_.caller_identity(
      master_header("prod.example.com", offer.nonce, offer.server_key), offer.proof, {});
  ASSERT_TRUE(caller);
  EXPECT_EQ(aws::assumed_role_of(*caller)->role, "masters");
  // For another key, nonce or cluster it is none.
  for (auto const& header : {master_header("other", offer.nonce, offer.server_key),
                             master_header("prod.example.com", "x", offer.server_key),
                             master_header("prod.example.com", offer.nonce, "x")})
    EXPECT_FALSE(sts_.caller_identity(header, offer.proof, {}));
}

// Everything that a proof is bound to, changed after it was signed.
TEST_F(JoinExchange, AProofIsGoodForNoOtherRequest) {
  auto changed = [&](auto change) {
    auto it = good();
    change(it);
    return join(it);
  };
  auto const other_key = pki::make_request("", "", pki::make_key().value()).value();
  Outcome const rejected{403, Reason::JoinProofRejected};
  EXPECT_EQ(changed([&](Ask& it) { it.requests.kubelet = other_key; }), rejected);
  EXPECT_EQ(changed([&](Ask& it) { it.requests.kubelet_serving = other_key; }), rejected);
  EXPECT_EQ(changed([&](Ask& it) { it.requests.kube_proxy = other_key; }), rejected);
  EXPECT_EQ(changed([&](Ask& it) { it.document = document() + "\n"; }), rejected);
  EXPECT_EQ(changed([](Ask& it) {
              auto& digit = it.proof->signature[0];
              digit = digit == '0' ? '1' : '0';
            }),
            rejected);
  EXPECT_EQ(changed([](Ask& it) { it.proof->access_key_id = "ASIA9999999999999999"; }), rejected);
  EXPECT_EQ(changed([](Ask& it) { it.cluster = "other.example.com"; }),
            (Outcome{403, Reason::JoinClusterDiffers}));
  EXPECT_EQ(changed([](Ask& it) { it.nonce = std::string(64, '9'); }),
            (Outcome{403, Reason::JoinNonceDiffers}));
  EXPECT_EQ(changed([](Ask& it) { it.server_key = std::string(64, '9'); }),
            (Outcome{403, Reason::JoinMasterDiffers}));
  // Signed for another nonce, and sent with this one.
  auto earlier = ask();
  earlier.nonce = std::string(64, '9');
  auto late = ask();
  late.proof = proven(earlier, worker_).proof;
  EXPECT_EQ(join(late), rejected);
  EXPECT_TRUE(registry_.records.empty());
}

TEST_F(JoinExchange, AProofIsGoodOnce) {
  auto const it = good();
  EXPECT_EQ(join(it).status, 200);
  EXPECT_EQ(join(it), (Outcome{403, Reason::JoinProofReplayed}));
  EXPECT_EQ(sts_.asked, 1);
}

// The master's proof is public: whoever asks for an offer has one.
TEST_F(JoinExchange, AMastersProofIsNoWorkers) {
  auto const offer = read_offer(service_.offer(connection_, {}).body).value();
  auto it = ask();
  it.proof = offer.proof;
  EXPECT_EQ(join(it), (Outcome{403, Reason::JoinProofRejected}));
  EXPECT_EQ(join(proven(ask(), master_.keys)), (Outcome{403, Reason::CallerRoleUnfit}));
}

TEST_F(JoinExchange, OtherCallersAreRefused) {
  EXPECT_EQ(join(proven(ask(), sts_.add("workers", kId, "210987654321"))),
            (Outcome{403, Reason::CallerAccountDiffers}));
  EXPECT_EQ(join(proven(ask(), sts_.add("batch", kId))), (Outcome{403, Reason::CallerRoleUnfit}));
  EXPECT_EQ(join(proven(ask(), sts_.add("workers", "eve"))),
            (Outcome{403, Reason::CallerNotInstance}));
  EXPECT_EQ(join(proven(ask(), sts_.add("workers", "i-0fffffffffffffff0"))),
            (Outcome{403, Reason::CallerInstanceDiffers}));
}

TEST_F(JoinExchange, ADocumentIsTheRegionsAndUnchanged) {
  auto with = [&](std::string document) {
    auto it = ask();
    it.document = std::move(document);
    return join(proven(it, worker_));
  };
  auto tampered = document();
  tampered[200] = tampered[200] == 'A' ? 'B' : 'A';
  EXPECT_EQ(with(tampered), (Outcome{403, Reason::IdentityDocumentInvalid}));
  EXPECT_EQ(with(sim::sign_document(sim::make_document_signer(), document_text(kId))),
            (Outcome{403, Reason::IdentityDocumentInvalid}));
  EXPECT_EQ(with(sim::sign_document(region_, document_text(kId, "us-east-1"))),
            (Outcome{403, Reason::IdentityDocumentDiffers}));
  EXPECT_EQ(with(sim::sign_document(region_, document_text(kId, "eu-west-1", "210987654321"))),
            (Outcome{403, Reason::IdentityDocumentDiffers}));
  EXPECT_EQ(sts_.asked, 0) << "who has no document of ours costs STS nothing";
}

TEST_F(JoinExchange, Ec2HasTheLastWord) {
  auto const instance = ec2_.instance(kId);
  auto with = [&](auto change) {
    auto it = instance;
    change(it);
    ec2_.add(it);
    auto const outcome = join(good());
    clock_.advance(1s);  // for another signature
    return outcome;
  };
  EXPECT_EQ(with([](auto& it) { it.state = "terminated"; }),
            (Outcome{403, Reason::InstanceNotRunning}));
  EXPECT_EQ(with([](auto& it) { it.state = "stopped"; }),
            (Outcome{403, Reason::InstanceNotRunning}));
  EXPECT_EQ(with([](auto& it) { it.tags.clear(); }), (Outcome{403, Reason::InstanceNotOwned}));
  EXPECT_EQ(with([](auto& it) { it.profile_arn = "arn:aws:iam::1:instance-profile/masters"; }),
            (Outcome{403, Reason::InstanceProfileUnfit}));
  EXPECT_EQ(with([](auto& it) { it.ipv4 = "10.0.0.6"; }),
            (Outcome{403, Reason::CallerAddressDiffers}));
  auto const unknown = std::string("i-0aaaaaaaaaaaaaaa0");
  auto it = ask();
  it.document = document(unknown);
  EXPECT_EQ(join(proven(it, sts_.add("workers", unknown))),
            (Outcome{503, Reason::InstanceNotKnown}));
}

TEST_F(JoinExchange, TheInstanceItselfMustAnswer) {
  network_.answers = false;
  EXPECT_EQ(join(good()), (Outcome{503, Reason::CallbackNotAnswered}));
  network_.answers = true;
  clock_.advance(1s);
  network_.answering_key = pki::make_key().value();
  EXPECT_EQ(join(good()), (Outcome{403, Reason::CallbackKeyDiffers}));
  clock_.advance(1s);
  network_.answering_key = key_;
  network_.nonce = std::string(64, '9');  // it asks somebody else, or nobody
  EXPECT_EQ(join(good()), (Outcome{403, Reason::CallbackKeyDiffers}));
  EXPECT_TRUE(registry_.records.empty());
}

TEST_F(JoinExchange, RequestsForMoreAreRefused) {
  auto with = [&](auto change) {
    auto it = ask();
    change(it.requests);
    auto const outcome = join(proven(it, worker_));
    clock_.advance(1s);
    return outcome;
  };
  auto const key = pki::make_key().value();
  Outcome const unfit{403, Reason::CertificateRequestUnfit};
  EXPECT_EQ(with([&](auto& it) {
              it.kubelet = pki::make_request("system:node:other", "system:nodes", key).value();
            }),
            unfit);
  EXPECT_EQ(
      with([&](auto& it) { it.kubelet = pki::make_request("", "system:masters", key).value(); }),
      unfit);
  EXPECT_EQ(with([&](auto& it) {
              it.kube_proxy = pki::make_request("kubernetes-admin", "", key).value();
            }),
            unfit);
  EXPECT_EQ(with([&](auto& it) { it.kubelet_serving = "no PEM"; }), unfit);
  EXPECT_EQ(with([&](auto& it) {
              it.kube_proxy = pki::make_request("\x1b[2J\r\njoin instance=", "", key).value();
            }),
            unfit)
      << "and the refusal can be read";
  auto foreign = [](int extension, char const* value) {
    return test::Foreign(EVP_EC_gen("P-256")).extension(extension, value).pem();
  };
  EXPECT_EQ(with([&](auto& it) {
              it.kubelet_serving = foreign(NID_subject_alt_name, "DNS:kubernetes.default.svc");
            }),
            unfit);
  EXPECT_EQ(
      with([&](auto& it) { it.kube_proxy = foreign(NID_basic_constraints, "critical,CA:TRUE"); }),
      unfit);
  EXPECT_EQ(with([&](auto& it) { it.kubelet = test::Foreign(EVP_RSA_gen(1024)).pem(); }), unfit);
  EXPECT_TRUE(registry_.records.empty());
}

TEST_F(JoinExchange, ASecondKeyOfAReadyNodeIsRefused) {
  EXPECT_EQ(join(good()).status, 200);
  clock_.advance(1h);
  network_.node_ready = "True";
  EXPECT_EQ(join(good()).status, 200) << "the same key";
  key_ = pki::make_key().value();
  network_.answering_key = key_;
  clock_.advance(1h);
  EXPECT_EQ(join(good()), (Outcome{403, Reason::NodeKeyDiffers}));
  network_.apiserver_is_down = true;
  clock_.advance(1s);
  EXPECT_EQ(join(good()), (Outcome{503, Reason::Unavailable}));
  network_.apiserver_is_down = false;
  network_.node_ready = "Unknown";
  clock_.advance(1s);
  EXPECT_EQ(join(good()).status, 200) << "a machine whose disk was lost comes back";
}

// Its record is there, and no Node yet.
TEST_F(JoinExchange, OfTwoKeysAtOnceOneIsSigned) {
  EXPECT_EQ(join(good()).status, 200);
  auto const first = registry_.records.at(kId).record->key_hash;
  key_ = pki::make_key().value();
  network_.answering_key = key_;
  clock_.advance(1s);
  EXPECT_EQ(join(good()), (Outcome{503, Reason::Conflict}));
  EXPECT_EQ(registry_.records.at(kId).record->key_hash, first);
}

TEST_F(JoinExchange, AnOperatorsNoCostsNothing) {
  registry_.records[kId] = {.instance_id = kId, .record = {}, .denied = "stolen"};
  EXPECT_EQ(join(good()), (Outcome{403, Reason::JoinDenied}));
  EXPECT_EQ(sts_.asked, 0);
}

TEST_F(JoinExchange, AClockThatIsOffIsNamed) {
  for (auto off : {-10min, 10min}) {
    auto it = ask();
    it.proof = aws::sign_caller_identity(place(), worker_header(it), worker_, clock_.utc() + off);
    EXPECT_EQ(join(it), (Outcome{403, Reason::JoinProofStale}));
  }
  EXPECT_EQ(sts_.asked, 0);
}

TEST_F(JoinExchange, WhoCannotBeAskedIsAskedAgain) {
  registry_.trouble = Error{Kind::transient, "no quorum"};
  EXPECT_EQ(join(good()), (Outcome{503, Reason::JoinAwaitsEtcd}));
  registry_.trouble.reset();
  sts_.trouble = Error{Kind::transient, "503"};
  EXPECT_EQ(join(good()), (Outcome{503, Reason::JoinAwaitsSts}));
  sts_.trouble.reset();
  clock_.advance(1s);
  ec2_.throttle(1);
  EXPECT_EQ(join(good()), (Outcome{503, Reason::JoinAwaitsEc2}));
}

TEST_F(JoinExchange, ATokenIsAProofToo) {
  auto const asked = proven_by_token(ask());
  EXPECT_EQ(join(asked), (Outcome{200, {}}));
  EXPECT_EQ(sts_.asked, 0) << "nobody is asked but for the issuer's keys";
  EXPECT_EQ(join(asked), (Outcome{403, Reason::JoinProofReplayed}));
  EXPECT_EQ(join(proven_by_token(ask())), (Outcome{200, {}}));
  EXPECT_EQ(network_.issuer_asked, 1);
}

TEST_F(JoinExchange, ATokenIsGoodForNoOtherRequest) {
  auto const good = proven_by_token(ask());
  auto swapped = good;
  swapped.requests.kubelet_serving = swapped.requests.kube_proxy;
  EXPECT_EQ(join(swapped), (Outcome{403, Reason::JoinTokenInvalid}));
  auto document = good;
  document.document = sim::sign_document(region_, document_text("i-00000000000000009"));
  EXPECT_EQ(join(document), (Outcome{403, Reason::JoinTokenInvalid}));
  auto cut = good;
  cut.token.pop_back();
  EXPECT_EQ(join(cut), (Outcome{403, Reason::JoinTokenInvalid}));
  EXPECT_TRUE(registry_.records.empty());
}

TEST_F(JoinExchange, ATokenIsVerifiedBeforeAnybodyIsAsked) {
  registry_.trouble = Error{Kind::transient, "no quorum"};
  auto bad = proven_by_token(ask());
  bad.token.back() = bad.token.back() == 'A' ? 'B' : 'A';
  EXPECT_EQ(join(bad), (Outcome{403, Reason::JoinTokenInvalid}));
  EXPECT_EQ(join(proven_by_token(ask())), (Outcome{503, Reason::JoinAwaitsEtcd}));
  EXPECT_EQ(sts_.asked, 0);
}

TEST_F(JoinExchange, TokensOfOthersAreRefused) {
  auto by = [&](auto change) {
    auto const was = std::tuple(tokens_.account, tokens_.role, tokens_.instance, tokens_.address);
    change(tokens_);
    auto const outcome = join(proven_by_token(ask()));
    std::tie(tokens_.account, tokens_.role, tokens_.instance, tokens_.address) = was;
    return outcome;
  };
  EXPECT_EQ(by([](auto& of) { of.account = "210987654321"; }),
            (Outcome{403, Reason::CallerAccountDiffers}));
  EXPECT_EQ(by([](auto& of) { of.role = "masters"; }), (Outcome{403, Reason::CallerRoleUnfit}));
  EXPECT_EQ(by([](auto& of) { of.instance = "i-00000000000000009"; }),
            (Outcome{403, Reason::CallerInstanceDiffers}));
  EXPECT_EQ(by([](auto& of) { of.instance = "mi-1"; }), (Outcome{403, Reason::CallerNotInstance}));
  EXPECT_EQ(by([](auto& of) { of.address = "10.0.0.6"; }),
            (Outcome{403, Reason::CallerAddressDiffers}));
  sim::TokenIssuer other{/*enabled=*/true};
  other.rotate_keys();  // two of one process have the same at first
  auto foreign = ask();
  foreign.token = other.sign(sim::SigningAlgorithm::rs256,
                             tokens_.claims({.audience = token_audience(foreign.cluster),
                                             .tag = kTokenTag,
                                             .tag_value = worker_header(foreign).value,
                                             .life = kTokenLife}));
  EXPECT_EQ(join(foreign), (Outcome{403, Reason::JoinTokenInvalid})) << "another issuer's key";
  EXPECT_TRUE(registry_.records.empty());
}

TEST_F(JoinExchange, WithoutItsIssuerAMasterTakesNoToken) {
  auto none = deps(network_);
  none.issuer_keys = nullptr;
  JoinService service(settings(), std::move(none));
  EXPECT_FALSE(read_offer(service.offer(connection_, {}).body)->takes_tokens);
  EXPECT_EQ(outcome(service.join(text_of(proven_by_token(ask())), connection_, {})),
            (Outcome{403, Reason::JoinTokenInvalid}));
  EXPECT_TRUE(read_offer(service_.offer(connection_, {}).body)->takes_tokens);
  network_.issuer = nullptr;
  EXPECT_EQ(join(proven_by_token(ask())), (Outcome{503, Reason::JoinAwaitsSts}));
}

TEST_F(JoinExchange, WhatCannotBeReadIsRefusedAsAWhole) {
  for (auto const& body : {std::string(), std::string("{}"), std::string(40'000, '{'),
                           text_of(good()).insert(1, "\"Action\":\"GetCallerIdentity\","),
                           text_of(good()).insert(1, "\"cluster\":\"other\",")})
    EXPECT_EQ(outcome(raw(body)), (Outcome{400, Reason::JoinRequestInvalid}));
}

TEST_F(JoinExchange, ANodeRenewsWhatIsItsOwn) {
  auto const grant = read_grant(raw(text_of(good())).body).value();
  auto const key = pki::make_key().value();
  RenewAsk const asked{.cluster = "prod.example.com",
                       .instance_id = kId,
                       .kubelet_serving = pki::make_request("", "", key).value(),
                       .kube_proxy = pki::make_request("", "", key).value()};
  auto renew = [&](RenewAsk const& ask, std::string const& certificate) {
    return service_.renew(text_of(ask), certificate, connection_, {});
  };
  auto const reply = renew(asked, grant.certificates.kubelet);
  ASSERT_EQ(reply.status, 200) << reply.body;
  auto const renewal = read_renewal(reply.body).value();
  EXPECT_TRUE(pki::is_for_key(renewal.kubelet_serving, key));
  EXPECT_EQ(pki::parse_certificate(renewal.kubelet_serving)->common_name,
            std::string("system:node:") + kNode);
  EXPECT_EQ(pki::parse_certificate(renewal.kube_proxy)->common_name, "system:kube-proxy");

  Outcome const invalid{403, Reason::JoinRequestInvalid};
  EXPECT_EQ(outcome(renew(asked, "")), invalid);
  EXPECT_EQ(outcome(renew(asked, grant.certificates.kube_proxy)), invalid);
  EXPECT_EQ(outcome(renew(asked, grant.certificates.kubelet_serving)), invalid);
  auto other = asked;
  auto instance = ec2_.instance(kId);
  instance.id = "i-0bbbbbbbbbbbbbbb0";
  instance.private_dns_name = "ip-10-0-0-9.eu-west-1.compute.internal";
  ec2_.add(instance);
  other.instance_id = instance.id;
  EXPECT_EQ(outcome(renew(other, grant.certificates.kubelet)),
            (Outcome{403, Reason::CallerInstanceDiffers}));
  registry_.records.at(kId).denied = "stolen";
  EXPECT_EQ(outcome(renew(asked, grant.certificates.kubelet)), (Outcome{403, Reason::JoinDenied}));
  registry_.records.at(kId).denied = "";
  ec2_.set_instance_state(kId, "terminated");
  EXPECT_EQ(outcome(renew(asked, grant.certificates.kubelet)),
            (Outcome{403, Reason::InstanceNotRunning}));
}

// Whoever had the node's name before has its certificate still, and not its place.
TEST_F(JoinExchange, ACertificateFromBeforeRenewsNothing) {
  auto const old_key = pki::make_key().value();
  pki::LeafSpec const spec{.common_name = std::string("system:node:") + kNode,
                           .organization = "system:nodes",
                           .dns_names = {},
                           .addresses = {},
                           .client = true};
  auto const old = pki::make_leaf(spec, old_key, ca_, clock_.utc() - 2h, 24h).value();
  ASSERT_EQ(join(good()).status, 200);
  auto const record = registry_.records.at(kId).record;
  RenewAsk const asked{.cluster = "prod.example.com",
                       .instance_id = kId,
                       .kubelet_serving = pki::make_request("", "", old_key).value(),
                       .kube_proxy = pki::make_request("", "", old_key).value()};
  EXPECT_EQ(outcome(service_.renew(text_of(asked), old, connection_, {})),
            (Outcome{403, Reason::NodeKeyDiffers}));
  EXPECT_EQ(registry_.records.at(kId).record, record);
  // Nor from another machine.
  auto const young = pki::make_leaf(spec, old_key, ca_, clock_.utc() + 1s, 24h).value();
  auto elsewhere = connection_;
  elsewhere.address = "10.0.0.6";
  EXPECT_EQ(outcome(service_.renew(text_of(asked), young, elsewhere, {})),
            (Outcome{403, Reason::CallerAddressDiffers}));
  EXPECT_EQ(service_.renew(text_of(asked), young, connection_, {}).status, 200);
}

// EC2 gives a new instance its name a moment after it shows it.
TEST_F(JoinExchange, AnInstanceWithoutANameIsTooYoung) {
  auto instance = ec2_.instance(kId);
  instance.state = "pending";
  instance.private_dns_name = "";
  ec2_.add(instance);
  EXPECT_EQ(join(good()), (Outcome{503, Reason::InstanceNotKnown}));
  instance.private_dns_name = kNode;
  ec2_.add(instance);
  clock_.advance(1s);
  EXPECT_EQ(join(good()).status, 200);
}

// That a master may not ask EC2 says nothing of the machine.
TEST_F(JoinExchange, AMastersOwnTroubleRefusesNobody) {
  ec2_.fail_next("DescribeInstances", "UnauthorizedOperation", "not allowed");
  EXPECT_EQ(join(good()).status, 503);
  registry_.trouble = Error{Kind::invalid, "a record that cannot be read"};
  EXPECT_EQ(join(good()).status, 503);
}

// The kubelet has a new key by the apiserver, of which the record hears at the next renewal.
TEST_F(JoinExchange, TheRecordFollowsTheKeyThatRenews) {
  raw(text_of(good()));
  auto const key = pki::make_key().value();
  pki::LeafSpec const spec{.common_name = std::string("system:node:") + kNode,
                           .organization = "system:nodes",
                           .dns_names = {},
                           .addresses = {},
                           .client = true};
  auto const rotated = pki::make_leaf(spec, key, ca_, clock_.utc(), 24h).value();
  RenewAsk const asked{.cluster = "prod.example.com",
                       .instance_id = kId,
                       .kubelet_serving = pki::make_request("", "", key).value(),
                       .kube_proxy = pki::make_request("", "", key).value()};
  EXPECT_EQ(service_.renew(text_of(asked), rotated, connection_, {}).status, 200);
  EXPECT_EQ(registry_.records.at(kId).record->key_hash, pki::parse_certificate(rotated)->key_hash);
}

}  // namespace
}  // namespace haagent::bootstrap::join
