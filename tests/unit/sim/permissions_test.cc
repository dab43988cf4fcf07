// Regions whose roles have policies: what an instance may not, it does not get.
#include "tests/sim/permissions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/shipped_policy.h"
#include "tests/unit/sim/service_test.h"

namespace haagent::sim {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// As a launch template fills it in for the cluster "demo".
IamPolicy shipped(std::string const& of) {
  auto policy = IamPolicy::parse(test::shipped_policy(of, "demo", "state"));
  EXPECT_TRUE(policy) << (policy ? "" : policy.error().message.text);
  return policy ? *policy : IamPolicy();
}

RegionSpec guarded() {
  auto spec = three_zones();
  spec.policies = {{"haagent-master", shipped("masters")}, {"haagent-worker", shipped("workers")}};
  Tags const mine = {{"KubernetesCluster", "demo"}, {"k8s.io/role/control-plane", "1"}};
  for (auto& volume : spec.volumes) volume.tags.insert(mine.begin(), mine.end());
  for (auto& group : spec.groups) group.launch.tags.insert(mine.begin(), mine.end());
  for (auto const& [name, tags] : std::map<std::string, Tags>{
           {"of-another-cluster",
            {{"KubernetesCluster", "other"}, {"k8s.io/role/control-plane", "1"}}},
           {"of-an-application", {{"KubernetesCluster", "demo"}}},
           {"of-nobody", {}}}) {
    VolumeSpec volume;
    volume.name = name;
    volume.zone = "eu-west-1a";
    volume.tags = tags;
    spec.volumes.push_back(volume);
  }
  Group workers;
  workers.name = "workers";
  workers.zones = {"eu-west-1a"};
  workers.max = 2;
  workers.launch.role = "worker";
  workers.launch.tags = {{"KubernetesCluster", "demo"}, {"k8s.io/role/node", "1"}};
  spec.groups.push_back(workers);
  spec.buckets = {{"state", "", ""}, {"theirs", "", ""}};
  return spec;
}

struct PermissionsTest : testing::Test, ServiceWorld {
  explicit PermissionsTest(RegionSpec spec = guarded()) : ServiceWorld(std::move(spec)) { boot(); }

