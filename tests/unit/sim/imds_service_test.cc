#include "tests/sim/imds_service.h"

#include <gmock/gmock.h>

#include "agent/base/json.h"
#include "tests/unit/sim/service_test.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class ImdsTest : public testing::Test {
 protected:
  ImdsTest() {
    world_.boot();
    me_ = world_.member("masters-a");
  }

  Response ask(std::string const& method, std::string const& path, Headers headers = {},
               std::string const& from = "") {
    Request request;
    request.source = from.empty() ? me_.address : from;
    request.wire = {method, path, "", std::move(headers), ""};
    return world_.imds.handle(request);
  }
  std::string token(std::string const& ttl = "21600", std::string const& from = "") {
    auto const response =
        ask("PUT", "/latest/api/token", {{"X-aws-ec2-metadata-token-ttl-seconds", ttl}}, from);
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(header_of(response.headers, "x-aws-ec2-metadata-token-ttl-seconds"), ttl);
    return response.body;
  }
  Response get(std::string const& path) {
    return ask("GET", "/latest/" + path, {{"X-aws-ec2-metadata-token", token()}});
  }
  void set(std::function<void(MetadataOptions&)> const& change) {
    ASSERT_TRUE(world_.region.set_metadata(me_.id, change));
  }

  ServiceWorld world_;
  Instance me_;
};

struct TokenRow {
  char const* name;
  char const* path;
  Headers headers;
  int status;
};
class ImdsTokens : public ImdsTest, public testing::WithParamInterface<TokenRow> {};

TEST_P(ImdsTokens, AreGivenOrRefused) {
  EXPECT_EQ(ask("PUT", GetParam().path, GetParam().headers).status, GetParam().status);
}

constexpr auto kTtl = "x-aws-ec2-metadata-token-ttl-seconds";
INSTANTIATE_TEST_SUITE_P(
    Table, ImdsTokens,
    testing::Values(TokenRow{"shortest", "/latest/api/token", {{kTtl, "1"}}, 200},
                    TokenRow{"longest", "/latest/api/token", {{kTtl, "21600"}}, 200},
                    TokenRow{"no_ttl", "/latest/api/token", {}, 400},
                    TokenRow{"zero", "/latest/api/token", {{kTtl, "0"}}, 400},
                    TokenRow{"too_long", "/latest/api/token", {{kTtl, "21601"}}, 400},
                    TokenRow{"not_a_number", "/latest/api/token", {{kTtl, "6h"}}, 400},
                    TokenRow{"versioned", "/2021-03-23/api/token", {{kTtl, "60"}}, 403},
                    TokenRow{"forwarded",
                             "/latest/api/token",
                             {{kTtl, "60"}, {"X-Forwarded-For", "1.2.3.4"}},
                             403},
                    TokenRow{"elsewhere", "/latest/meta-data", {{kTtl, "60"}}, 405}),
    [](auto const& row) { return row.param.name; });

TEST_F(ImdsTest, DataNeedsATokenOfThisInstanceThatHasNotExpired) {
  EXPECT_EQ(ask("GET", "/latest/meta-data/instance-id").status, 401);
  EXPECT_EQ(ask("GET", "/latest/meta-data/instance-id", {{"x-aws-ec2-metadata-token", "x"}}).status,
            401);
  auto const other = world_.member("masters-b");
  EXPECT_EQ(ask("GET", "/latest/meta-data/instance-id",
                {{"x-aws-ec2-metadata-token", token("60", other.address)}})
                .status,
            401);
  auto const mine = token("60");
  auto const good =
      ask("GET", "/latest/meta-data/instance-id", {{"x-aws-ec2-metadata-token", mine}});
  EXPECT_EQ(good.status, 200);
  EXPECT_EQ(good.body, me_.id);
  EXPECT_EQ(header_of(good.headers, "content-type"), "text/plain");
  world_.clock.advance(60s);
  EXPECT_EQ(
      ask("GET", "/latest/meta-data/instance-id", {{"x-aws-ec2-metadata-token", mine}}).status,
      401);
}

