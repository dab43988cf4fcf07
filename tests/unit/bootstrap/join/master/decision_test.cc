#include "bootstrap/join/master/decision.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bootstrap/pki/keys.h"

namespace haagent::bootstrap::join {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

constexpr char kId[] = "i-0123456789abcdef0";

Cluster cluster() {
  return {.name = "prod.example.com",
          .partition = "aws",
          .account = "123456789012",
          .region = "eu-west-1",
          .worker_roles = {"workers", "arn:aws:iam::123456789012:role/path/gpu"},
          .worker_profiles = {"workers"}};
}

template <class T>
std::optional<Reason> reason(Result<T> const& result) {
  if (result) return std::nullopt;
  return result.error().message.reason;
}

TEST(JoinDecision, ARequestIsForThisClusterMasterAndConnection) {
  Connection const connection{.nonce = "n", .server_key = "k", .address = "10.0.0.5"};
  auto of = [&](auto change) {
    Ask ask{.cluster = "prod.example.com",
            .nonce = "n",
            .server_key = "k",
            .document = {},
            .requests = {},
            .proof = {},
            .token = {}};
    change(ask);
    return reason(check_ask(ask, cluster(), connection));
  };
  EXPECT_EQ(of([](Ask&) {}), std::nullopt);
  EXPECT_EQ(of([](Ask& ask) { ask.cluster = "other"; }), Reason::JoinClusterDiffers);
  EXPECT_EQ(of([](Ask& ask) { ask.server_key = "x"; }), Reason::JoinMasterDiffers);
  EXPECT_EQ(of([](Ask& ask) { ask.nonce = "x"; }), Reason::JoinNonceDiffers);
}

TEST(JoinDecision, ARequestForACertificateNamesItsOwnerOrNobody) {
  auto const key = pki::make_key().value();
  auto of = [&](std::string const& name, std::string const& group) {
    return reason(check_request(pki::make_request(name, group, key).value(), "system:node:a",
                                "system:nodes"));
  };
  EXPECT_EQ(of("system:node:a", "system:nodes"), std::nullopt);
  EXPECT_EQ(of("", ""), std::nullopt);
  EXPECT_EQ(of("system:node:b", "system:nodes"), Reason::CertificateRequestUnfit);
  EXPECT_EQ(of("system:node:a", "system:masters"), Reason::CertificateRequestUnfit);
  EXPECT_EQ(reason(check_request("no PEM", "system:node:a", "system:nodes")),
            Reason::CertificateRequestUnfit);
  auto const none = pki::make_request("", "system:nodes", key).value();
  EXPECT_EQ(reason(check_request(none, "system:kube-proxy", "")), Reason::CertificateRequestUnfit);
}

TEST(JoinDecision, AProofIsMinutesOldAtTheMost) {
  auto const now = *parse_rfc3339("2026-01-15T10:15:00Z");
  auto of = [&](std::string time) {
    return reason(check_time({.access_key_id = {}, .time = std::move(time)}, now));
  };
  EXPECT_EQ(of("20260115T101500Z"), std::nullopt);
  EXPECT_EQ(of("20260115T101000Z"), std::nullopt);
  EXPECT_EQ(of("20260115T102000Z"), std::nullopt);
  EXPECT_EQ(of("20260115T100500Z"), Reason::JoinProofStale);
  EXPECT_EQ(of("20260115T102500Z"), Reason::JoinProofStale);
  EXPECT_NE(of("never"), std::nullopt);
}

TEST(JoinDecision, TheDocumentIsOfThisAccountAndRegion) {
  EXPECT_EQ(reason(check_document({"123456789012", "eu-west-1", kId}, cluster())), std::nullopt);
  EXPECT_EQ(reason(check_document({"210987654321", "eu-west-1", kId}, cluster())),
            Reason::IdentityDocumentDiffers);
  EXPECT_EQ(reason(check_document({"123456789012", "eu-west-2", kId}, cluster())),
            Reason::IdentityDocumentDiffers);
}

TEST(JoinDecision, TheCallerIsAnInstanceWithAWorkersRole) {
  IdentityDocument const document{"123456789012", "eu-west-1", kId};
  auto of = [&](aws::AssumedRole const& caller) {
    return reason(check_caller(caller, document, cluster()));
  };
  EXPECT_EQ(of({"aws", "123456789012", "workers", kId}), std::nullopt);
  EXPECT_EQ(of({"aws", "123456789012", "gpu", kId}), std::nullopt);
  EXPECT_EQ(of({"aws", "210987654321", "workers", kId}), Reason::CallerAccountDiffers);
  EXPECT_EQ(of({"aws-cn", "123456789012", "workers", kId}), Reason::CallerAccountDiffers);
  EXPECT_EQ(of({"aws", "123456789012", "masters", kId}), Reason::CallerRoleUnfit);
  EXPECT_EQ(of({"aws", "123456789012", "Workers", kId}), Reason::CallerRoleUnfit);
  EXPECT_EQ(of({"aws", "123456789012", "workers", "eve"}), Reason::CallerNotInstance);
  EXPECT_EQ(of({"aws", "123456789012", "workers", "i-00000000000000001"}),
            Reason::CallerInstanceDiffers);
  auto nobody = cluster();
  nobody.worker_roles.clear();
  EXPECT_EQ(reason(check_caller({"aws", "123456789012", "workers", kId}, document, nobody)),
            Reason::CallerRoleUnfit);
}

aws::Instance instance() {
  return {.id = kId,
          .state = "running",
          .type = {},
          .zone = {},
          .ipv4 = "10.0.0.5",
          .ipv6 = "fd00::5",
          .private_dns_name = "ip-10-0-0-5.eu-west-1.compute.internal",
          .profile_arn = "arn:aws:iam::123456789012:instance-profile/path/workers",
          .tags = {{"kubernetes.io/cluster/prod.example.com", "owned"}}};
}

TEST(JoinDecision, Ec2HasTheInstanceAsAWorkerOfThisCluster) {
  auto of = [&](auto change, std::string_view address = "10.0.0.5") {
    auto it = instance();
    change(it);
    return reason(check_instance(&it, kId, cluster(), address));
  };
  EXPECT_EQ(of([](aws::Instance&) {}), std::nullopt);
  EXPECT_EQ(of([](aws::Instance&) {}, "fd00::5"), std::nullopt);
  EXPECT_EQ(of([](aws::Instance&) {}, ""), std::nullopt) << "hidden by the load balancer";
  EXPECT_EQ(of([](aws::Instance& it) { it.state = "pending"; }), std::nullopt);
  EXPECT_EQ(reason(check_instance(nullptr, kId, cluster(), "10.0.0.5")), Reason::InstanceNotKnown);
  for (auto const* state : {"shutting-down", "terminated", "stopping", "stopped", ""})
    EXPECT_EQ(of([&](aws::Instance& it) { it.state = state; }), Reason::InstanceNotRunning);
  EXPECT_EQ(of([](aws::Instance& it) { it.tags.clear(); }), Reason::InstanceNotOwned);
  EXPECT_EQ(of([](aws::Instance& it) {
              it.tags = {{"kubernetes.io/cluster/prod.example.com", "shared"}};
            }),
            Reason::InstanceNotOwned);
  EXPECT_EQ(of([](aws::Instance& it) { it.tags = {{"kubernetes.io/cluster/other", "owned"}}; }),
            Reason::InstanceNotOwned);
  EXPECT_EQ(of([](aws::Instance& it) { it.profile_arn.clear(); }), Reason::InstanceProfileUnfit);
  EXPECT_EQ(of([](aws::Instance& it) {
              it.profile_arn = "arn:aws:iam::123456789012:instance-profile/masters";
            }),
            Reason::InstanceProfileUnfit);
  EXPECT_EQ(of([](aws::Instance&) {}, "10.0.0.6"), Reason::CallerAddressDiffers);
}

TEST(JoinDecision, AReadyNodeKeepsItsKey) {
  auto const now = *parse_rfc3339("2026-01-15T10:15:00Z");
  NodeRecord const old{.node = "a", .key_hash = "old", .since = now - 1h, .not_after = now - 1min};
  auto of = [&](std::optional<NodeRecord> const& record, NodeState state) {
    return decide_record(record, "new", state, now);
  };
  EXPECT_EQ(of({}, NodeState::absent), RecordMove::create);
  EXPECT_EQ(of({}, NodeState::not_ready), RecordMove::create);
  EXPECT_EQ(of(old, NodeState::absent), RecordMove::replace);
  EXPECT_EQ(of(old, NodeState::not_ready), RecordMove::replace);
  // The record's end says nothing: the kubelet renews through the apiserver.
  EXPECT_EQ(reason(of(old, NodeState::ready)), Reason::NodeKeyDiffers);
  EXPECT_EQ(reason(of({}, NodeState::ready)), Reason::NodeKeyDiffers) << "joined in another way";
  EXPECT_EQ(of({}, NodeState::anothers).error().kind, Kind::transient);
  EXPECT_EQ(reason(of(old, NodeState::anothers)), Reason::NodeNameTaken);
  EXPECT_EQ(of(old, NodeState::unknown).error().kind, Kind::transient);
  EXPECT_EQ(of({}, NodeState::unknown).error().kind, Kind::transient);

  auto same = old;
  same.key_hash = "new";
  for (auto state : {NodeState::absent, NodeState::ready, NodeState::not_ready, NodeState::anothers,
                     NodeState::unknown})
    EXPECT_EQ(of(same, state), RecordMove::keep);

  auto young = old;
  young.since = now - 1min;
  EXPECT_EQ(of(young, NodeState::absent).error().kind, Kind::transient)
      << "another master has just signed for another key";
  young.since = now + 1min;
  EXPECT_EQ(of(young, NodeState::absent).error().kind, Kind::transient) << "its clock is ahead";
}

TEST(JoinDecision, NamesComeFromEc2Alone) {
  auto const specs = specs_of(instance());
  EXPECT_EQ(specs.node.name, "ip-10-0-0-5.eu-west-1.compute.internal");
  auto const user = "system:node:" + specs.node.name;
  EXPECT_EQ(specs.kubelet.common_name, user);
  EXPECT_EQ(specs.kubelet.organization, "system:nodes");
  EXPECT_TRUE(specs.kubelet.client && !specs.kubelet.server);
  EXPECT_TRUE(specs.kubelet.dns_names.empty() && specs.kubelet.addresses.empty())
      << "Kubernetes signs no client certificate with alternative names";
  EXPECT_EQ(specs.kubelet_serving.common_name, user);
  EXPECT_EQ(specs.kubelet_serving.organization, "system:nodes");
  EXPECT_TRUE(specs.kubelet_serving.server && !specs.kubelet_serving.client);
  EXPECT_THAT(specs.kubelet_serving.dns_names, ElementsAre(specs.node.name));
  EXPECT_THAT(specs.kubelet_serving.addresses, ElementsAre("10.0.0.5", "fd00::5"));
  EXPECT_EQ(specs.kube_proxy.common_name, "system:kube-proxy");
  EXPECT_EQ(specs.kube_proxy.organization, "");
}

TEST(JoinDecision, ANodesCertificateIsTold) {
  pki::Certificate certificate{.common_name = "system:node:a",
                               .organization = "system:nodes",
                               .dns_names = {},
                               .addresses = {},
                               .client = true};
  EXPECT_EQ(node_of(certificate).value(), "a");
  auto of = [&](auto change) {
    auto other = certificate;
    change(other);
    return node_of(other).has_value();
  };
  EXPECT_FALSE(of([](auto& it) { it.client = false; }));
  EXPECT_FALSE(of([](auto& it) { it.organization = "system:masters"; }));
  EXPECT_FALSE(of([](auto& it) { it.common_name = "system:kube-proxy"; }));
  EXPECT_FALSE(of([](auto& it) { it.common_name = "kubernetes-admin"; }));
}

}  // namespace
}  // namespace haagent::bootstrap::join