  std::string ec2(Instance const& who, Parameters parameters) {
    auto const answer = call_as(who, parameters);
    return answer.status == 200 ? "" : error_code(answer);
  }
  std::string attach(Instance const& who, std::string const& what, Instance const& to,
                     Parameters more = {}) {
    Parameters all = {{"Action", "AttachVolume"},
                      {"VolumeId", volume(what)},
                      {"InstanceId", to.id},
                      {"Device", "/dev/sdf"}};
    all.insert(all.end(), more.begin(), more.end());
    return ec2(who, all);
  }
  std::string tag(Instance const& who, std::string const& what, std::string const& key) {
    return ec2(who, {{"Action", "CreateTags"},
                     {"ResourceId.1", what},
                     {"Tag.1.Key", key},
                     {"Tag.1.Value", "x"}});
  }
  Response s3(Instance const& who, std::string const& method, std::string const& target,
              std::string const& body = "") {
    return s3_by(keys.credentials_of(who), method, target, body);
  }
  Response s3_by(aws::Credentials const& credentials, std::string const& method,
                 std::string const& target, std::string const& body = "") {
    HttpRequest http;
    http.method = method;
    http.url = "https://s3.eu-west-1.amazonaws.com" + target;
    http.body = body;
    aws::Signer({"eu-west-1", "s3"}, aws::kS3Rules).sign(http, credentials, clock.utc());
    Request request;
    auto const query = target.find('?');
    request.wire = {method, target.substr(0, query),
                    query == std::string::npos ? "" : target.substr(query + 1), http.headers, body};
    request.wire.headers.emplace_back("Host", "s3.eu-west-1.amazonaws.com");
    request.wire.headers.emplace_back("Content-Length", std::to_string(body.size()));
    return api.handle(request);
  }
};

TEST_F(PermissionsTest, AMasterMovesTheVolumesOfItsClusterAndNoOthers) {
  auto const a = member("masters-a");
  EXPECT_EQ(attach(a, "main-a", a), "");
  EXPECT_EQ(attach(a, "of-another-cluster", a), "UnauthorizedOperation");
  EXPECT_EQ(attach(a, "of-an-application", a), "UnauthorizedOperation");
  EXPECT_EQ(attach(a, "of-nobody", a), "UnauthorizedOperation");
  for (auto const* name : {"of-another-cluster", "of-an-application", "of-nobody"})
    EXPECT_FALSE(shown(volume(name)).attachment) << name;
  EXPECT_EQ(ec2(a, {{"Action", "DetachVolume"}, {"VolumeId", volume("main-a")}}), "");
}

TEST_F(PermissionsTest, AMasterAttachesNothingToAWorker) {
  auto const a = member("masters-a");
  auto const worker = member("workers");
  EXPECT_EQ(attach(a, "main-a", worker), "UnauthorizedOperation");
  EXPECT_FALSE(shown(volume("main-a")).attachment);
}

TEST_F(PermissionsTest, ADryRunSaysTheSame) {
  auto const a = member("masters-a");
  EXPECT_EQ(attach(a, "main-a", a, {{"DryRun", "true"}}), "DryRunOperation");
  EXPECT_EQ(attach(a, "of-another-cluster", a, {{"DryRun", "true"}}), "UnauthorizedOperation");
}

TEST_F(PermissionsTest, AMasterWritesItsOwnTagsAlone) {
  auto const a = member("masters-a");
  EXPECT_EQ(tag(a, volume("main-a"), "haagent.io/formatted-at"), "");
  EXPECT_EQ(tag(a, volume("main-a"), "haagent.io/etcd-cluster-id"), "");
  EXPECT_EQ(tag(a, volume("main-a"), "KubernetesCluster"), "UnauthorizedOperation");
  EXPECT_EQ(tag(a, volume("of-nobody"), "KubernetesCluster"), "UnauthorizedOperation");
  EXPECT_EQ(tag(a, volume("of-nobody"), "haagent.io/formatted-at"), "UnauthorizedOperation");
  EXPECT_EQ(tag(a, a.id, "haagent.io/formatted-at"), "UnauthorizedOperation");
  EXPECT_EQ(shown(volume("main-a")).tags.at("KubernetesCluster"), "demo");
}

TEST_F(PermissionsTest, AMasterCannotDeleteMakeOrEndAnything) {
  auto const a = member("masters-a");
  for (Parameters const& each : std::vector<Parameters>{
           {{"Action", "DeleteVolume"}, {"VolumeId", volume("main-a")}},
           {{"Action", "DeleteTags"}, {"ResourceId.1", volume("main-a")}},
           {{"Action", "CreateVolume"}, {"AvailabilityZone", "eu-west-1a"}, {"Size", "1"}},
           {{"Action", "CreateSnapshot"}, {"VolumeId", volume("main-a")}},
           {{"Action", "TerminateInstances"}, {"InstanceId.1", a.id}}})
    EXPECT_EQ(ec2(a, each), "UnauthorizedOperation") << each.front().second;
}

TEST_F(PermissionsTest, AWorkerMayNothingInEc2AndS3) {
  auto const worker = member("workers");
  EXPECT_EQ(ec2(worker, {{"Action", "DescribeVolumes"}}), "UnauthorizedOperation");
  EXPECT_EQ(ec2(worker, {{"Action", "DescribeInstances"}}), "UnauthorizedOperation");
  EXPECT_EQ(attach(worker, "main-a", worker), "UnauthorizedOperation");
  EXPECT_EQ(s3(worker, "GET", "/state/demo/pki/ca.crt").status, 403);
  EXPECT_EQ(s3(worker, "GET", "/state?list-type=2&prefix=demo%2F").status, 403);
}

// The state bucket of the templates, in an account where others have broad rights.
RegionSpec with_broad_rights() {
  auto spec = guarded();
  auto const broad = IamPolicy::parse(
      R"({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}})");
  spec.policies["haagent-worker"] = *broad;
  auto const policy =
      IamPolicy::parse_of_bucket(test::shipped_policy("state-bucket", "demo", "state"));
  EXPECT_TRUE(policy) << (policy ? "" : policy.error().message.text);
  spec.buckets = {{"state", "", "", *policy}, {"theirs", "", ""}};
  return spec;
}

struct StateBucketTest : PermissionsTest {
  StateBucketTest() : PermissionsTest(with_broad_rights()) {}
};

TEST_F(StateBucketTest, IsForTheMastersAndNobodyWithBroadRights) {
  auto const a = member("masters-a");
  auto const other = member("workers");
  std::string const key = "/state/demo/pki/ca.crt";
  ASSERT_EQ(s3(a, "PUT", key, "secret").status, 200);
  auto const etag = header_of(s3(a, "GET", key).headers, "etag");
  EXPECT_TRUE(etag);
  EXPECT_EQ(s3(a, "GET", "/state?list-type=2&prefix=demo%2F").status, 200);
  EXPECT_EQ(s3(other, "PUT", "/theirs/x", "x").status, 200) << "it has broad rights";
  for (auto const& [method, target] : std::vector<std::pair<std::string, std::string>>{
           {"GET", key},
           {"HEAD", key},
           {"PUT", key},
           {"DELETE", key},
           {"PUT", "/state/another-prefix"},
           {"POST", key + "?uploads"},
           {"GET", "/state?list-type=2&prefix=demo%2F"},
           {"GET", "/state?list-type=2"},
           {"GET", "/state?uploads"}}) {
    auto const answer = s3(other, method, target, method == "PUT" ? "x" : "");
    EXPECT_EQ(answer.status, 403) << method << ' ' << target << ": " << answer.body;
    EXPECT_FALSE(answer.body.contains("secret"));
  }
  EXPECT_THAT(s3(other, "GET", key).body, HasSubstr("with an explicit deny"));
  EXPECT_EQ(header_of(s3(a, "GET", key).headers, "etag"), etag) << "nothing was changed";
}

TEST_F(StateBucketTest, IsForAnAdministratorToo) {
  EXPECT_EQ(s3_by(operator_keys(), "PUT", "/state/demo/x", "x").status, 200);
  EXPECT_EQ(s3_by(operator_keys(), "GET", "/state?list-type=2").status, 200);
}

// An operator who is not in the list: rights by nobody's policy are none here.
TEST(StateBucket, IsNotForAnAdministratorOfSomethingElse) {
  auto text = test::shipped_policy("state-bucket", "demo", "state");
  for (std::size_t at; (at = text.find("user/operator")) != text.npos;)
    text.replace(at, 13, "role/another");
  auto spec = guarded();
  spec.buckets = {{"state", "", "", *IamPolicy::parse_of_bucket(text)}};
  struct Fixture : PermissionsTest {
    using PermissionsTest::PermissionsTest;
    void TestBody() override {}
  } test(spec);
  EXPECT_EQ(test.s3_by(test.operator_keys(), "GET", "/state/demo/x").status, 403);
  EXPECT_EQ(test.s3(test.member("masters-a"), "GET", "/state/demo/x").status, 404);
}

// What the region has no calls for.
TEST(StateBucket, ItsGuardsAndVersionsAreFor) {
  auto const policy =
      IamPolicy::parse_of_bucket(test::shipped_policy("state-bucket", "demo", "state"));
  ASSERT_TRUE(policy) << policy.error().message.text;
  auto const denied = [&](std::string const& who, std::string const& action,
                          std::string const& resource, std::string const& tls = "true") {
    IamRequest request{action, "arn:aws:s3:::state" + resource, {{"aws:SecureTransport", {tls}}}};
    if (!who.empty()) request.context["aws:PrincipalArn"] = {"arn:aws:iam::123456789012:" + who};
    return policy->denying(request) != nullptr;
  };
  std::string const master = "role/haagent-master", admin = "user/operator";
  for (auto const& who :
       std::vector<std::string>{master, admin, "role/haagent-master2", "role/x/haagent-master",
                                "role/admins", "root", ""}) {
    for (auto const* action : {"s3:GetObject", "s3:GetObjectVersion", "s3:PutObject",
                               "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObjectAcl",
                               "s3:RestoreObject", "s3:GetObjectAttributes", "s3:ReplicateObject"})
      EXPECT_EQ(denied(who, action, "/demo/pki/ca.key"), who != master && who != admin)
          << who << ' ' << action;
    for (auto const* action :
         {"s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"})
      EXPECT_EQ(denied(who, action, ""), who != master && who != admin) << who << ' ' << action;
    for (auto const* action :
         {"s3:PutBucketPolicy", "s3:DeleteBucketPolicy", "s3:PutBucketAcl", "s3:DeleteBucket",
          "s3:PutBucketPublicAccessBlock", "s3:PutBucketOwnershipControls",
          "s3:PutReplicationConfiguration", "s3:PutLifecycleConfiguration",
          "s3:PutBucketVersioning", "s3:PutEncryptionConfiguration", "s3:PutInventoryConfiguration",
          "s3:PutBucketLogging"})
      EXPECT_EQ(denied(who, action, ""), who != admin) << who << ' ' << action;
    for (auto const* action : {"s3:GetBucketPolicy", "s3:GetBucketLocation", "s3:GetBucketTagging"})
      EXPECT_FALSE(denied(who, action, "")) << "what holds no secret: " << action;
    EXPECT_TRUE(denied(who, "s3:GetObject", "/demo/pki/ca.key", "false")) << "in the clear";
  }
}

TEST_F(PermissionsTest, GroupsAreSettledByTheirOwn) {
  auto const settle = [&](Instance const& who, std::string const& group) {
    return error_code(call_as(who,
                              {{"Action", "CompleteLifecycleAction"},
                               {"AutoScalingGroupName", group},
                               {"LifecycleHookName", "haagent-launching"},
                               {"InstanceId", who.id},
                               {"LifecycleActionResult", "CONTINUE"}},
                              "autoscaling"));
  };
  // Nothing waits, which is another answer than one that is not allowed.
  EXPECT_EQ(settle(member("masters-a"), "masters-a"), "ValidationError");
  EXPECT_EQ(settle(member("masters-a"), "workers"), "AccessDenied");
  EXPECT_EQ(settle(member("workers"), "workers"), "ValidationError");
  EXPECT_EQ(settle(member("workers"), "masters-a"), "AccessDenied");
  EXPECT_EQ(call_as(member("workers"), {{"Action", "DescribeAutoScalingInstances"}}, "autoscaling")
                .status,
            200);
}

TEST_F(PermissionsTest, AMasterKeepsTheStateOfItsClusterAlone) {
  auto const a = member("masters-a");
  EXPECT_EQ(s3(a, "PUT", "/state/demo/x", "1").status, 200);
  EXPECT_EQ(s3(a, "GET", "/state/demo/x").status, 200);
  EXPECT_EQ(s3(a, "DELETE", "/state/demo/x").status, 204);
  EXPECT_EQ(s3(a, "PUT", "/state/other/x", "1").status, 403);
  EXPECT_EQ(s3(a, "PUT", "/state/demonic", "1").status, 403);
  EXPECT_EQ(s3(a, "GET", "/theirs/demo/x").status, 403);
  EXPECT_EQ(s3(a, "GET", "/state?list-type=2&prefix=demo%2F").status, 200);
  EXPECT_EQ(s3(a, "GET", "/state?list-type=2&prefix=").status, 403);
  EXPECT_EQ(s3(a, "GET", "/state?list-type=2&prefix=other%2F").status, 403);
}

// S3 says 404 only to those who may list, and the question has no prefix: with a condition that
// asks for one, what is not there would be a missing permission.
TEST_F(PermissionsTest, WhatIsNotThereIsNotThereAndNotForbidden) {
  EXPECT_EQ(s3(member("masters-a"), "GET", "/state/demo/none").status, 404);
  EXPECT_EQ(s3(member("masters-a"), "HEAD", "/state/demo/none").status, 404);
}

TEST_F(PermissionsTest, ARefusalIsTold) {
  auto const a = member("masters-a");
  attach(a, "of-nobody", a);
  EXPECT_TRUE(happened(a.id, "not allowed"));
  auto const answer = call_as(a, {{"Action", "DescribeTags"}});
  EXPECT_THAT(text(answer.body, "//Error/Message"),
              HasSubstr("ec2:DescribeTags on resource: * because no identity-based policy"));
}

TEST_F(PermissionsTest, WhatWasUsedIsCounted) {
  auto const a = member("masters-a");
  attach(a, "main-a", a);
  attach(a, "of-nobody", a);
  tag(a, volume("main-a"), "haagent.io/formatted-at");
  EXPECT_THAT(region.permissions().used().at("haagent-master"),
              ElementsAre("MarkEtcdVolumes ec2:CreateTags", "MoveEtcdVolumes ec2:AttachVolume"));
}

TEST_F(PermissionsTest, OperatorsMayAll) {
  EXPECT_EQ(call({{"Action", "DeleteVolume"}, {"VolumeId", volume("of-nobody")}}).status, 200);
}

}  // namespace
}  // namespace haagent::sim