TEST_F(ImdsTest, VersionOneIsAnsweredOnlyWhereItIsAllowed) {
  set([](auto& options) { options.tokens_required = false; });
  EXPECT_EQ(ask("GET", "/latest/meta-data/instance-id").status, 200);
  EXPECT_EQ(ask("GET", "/latest/meta-data/instance-id", {{"x-aws-ec2-metadata-token", "x"}}).status,
            401);
}

TEST_F(ImdsTest, TheSourceAddressDecidesWhoAsks) {
  auto const other = world_.member("masters-b");
  auto const answer =
      ask("GET", "/latest/meta-data/instance-id",
          {{"x-aws-ec2-metadata-token", token("60", other.address)}}, other.address);
  EXPECT_EQ(answer.body, other.id);
  EXPECT_EQ(ask("PUT", "/latest/api/token", {{kTtl, "60"}}, "192.0.2.7").delivery,
            Response::Delivery::close);
}

TEST_F(ImdsTest, OffIsForbiddenAndAFarAwayTokenNeverArrives) {
  set([](auto& options) { options.enabled = false; });
  EXPECT_EQ(ask("PUT", "/latest/api/token", {{kTtl, "60"}}).status, 403);
  set([](auto& options) {
    options.enabled = true;
    options.hops = 2;
  });
  EXPECT_EQ(ask("PUT", "/latest/api/token", {{kTtl, "60"}}).delivery, Response::Delivery::silence);
  set([](auto& options) { options.hop_limit = 2; });
  EXPECT_EQ(ask("PUT", "/latest/api/token", {{kTtl, "60"}}).delivery, Response::Delivery::answer);
}

TEST_F(ImdsTest, ItemsOfTheMasterInTheFirstZone) {
  std::string const mac = "06:00:0a:00:00:0a";
  std::vector<std::pair<std::string, std::string>> const rows = {
      {"meta-data/instance-id", me_.id},
      {"meta-data/instance-type", "m6i.large"},
      {"meta-data/instance-life-cycle", "on-demand"},
      {"meta-data/ami-id", "ami-0123456789abcdef0"},
      {"meta-data/placement/region", "eu-west-1"},
      {"meta-data/placement/availability-zone", "eu-west-1a"},
      {"meta-data/placement/availability-zone-id", "euw1-az1"},
      {"meta-data/local-ipv4", "10.0.0.10"},
      {"meta-data/local-hostname", "ip-10-0-0-10.eu-west-1.compute.internal"},
      {"meta-data/hostname", "ip-10-0-0-10.eu-west-1.compute.internal"},
      {"meta-data/mac", mac},
      {"meta-data/network/interfaces/macs/", mac + "/"},
      {"meta-data/network/interfaces/macs/" + mac + "/device-number", "0"},
      {"meta-data/network/interfaces/macs/" + mac + "/subnet-ipv4-cidr-block", "10.0.0.0/20"},
      {"meta-data/network/interfaces/macs/" + mac + "/vpc-ipv4-cidr-blocks", "10.0.0.0/8"},
      {"meta-data/network/interfaces/macs/" + mac + "/local-ipv4s", "10.0.0.10"},
      {"meta-data/services/partition", "aws"},
      {"meta-data/services/domain", "amazonaws.com"},
      {"meta-data/autoscaling/target-lifecycle-state", "InService"},
      {"meta-data/autoscaling/", "target-lifecycle-state"},
      {"meta-data/placement/", "availability-zone\navailability-zone-id\nregion"},
      {"meta-data/placement", "availability-zone\navailability-zone-id\nregion"},
      {"meta-data/block-device-mapping/", "ami\nroot"},
      {"meta-data/iam/security-credentials/", "haagent-master"},
      {"", "dynamic/\nmeta-data/\nuser-data"},
      {"user-data", "role: master\n"},
  };
  for (auto const& [path, content] : rows) {
    auto const response = get(path);
    EXPECT_EQ(response.status, 200) << path;
    EXPECT_EQ(response.body, content) << path;
  }
  EXPECT_THAT(get("meta-data/").body, HasSubstr("ami-id\nami-launch-index\n"));
  // What cloud-init asks for: the newest that it knows, and the oldest.
  for (auto const* version : {"2021-03-23", "2018-09-24", "2009-04-04"})
    EXPECT_EQ(ask("GET", fmt::format("/{}/meta-data/mac", version),
                  {{"x-aws-ec2-metadata-token", token()}})
                  .body,
              mac);
  EXPECT_THAT(ask("GET", "/", {{"x-aws-ec2-metadata-token", token()}}).body, HasSubstr("latest"));
}

