#include "bootstrap/join/master/token.h"

#include <gtest/gtest.h>

#include "bootstrap/join/exchange/binding.h"

namespace haagent::bootstrap::join {
namespace {

using namespace std::chrono_literals;

constexpr char kIssuer[] = "https://0f1e.tokens.sts.global.api.aws";
constexpr char kAwsClaims[] = "https://sts.amazonaws.com/";
constexpr std::int64_t kMade = 1'768'471'200;
UtcTime const kNow{std::chrono::seconds(kMade + 5)};

Cluster cluster() {
  return {.name = "prod.example.com",
          .partition = "aws",
          .account = "123456789012",
          .region = "eu-west-1",
          .worker_roles = {"workers"},
          .worker_profiles = {"workers"}};
}

Ask asked() {
  return {.cluster = "prod.example.com",
          .nonce = std::string(64, '1'),
          .server_key = std::string(64, '2'),
          .document = "document",
          .requests = {.kubelet = "a", .kubelet_serving = "b", .kube_proxy = "c"},
          .proof = {},
          .token = "token"};
}

Tree claims() {
  return Tree::map(
      {{"iss", kIssuer},
       {"aud", "haagent:prod.example.com"},
       {"sub", "arn:aws:iam::123456789012:role/path/workers"},
       {"iat", kMade},
       {"exp", kMade + 60},
       {"jti", "f00d"},
       {kAwsClaims,
        Tree::map({{"aws_account", "123456789012"},
                   {"source_region", "eu-west-1"},
                   {"ec2_source_instance_arn",
                    "arn:aws:ec2:eu-west-1:123456789012:instance/i-0123456789abcdef0"},
                   {"ec2_instance_source_private_ipv4", "10.0.0.5"},
                   {"ec2_role_delivery", "2.0"},
                   {"request_tags", Tree::map({{kTokenTag, worker_header(asked()).value}})}})}});
}
Tree with(std::string_view key, Tree value) {
  auto tree = claims();
  tree.set(key, std::move(value));
  return tree;
}
Tree with_aws(std::string_view key, Tree value) {
  auto tree = claims();
  tree[kAwsClaims].set(key, std::move(value));
  return tree;
}

// Nothing: the token is taken.
std::optional<Reason> reason_of(Tree const& tree, UtcTime now = kNow) {
  auto const read = read_claims(tree);
  if (!read) return read.error().message.reason;
  auto const checked = check_token(*read, kIssuer, cluster(), asked(), now);
  if (!checked) return checked.error().message.reason;
  return std::nullopt;
}

TEST(JoinToken, SaysWhichInstanceWithWhichRoleAsks) {
  auto const read = read_claims(claims());
  ASSERT_TRUE(read) << read.error().message.text;
  EXPECT_EQ(read->caller, (aws::AssumedRole{.partition = "aws",
                                            .account = "123456789012",
                                            .role = "workers",
                                            .session = "i-0123456789abcdef0"}));
  EXPECT_EQ(read->address, "10.0.0.5");
  EXPECT_EQ(reason_of(claims()), std::nullopt);
  // As AWS may write the same.
  EXPECT_EQ(reason_of(with("aud", Tree::list({"haagent:prod.example.com"}))), std::nullopt);
  EXPECT_EQ(reason_of(with_aws("ec2_role_delivery", "2")), std::nullopt);
  EXPECT_EQ(reason_of(with_aws("ec2_role_delivery", 2)), std::nullopt);
  EXPECT_EQ(reason_of(with_aws("principal_tags", Tree::map())), std::nullopt);
}

TEST(JoinToken, IsForThisRequestToThisCluster) {
  auto const invalid = std::optional(Reason::JoinTokenInvalid);
  EXPECT_EQ(reason_of(with("iss", "https://else.tokens.sts.global.api.aws")), invalid);
  EXPECT_EQ(reason_of(with("iss", std::string(kIssuer) + "/")), invalid);
  EXPECT_EQ(reason_of(with("aud", "haagent:other.example.com")), invalid);
  EXPECT_EQ(reason_of(with("aud", "sts.amazonaws.com")), invalid);
  EXPECT_EQ(reason_of(with("aud", Tree::list({"haagent:prod.example.com", "else"}))), invalid)
      << "somebody else may have had it";
  EXPECT_EQ(reason_of(with("aud", Tree::list())), invalid);
  EXPECT_EQ(reason_of(with_aws("request_tags", Tree::map())), invalid);
  EXPECT_EQ(reason_of(with_aws("request_tags", Tree::map({{kTokenTag, std::string(64, 'a')}}))),
            invalid);
  EXPECT_EQ(reason_of(with_aws("ec2_role_delivery", "1.0")), invalid);
  EXPECT_EQ(reason_of(with("exp", kMade + 61)), invalid);
  EXPECT_EQ(reason_of(with_aws("ec2_source_instance_arn",
                               "arn:aws:ec2:us-east-1:123456789012:instance/i-0123456789abcdef0")),
            invalid)
      << "an instance of another region";
}

TEST(JoinToken, EachPartOfTheRequestCounts) {
  auto const read = read_claims(claims()).value();
  auto other = [&](auto change) {
    auto ask = asked();
    change(ask);
    auto const checked = check_token(read, kIssuer, cluster(), ask, kNow);
    return !checked && checked.error().message.reason == Reason::JoinTokenInvalid;
  };
  EXPECT_TRUE(other([](Ask& ask) { ask.nonce[0] = '3'; }));
  EXPECT_TRUE(other([](Ask& ask) { ask.server_key[0] = '3'; }));
  EXPECT_TRUE(other([](Ask& ask) { ask.document = "else"; }));
  EXPECT_TRUE(other([](Ask& ask) { ask.requests.kubelet = "else"; }));
  EXPECT_TRUE(other([](Ask& ask) { ask.requests.kubelet_serving = "else"; }));
  EXPECT_TRUE(other([](Ask& ask) { ask.requests.kube_proxy = "else"; }));
}

TEST(JoinToken, ClocksMayBeMinutesApart) {
  auto const made = UtcTime(std::chrono::seconds(kMade));
  for (auto const& [off, taken] : {std::pair<std::chrono::seconds, bool>{0s, true},
                                   {300s, true},
                                   {-300s, true},
                                   {301s, false},
                                   {-301s, false},
                                   {600s, false},
                                   {-600s, false}}) {
    EXPECT_EQ(reason_of(claims(), made + off),
              taken ? std::nullopt : std::optional(Reason::JoinProofStale))
        << off.count();
  }
  EXPECT_EQ(reason_of(with("exp", kMade - 1)), Reason::JoinProofStale);
}

TEST(JoinToken, WhoIsNoInstanceIsNoWorker) {
  auto const nobody = std::optional(Reason::CallerNotInstance);
  for (auto const* sub :
       {"arn:aws:iam::123456789012:user/somebody", "arn:aws:iam::123456789012:root",
        "arn:aws:sts::123456789012:assumed-role/workers/i-0123456789abcdef0",
        "arn:aws:iam::123456789012:role/", "arn:aws:iam:eu-west-1:123456789012:role/workers",
        "workers", ""}) {
    EXPECT_EQ(reason_of(with("sub", sub)), nobody) << sub;
  }
  for (auto const* arn :
       {"", "arn:aws:lambda:eu-west-1:123456789012:function/workers",
        "arn:aws:ec2:eu-west-1:123456789012:volume/vol-1", "i-0123456789abcdef0"}) {
    EXPECT_EQ(reason_of(with_aws("ec2_source_instance_arn", arn)), nobody) << arn;
  }
}

TEST(JoinToken, ItsValuesAgree) {
  auto const invalid = std::optional(Reason::JoinTokenInvalid);
  EXPECT_EQ(reason_of(with_aws("aws_account", "210987654321")), invalid);
  EXPECT_EQ(reason_of(with_aws("ec2_source_instance_arn",
                               "arn:aws:ec2:eu-west-1:210987654321:instance/i-0123456789abcdef0")),
            invalid);
  EXPECT_EQ(
      reason_of(with_aws("ec2_source_instance_arn",
                         "arn:aws-cn:ec2:eu-west-1:123456789012:instance/i-0123456789abcdef0")),
      invalid);
}

TEST(JoinToken, WhatIsMissingOrNoneOfItsKindIsRefused) {
  for (auto const* key : {"iss", "jti", "iat", "exp", kAwsClaims, "aud"}) {
    auto tree = claims();
    tree.erase(key);
    EXPECT_EQ(reason_of(tree), Reason::JoinTokenInvalid) << key;
    EXPECT_EQ(reason_of(with(key, Tree::list())), Reason::JoinTokenInvalid) << key;
    EXPECT_EQ(reason_of(with(key, "a b")), Reason::JoinTokenInvalid) << key;
  }
  for (auto const& time :
       {Tree(0), Tree(-1), Tree(1.5), Tree("1768471200"), Tree(std::int64_t{4'102'444'800}),
        Tree(std::int64_t{17'768'471'260}), Tree(std::int64_t{1} << 62)}) {
    EXPECT_EQ(reason_of(with("iat", time)), Reason::JoinTokenInvalid);
    EXPECT_EQ(reason_of(with("exp", time)), Reason::JoinTokenInvalid);
  }
}

TEST(JoinToken, Ec2HasTheInstanceWhereTheTokenHasIt) {
  auto claims = TokenClaims();
  aws::Instance instance{.id = "i-0123456789abcdef0", .ipv4 = "10.0.0.5"};
  auto fits = [&](std::string address) {
    claims.address = std::move(address);
    auto const checked = check_token_address(claims, instance);
    return checked ? std::nullopt : std::optional(checked.error().message.reason);
  };
  EXPECT_EQ(fits("10.0.0.5"), std::nullopt);
  EXPECT_EQ(fits("10.0.0.6"), Reason::CallerAddressDiffers);
  EXPECT_EQ(fits("::ffff:a00:5x"), Reason::CallerAddressDiffers);
  EXPECT_EQ(fits(""), Reason::CallerAddressDiffers);
  instance.ipv4 = "";
  EXPECT_EQ(fits(""), std::nullopt) << "a subnet without IPv4";
}

}  // namespace
}  // namespace haagent::bootstrap::join