TEST_F(ImdsTest, WhatIsNotThereIsNotFound) {
  for (auto const* path :
       {"meta-data/ipv6", "meta-data/tags/instance", "meta-data/spot/instance-action",
        "meta-data/placement/region/x", "meta-data/nothing", "nothing"}) {
    EXPECT_EQ(get(path).status, 404) << path;
  }
  EXPECT_EQ(ask("GET", "/1999-01-01/meta-data/mac", {{"x-aws-ec2-metadata-token", token()}}).status,
            404);
  EXPECT_EQ(ask("POST", "/latest/meta-data/mac").status, 405);
}

TEST_F(ImdsTest, NoUserDataIsNotFound) {
  auto spec = three_zones();
  spec.groups[0].launch.user_data.reset();
  ServiceWorld world(spec);
  Request request;
  request.source = world.member("masters-a").address;
  request.wire = {"PUT", "/latest/api/token", "", {{kTtl, "60"}}, ""};
  auto const token = world.imds.handle(request).body;
  request.wire = {"GET", "/latest/user-data", "", {{"x-aws-ec2-metadata-token", token}}, ""};
  EXPECT_EQ(world.imds.handle(request).status, 404);
}

TEST_F(ImdsTest, ADomainOfTheVpcIsInTheHostNameAlone) {
  auto spec = three_zones();
  spec.dhcp_domain = "Corp.Example.COM lab.local";
  ServiceWorld world(spec);
  auto const me = world.member("masters-a");
  Request request;
  request.source = me.address;
  request.wire = {"PUT", "/latest/api/token", "", {{kTtl, "60"}}, ""};
  auto const token = world.imds.handle(request).body;
  for (auto const* item : {"hostname", "local-hostname"}) {
    request.wire = {"GET",
                    fmt::format("/latest/meta-data/{}", item),
                    "",
                    {{"x-aws-ec2-metadata-token", token}},
                    ""};
    EXPECT_EQ(world.imds.handle(request).body, "ip-10-0-0-10.Corp.Example.COM lab.local") << item;
  }
  EXPECT_EQ(me.hostname, "ip-10-0-0-10.eu-west-1.compute.internal") << "EC2's privateDnsName";
}

TEST_F(ImdsTest, TagsShowWhereTheyAreAllowed) {
  set([](auto& options) { options.tags = true; });
  EXPECT_EQ(get("meta-data/tags/instance").body, "Name\naws:autoscaling:groupName");
  EXPECT_EQ(get("meta-data/tags/instance/Name").body, "masters-a");
  ASSERT_TRUE(world_.region.create_tags({me_.id}, {{"team", "etcd"}}));
  EXPECT_EQ(get("meta-data/tags/instance/team").body, "etcd");
}

TEST_F(ImdsTest, TheIdentityDocumentHoldsTheInstance) {
  auto const document = json::parse(get("dynamic/instance-identity/document").body);
  ASSERT_TRUE(document);
  EXPECT_EQ(document->text_at("instanceId"), me_.id);
  EXPECT_EQ(document->text_at("accountId"), "123456789012");
  EXPECT_EQ(document->text_at("region"), "eu-west-1");
  EXPECT_EQ(document->text_at("availabilityZone"), "eu-west-1a");
  EXPECT_EQ(document->text_at("privateIp"), "10.0.0.10");
  EXPECT_EQ(document->text_at("pendingTime"), "2026-01-15T10:15:00Z");
  EXPECT_TRUE(document->find("kernelId")->is_null());
}

TEST_F(ImdsTest, CredentialsAreKeptAndRenewedBeforeTheyEndAndWorkOnTheApi) {
  auto const path = "meta-data/iam/security-credentials/haagent-master";
  auto const first = json::parse(get(path).body);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->text_at("Code"), "Success");
  EXPECT_EQ(first->text_at("Type"), "AWS-HMAC");
  EXPECT_EQ(first->text_at("Expiration"), "2026-01-15T16:15:01Z");
  EXPECT_EQ(first->text_at("LastUpdated"), "2026-01-15T10:15:01Z");
  auto const keys = [](Tree const& tree) {
    return aws::Credentials{tree.text_at("AccessKeyId"), Secret(tree.text_at("SecretAccessKey")),
                            Secret(tree.text_at("Token")), std::nullopt};
  };
  Parameters const who = {{"Action", "GetCallerIdentity"}};
  auto const answer = world_.api.handle(world_.signed_request(who, keys(*first), "sts"));
  EXPECT_EQ(text(answer.body, "//Arn"),
            "arn:aws:sts::123456789012:assumed-role/haagent-master/" + me_.id);

  world_.clock.advance(5h + 54min);
  EXPECT_EQ(get(path).body, json::print(*first, 2));
  world_.clock.advance(1min);
  auto const second = json::parse(get(path).body);
  ASSERT_TRUE(second);
  EXPECT_NE(second->text_at("AccessKeyId"), first->text_at("AccessKeyId"));
  // The old ones stay good to their end.
  EXPECT_EQ(world_.api.handle(world_.signed_request(who, keys(*first), "sts")).status, 200);
  EXPECT_EQ(get("meta-data/iam/security-credentials/other-role").status, 404);
}

TEST_F(ImdsTest, ARoleInTroubleSaysSo) {
  auto const path = "meta-data/iam/security-credentials/haagent-master";
  set([](auto& options) { options.role = RoleAnswer::failed; });
  auto const failed = json::parse(get(path).body);
  EXPECT_EQ(failed->text_at("Code"), "AssumeRoleUnauthorizedAccess");
  EXPECT_FALSE(failed->find("AccessKeyId"));
  set([](auto& options) { options.role = RoleAnswer::expired; });
  auto const expired = json::parse(get(path).body);
  EXPECT_EQ(expired->text_at("Code"), "Success");
  EXPECT_EQ(expired->text_at("Expiration"), "2026-01-15T10:14:01Z");
  set([](auto& options) { options.role = RoleAnswer::none; });
  EXPECT_EQ(get("meta-data/iam/security-credentials/").status, 404);
  EXPECT_EQ(get("meta-data/iam/info").status, 404);
}

TEST_F(ImdsTest, SpotNoticeAndTheWayOutShow) {
  ASSERT_TRUE(world_.region.recommend_rebalance(me_.id));
  EXPECT_EQ(get("meta-data/events/recommendations/rebalance").body,
            R"({"noticeTime":")" + to_rfc3339(world_.clock.utc()) + R"("})");
  ASSERT_TRUE(world_.region.spot_notice(me_.id, 2min));
  EXPECT_EQ(get("meta-data/spot/instance-action").body,
            R"({"action":"terminate","time":"2026-01-15T10:17:01Z"})");
  ASSERT_TRUE(world_.region.change_power({me_.id}, Region::PowerAction::terminate, "test"));
  EXPECT_EQ(get("meta-data/autoscaling/target-lifecycle-state").body, "Terminated");
}

TEST_F(ImdsTest, FaultsOfItsOwn) {
  auto& faults = world_.region.imds_faults();
  faults.set(FaultKind::fail, {.next = 1, .probability = 1, .actions = {}});
  EXPECT_EQ(ask("PUT", "/latest/api/token", {{kTtl, "60"}}).status, 500);
  faults.set(FaultKind::throttle, {.next = 1, .probability = 1, .actions = {}});
  EXPECT_EQ(ask("PUT", "/latest/api/token", {{kTtl, "60"}}).status, 429);
  faults.set(FaultKind::down, {.next = 1, .probability = 1, .actions = {}});
  EXPECT_EQ(ask("PUT", "/latest/api/token", {{kTtl, "60"}}).delivery, Response::Delivery::close);
}

}  // namespace
}  // namespace haagent::sim
