#include "tests/sim/ec2_service.h"

#include <gmock/gmock.h>

#include "agent/base/sha256.h"
#include "tests/unit/sim/service_test.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

class Ec2ServiceTest : public testing::Test {
 protected:
  Ec2ServiceTest() { world_.boot(); }
  ServiceWorld world_;
};

TEST_F(Ec2ServiceTest, DescribeVolumesHasTheShapeOfEc2s) {
  auto const instance = world_.member("masters-a").id;
  auto const volume = world_.volume("main-a");
  ASSERT_TRUE(world_.region.attach_volume(volume, instance, "/dev/sdf"));
  world_.pass(2s);
  auto const response = world_.call(
      {{"Action", "DescribeVolumes"}, {"Version", "2016-11-15"}, {"VolumeId.1", volume}});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(header_of(response.headers, "Content-Type"), "text/xml;charset=UTF-8");
  EXPECT_THAT(
      response.body,
      HasSubstr("<DescribeVolumesResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">"
                "<requestId>"));
  auto const item = [&](std::string const& path) {
    return text(response.body, ("/DescribeVolumesResponse/volumeSet/item/" + path).c_str());
  };
  EXPECT_EQ(item("volumeId"), volume);
  EXPECT_EQ(item("size"), "1");
  EXPECT_EQ(item("snapshotId"), "");  // there, and empty: created blank
  EXPECT_THAT(response.body, HasSubstr("<snapshotId/>"));
  EXPECT_EQ(item("availabilityZone"), "eu-west-1a");
  EXPECT_EQ(item("availabilityZoneId"), "euw1-az1");
  EXPECT_EQ(item("status"), "in-use");
  EXPECT_EQ(item("createTime"), "2026-01-15T10:15:00.000Z");
  EXPECT_EQ(item("attachmentSet/item/volumeId"), volume);
  EXPECT_EQ(item("attachmentSet/item/instanceId"), instance);
  EXPECT_EQ(item("attachmentSet/item/device"), "/dev/sdf");
  EXPECT_EQ(item("attachmentSet/item/status"), "attached");
  EXPECT_EQ(item("attachmentSet/item/attachTime"), "2026-01-15T10:15:01.000Z");
  EXPECT_EQ(item("attachmentSet/item/deleteOnTermination"), "false");
  EXPECT_EQ(item("multiAttachEnabled"), "false");
  EXPECT_EQ(item("tagSet/item[key='k8s.io/etcd/main']/value"), "a/a,b,c");
}

struct FilterRow {
  char const* name;
  Parameters filters;
  std::vector<std::string> volumes;  // by name
};
class VolumeFilters : public testing::TestWithParam<FilterRow> {};

TEST_P(VolumeFilters, Find) {
  ServiceWorld world;
  world.boot();
  ASSERT_TRUE(
      world.region.attach_volume(world.volume("main-a"), world.member("masters-a").id, "/dev/sdf"));
  world.pass(2s);
  Parameters parameters = {{"Action", "DescribeVolumes"},
                           {"Filter.9.Name", "tag:kubernetes.io/cluster/demo"},
                           {"Filter.9.Value.1", "owned"}};
  for (auto const& each : GetParam().filters) parameters.push_back(each);
  auto const response = world.call(parameters);
  ASSERT_EQ(response.status, 200) << response.body;
  std::vector<std::string> names;
  for (auto const& id : texts(response.body, "//volumeSet/item/volumeId")) {
    names.push_back(world.shown(id).name);
  }
  EXPECT_THAT(names, testing::UnorderedElementsAreArray(GetParam().volumes));
}

INSTANTIATE_TEST_SUITE_P(
    Table, VolumeFilters,
    testing::Values(
        FilterRow{"zone",
                  {{"Filter.1.Name", "availability-zone"}, {"Filter.1.Value.1", "eu-west-1b"}},
                  {"main-b", "events-b"}},
        FilterRow{"zone_id",
                  {{"Filter.1.Name", "availability-zone-id"}, {"Filter.1.Value.1", "euw1-az3"}},
                  {"main-c", "events-c"}},
        FilterRow{"values_are_or",
                  {{"Filter.1.Name", "availability-zone"},
                   {"Filter.1.Value.1", "eu-west-1b"},
                   {"Filter.1.Value.2", "eu-west-1c"},
                   {"Filter.2.Name", "tag-key"},
                   {"Filter.2.Value.1", "k8s.io/etcd/main"}},
                  {"main-b", "main-c"}},
        FilterRow{"wildcards",
                  {{"Filter.1.Name", "tag:k8s.io/etcd/main"}, {"Filter.1.Value.1", "?/a,*"}},
                  {"main-a", "main-b", "main-c"}},
        FilterRow{"case_counts",
                  {{"Filter.1.Name", "tag:k8s.io/etcd/main"}, {"Filter.1.Value.1", "A/*"}},
                  {}},
        FilterRow{"tag_key_wildcard",
                  {{"Filter.1.Name", "tag-key"}, {"Filter.1.Value.1", "*/events"}},
                  {"events-a", "events-b", "events-c"}},
        FilterRow{
            "status", {{"Filter.1.Name", "status"}, {"Filter.1.Value.1", "in-use"}}, {"main-a"}},
        FilterRow{"attachment_status",
                  {{"Filter.1.Name", "attachment.status"}, {"Filter.1.Value.1", "attached"}},
                  {"main-a"}},
        FilterRow{"attachment_device",
                  {{"Filter.1.Name", "attachment.device"}, {"Filter.1.Value.1", "/dev/sd?"}},
                  {"main-a"}},
        FilterRow{"attachment_instance",
                  {{"Filter.1.Name", "attachment.instance-id"}, {"Filter.1.Value.1", "i-*"}},
                  {"main-a"}},
        FilterRow{"size_and_type",
                  {{"Filter.1.Name", "size"},
                   {"Filter.1.Value.1", "1"},
                   {"Filter.2.Name", "volume-type"},
                   {"Filter.2.Value.1", "io2"}},
                  {}},
        FilterRow{"booleans",
                  {{"Filter.1.Name", "encrypted"},
                   {"Filter.1.Value.1", "false"},
                   {"Filter.2.Name", "multi-attach-enabled"},
                   {"Filter.2.Value.1", "false"},
                   {"Filter.3.Name", "attachment.delete-on-termination"},
                   {"Filter.3.Value.1", "false"}},
                  {"main-a"}}),
    [](auto const& row) { return row.param.name; });

TEST_F(Ec2ServiceTest, PagesHoldEveryVolumeOnce) {
  std::vector<std::string> seen;
  std::string token;
  int pages = 0;
  do {
    Parameters parameters = {{"Action", "DescribeVolumes"}, {"MaxResults", "5"}};
    if (!token.empty()) parameters.push_back({"NextToken", token});
    auto const response = world_.call(parameters);
    ASSERT_EQ(response.status, 200) << response.body;
    for (auto const& id : texts(response.body, "//volumeSet/item/volumeId")) seen.push_back(id);
    auto const next = texts(response.body, "//nextToken");
    token = next.empty() ? "" : next.front();
    ASSERT_LT(++pages, 10);
  } while (!token.empty());
  EXPECT_EQ(pages, 2);  // six of etcd and three roots
  std::vector<std::string> all;
  for (auto const& [id, _] : world_.region.view().volumes) all.push_back(id);
  EXPECT_EQ(seen, all);
}

TEST_F(Ec2ServiceTest, DescribeInstancesHasTheShapeOfEc2s) {
  auto const instance = world_.member("masters-a");
  auto const volume = world_.volume("main-a");
  ASSERT_TRUE(world_.region.attach_volume(volume, instance.id, "/dev/sdf"));
  auto const response =
      world_.call({{"Action", "DescribeInstances"}, {"InstanceId.1", instance.id}});
  ASSERT_EQ(response.status, 200) << response.body;
  auto const item = [&](std::string const& path) {
    return text(response.body, ("//reservationSet/item/instancesSet/item/" + path).c_str());
  };
  EXPECT_EQ(item("instanceId"), instance.id);
  EXPECT_EQ(item("instanceState/code"), "16");
  EXPECT_EQ(item("instanceState/name"), "running");
  EXPECT_EQ(item("placement/availabilityZone"), "eu-west-1a");
  EXPECT_EQ(item("privateIpAddress"), "10.0.0.10");
  EXPECT_EQ(item("privateDnsName"), "ip-10-0-0-10.eu-west-1.compute.internal");
  EXPECT_EQ(item("rootDeviceName"), "/dev/xvda");
  EXPECT_EQ(item("blockDeviceMapping/item[deviceName='/dev/sdf']/ebs/volumeId"), volume);
  EXPECT_EQ(item("blockDeviceMapping/item[deviceName='/dev/sdf']/ebs/status"), "attaching");
  EXPECT_EQ(item("blockDeviceMapping/item[deviceName='/dev/xvda']/ebs/deleteOnTermination"),
            "true");
  EXPECT_EQ(item("networkInterfaceSet/item/macAddress"), "06:00:0a:00:00:0a");
  EXPECT_EQ(item("iamInstanceProfile/arn"),
            "arn:aws:iam::123456789012:instance-profile/haagent-master");
  EXPECT_EQ(item("metadataOptions/httpTokens"), "required");
  EXPECT_EQ(item("tagSet/item[key='aws:autoscaling:groupName']/value"), "masters-a");
}

// As the cloud controller manager asks. A type without a topology has no item, and is no error.
TEST_F(Ec2ServiceTest, DescribeInstanceTopologyIsEmptyOfATypeThatHasNone) {
  auto const id = world_.member("masters-a").id;
  auto const response = world_.call({{"Action", "DescribeInstanceTopology"}, {"InstanceId.1", id}});
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_THAT(response.body, HasSubstr("<instanceSet"));
  EXPECT_THAT(texts(response.body, "//instanceSet/item/instanceId"), IsEmpty());
}

TEST(Ec2Topology, HasTheShapeOfEc2s) {
  auto spec = three_zones();
  for (auto& group : spec.groups) group.launch.instance_type = "p5.48xlarge";
  ServiceWorld world(std::move(spec));
  world.boot();
  auto const one = world.member("masters-a").id;
  auto const response = world.call({{"Action", "DescribeInstanceTopology"}, {"InstanceId.1", one}});
  ASSERT_EQ(response.status, 200) << response.body;
  auto const item = [&](std::string const& path) {
    return text(response.body,
                ("/DescribeInstanceTopologyResponse/instanceSet/item/" + path).c_str());
  };
  EXPECT_EQ(item("instanceId"), one);
  EXPECT_EQ(item("instanceType"), "p5.48xlarge");
  EXPECT_EQ(item("availabilityZone"), "eu-west-1a");
  EXPECT_EQ(item("zoneId"), "euw1-az1");
  EXPECT_THAT(texts(response.body, "//networkNodeSet/item"),
              ElementsAre(HasSubstr("nn-"), HasSubstr("nn-"), HasSubstr("nn-")));

  auto const of_zone = world.call({{"Action", "DescribeInstanceTopology"},
                                   {"Filter.1.Name", "zone-id"},
                                   {"Filter.1.Value.1", "euw1-az2"},
                                   {"Filter.2.Name", "instance-type"},
                                   {"Filter.2.Value.1", "p5*"}});
  EXPECT_THAT(texts(of_zone.body, "//instanceSet/item/instanceId"),
              ElementsAre(world.member("masters-b").id));
  world.call({{"Action", "StopInstances"}, {"InstanceId.1", one}});
  auto const stopped = world.call({{"Action", "DescribeInstanceTopology"}, {"InstanceId.1", one}});
  EXPECT_THAT(texts(stopped.body, "//instanceSet/item/instanceId"), IsEmpty());
}

TEST_F(Ec2ServiceTest, ATerminatedInstanceHasNoAddress) {
  auto const id = world_.member("masters-a").id;
  auto const gone = world_.call({{"Action", "TerminateInstances"}, {"InstanceId.1", id}});
  EXPECT_EQ(text(gone.body, "//instancesSet/item/currentState/name"), "shutting-down");
  EXPECT_EQ(text(gone.body, "//instancesSet/item/previousState/code"), "16");
  world_.pass(1s);
  auto const response = world_.call({{"Action", "DescribeInstances"}, {"InstanceId.1", id}});
  EXPECT_EQ(text(response.body, "//instanceState/name"), "terminated");
  EXPECT_THAT(texts(response.body, "//privateIpAddress"), IsEmpty());
  EXPECT_THAT(texts(response.body, "//ebs/volumeId"), IsEmpty());
}

TEST_F(Ec2ServiceTest, AttachAndDetachAnswerWithTheAttachment) {
  auto const instance = world_.member("masters-a").id;
  auto const volume = world_.volume("main-a");
  auto const attach = world_.call({{"Action", "AttachVolume"},
                                   {"VolumeId", volume},
                                   {"InstanceId", instance},
                                   {"Device", "/dev/sdf"}});
  EXPECT_EQ(text(attach.body, "/AttachVolumeResponse/status"), "attaching");
  EXPECT_EQ(text(attach.body, "/AttachVolumeResponse/device"), "/dev/sdf");
  EXPECT_EQ(world_.shown(volume).attachment->instance_id, instance);
  world_.pass(2s);
  auto const detach = world_.call({{"Action", "DetachVolume"}, {"VolumeId", volume}});
  EXPECT_EQ(text(detach.body, "/DetachVolumeResponse/status"), "detaching");
  world_.pass(2s);
  EXPECT_EQ(world_.shown(volume).state, VolumeState::available);
}

TEST_F(Ec2ServiceTest, CreateVolumeWithTagsAndFromASnapshot) {
  auto const made = world_.call({{"Action", "CreateVolume"},
                                 {"AvailabilityZone", "eu-west-1b"},
                                 {"Size", "20"},
                                 {"TagSpecification.1.ResourceType", "volume"},
                                 {"TagSpecification.1.Tag.1.Key", "k8s.io/etcd/main"},
                                 {"TagSpecification.1.Tag.1.Value", "b/a,b,c"}});
  ASSERT_EQ(made.status, 200) << made.body;
  auto const id = text(made.body, "/CreateVolumeResponse/volumeId");
  EXPECT_EQ(text(made.body, "/CreateVolumeResponse/status"), "creating");
  EXPECT_EQ(world_.shown(id).tags.at("k8s.io/etcd/main"), "b/a,b,c");
  EXPECT_EQ(world_.hosts.volumes[id].first, 20ull << 30);
  world_.pass(1s);
  auto const snapshot = world_.call({{"Action", "CreateSnapshot"}, {"VolumeId", id}});
  auto const snapshot_id = text(snapshot.body, "/CreateSnapshotResponse/snapshotId");
  world_.pass(1s);
  auto const listed = world_.call({{"Action", "DescribeSnapshots"}, {"SnapshotId.1", snapshot_id}});
  EXPECT_EQ(text(listed.body, "//snapshotSet/item/status"), "completed");
  auto const copy = world_.call({{"Action", "CreateVolume"},
                                 {"AvailabilityZone", "eu-west-1a"},
                                 {"SnapshotId", snapshot_id}});
  EXPECT_EQ(text(copy.body, "/CreateVolumeResponse/snapshotId"), snapshot_id);
  EXPECT_EQ(text(copy.body, "/CreateVolumeResponse/size"), "20");
}

TEST_F(Ec2ServiceTest, TagsAreCreatedFoundAndDeleted) {
  auto const volume = world_.volume("main-a");
  auto const created = world_.call({{"Action", "CreateTags"},
                                    {"ResourceId.1", volume},
                                    {"Tag.1.Key", "haagent.io/note"},
                                    {"Tag.1.Value", "<&> \"so\""}});
  EXPECT_EQ(text(created.body, "/CreateTagsResponse/return"), "true");
  auto const found = world_.call(
      {{"Action", "DescribeTags"}, {"Filter.1.Name", "key"}, {"Filter.1.Value.1", "haagent.io/*"}});
  EXPECT_EQ(text(found.body, "//tagSet/item/resourceId"), volume);
  EXPECT_EQ(text(found.body, "//tagSet/item/resourceType"), "volume");
  EXPECT_EQ(text(found.body, "//tagSet/item/value"), "<&> \"so\"");
  world_.call(
      {{"Action", "DeleteTags"}, {"ResourceId.1", volume}, {"Tag.1.Key", "haagent.io/note"}});
  EXPECT_FALSE(world_.shown(volume).tags.contains("haagent.io/note"));
}

TEST_F(Ec2ServiceTest, ZonesAndRegions) {
  ASSERT_TRUE(world_.region.set_zone("eu-west-1c", false));
  auto const zones = world_.call({{"Action", "DescribeAvailabilityZones"}});
  EXPECT_THAT(texts(zones.body, "//availabilityZoneInfo/item/zoneName"),
              ElementsAre("eu-west-1a", "eu-west-1b", "eu-west-1c"));
  EXPECT_THAT(texts(zones.body, "//availabilityZoneInfo/item/zoneState"),
              ElementsAre("available", "available", "unavailable"));
  auto const regions = world_.call({{"Action", "DescribeRegions"}});
  EXPECT_EQ(text(regions.body, "//regionInfo/item/regionEndpoint"), "ec2.eu-west-1.amazonaws.com");
}

struct ErrorRow {
  char const* name;
  Parameters parameters;
  char const* code;
  int status;
  char const* message;
};
class Ec2Errors : public testing::TestWithParam<ErrorRow> {};

TEST_P(Ec2Errors, AreEc2s) {
  ServiceWorld world;
  auto const response = world.call(GetParam().parameters);
  EXPECT_EQ(response.status, GetParam().status);
  EXPECT_EQ(text(response.body, "/Response/Errors/Error/Code"), GetParam().code);
  EXPECT_EQ(text(response.body, "/Response/Errors/Error/Message"), GetParam().message);
  EXPECT_NE(text(response.body, "/Response/RequestID"), "(none)");
}

INSTANTIATE_TEST_SUITE_P(
    Table, Ec2Errors,
    testing::Values(
        ErrorRow{"no_action",
                 {{"Version", "2016-11-15"}},
                 "MissingAction",
                 400,
                 "The request must contain the parameter Action"},
        ErrorRow{"unknown_action",
                 {{"Action", "FlyVolume"}},
                 "InvalidAction",
                 400,
                 "The action FlyVolume is not valid for this web service."},
        ErrorRow{"missing_parameter",
                 {{"Action", "AttachVolume"}, {"VolumeId", "vol-1"}},
                 "MissingParameter",
                 400,
                 "The request must contain the parameter InstanceId"},
        ErrorRow{"unknown_filter",
                 {{"Action", "DescribeVolumes"},
                  {"Filter.1.Name", "colour"},
                  {"Filter.1.Value.1", "red"}},
                 "InvalidParameterValue",
                 400,
                 "The filter 'colour' is invalid"},
        ErrorRow{"ids_with_pages",
                 {{"Action", "DescribeVolumes"},
                  {"VolumeId.1", "vol-0123456789abcdef0"},
                  {"MaxResults", "5"}},
                 "InvalidParameterCombination",
                 400,
                 "The parameter volumesSet cannot be used with the parameter maxResults"},
        ErrorRow{"small_page",
                 {{"Action", "DescribeVolumes"}, {"MaxResults", "4"}},
                 "InvalidParameterValue",
                 400,
                 "Value ( 4 ) for parameter maxResults is invalid. Expecting a value greater than "
                 "5."},
        ErrorRow{"bad_token",
                 {{"Action", "DescribeVolumes"}, {"NextToken", "abc"}},
                 "InvalidParameterValue",
                 400,
                 "Invalid value 'abc' for nextToken"},
        ErrorRow{"bad_number",
                 {{"Action", "DescribeVolumes"}, {"MaxResults", "many"}},
                 "InvalidParameterValue",
                 400,
                 "Invalid value 'many' for MaxResults: a whole number is expected"},
        ErrorRow{"no_such_volume",
                 {{"Action", "DescribeVolumes"}, {"VolumeId.1", "vol-0123456789abcdef0"}},
                 "InvalidVolume.NotFound",
                 400,
                 "The volume 'vol-0123456789abcdef0' does not exist."},
        ErrorRow{"malformed_volume",
                 {{"Action", "DescribeVolumes"}, {"VolumeId.1", "vol-xyz"}},
                 "InvalidVolumeID.Malformed",
                 400,
                 "Invalid id: \"vol-xyz\" (expecting \"vol-...\")"},
        ErrorRow{"no_such_instance",
                 {{"Action", "DescribeInstances"}, {"InstanceId.1", "i-0123456789abcdef0"}},
                 "InvalidInstanceID.NotFound",
                 400,
                 "The instance ID 'i-0123456789abcdef0' does not exist"},
        ErrorRow{"topology_of_no_such_instance",
                 {{"Action", "DescribeInstanceTopology"}, {"InstanceId.1", "i-0123456789abcdef0"}},
                 "InvalidInstanceID.NotFound",
                 400,
                 "The instance ID 'i-0123456789abcdef0' does not exist"},
        ErrorRow{"malformed_instance",
                 {{"Action", "DescribeInstances"}, {"InstanceId.1", "i"}},
                 "InvalidInstanceID.Malformed",
                 400,
                 "Invalid id: \"i\" (expecting \"i-...\")"},
        ErrorRow{"volume_without_size",
                 {{"Action", "CreateVolume"}, {"AvailabilityZone", "eu-west-1a"}},
                 "MissingParameter",
                 400,
                 "The request must contain the parameter size/snapshot"},
        ErrorRow{"volume_type",
                 {{"Action", "CreateVolume"},
                  {"AvailabilityZone", "eu-west-1a"},
                  {"Size", "1"},
                  {"VolumeType", "floppy"}},
                 "InvalidParameterValue",
                 400,
                 "Value (floppy) for parameter volumeType is invalid. Invalid volume type"},
        ErrorRow{"dry_run",
                 {{"Action", "AttachVolume"},
                  {"VolumeId", "vol-0123456789abcdef0"},
                  {"InstanceId", "i-0123456789abcdef0"},
                  {"Device", "/dev/sdf"},
                  {"DryRun", "true"}},
                 "DryRunOperation",
                 412,
                 "Request would have succeeded, but DryRun flag is set."}),
    [](auto const& row) { return row.param.name; });

// ---- who may, and what goes wrong on the way

struct SignatureRow {
  char const* name;
  std::function<Request(ServiceWorld&)> request;
  std::string service;
  char const* code;
  int status;
};
class Signatures : public testing::TestWithParam<SignatureRow> {};

TEST_P(Signatures, AreVerified) {
  ServiceWorld world;
  world.boot();
  auto const response = world.api.handle(GetParam().request(world));
  EXPECT_EQ(error_code(response), GetParam().code) << response.body;
  EXPECT_EQ(response.status, GetParam().status);
}

Parameters const kZones = {{"Action", "DescribeAvailabilityZones"}};
Parameters const kGroups = {{"Action", "DescribeAutoScalingGroups"}};

INSTANTIATE_TEST_SUITE_P(
    Table, Signatures,
    testing::Values(
        SignatureRow{"good",
                     [](ServiceWorld& w) { return w.signed_request(kZones, w.operator_keys()); },
                     "ec2", "(none)", 200},
        SignatureRow{"good_with_a_role",
                     [](ServiceWorld& w) {
                       return w.signed_request(kZones,
                                               w.keys.credentials_of(w.member("masters-a")));
                     },
                     "ec2", "(none)", 200},
        SignatureRow{"none",
                     [](ServiceWorld& w) {
                       auto request = w.signed_request(kZones, w.operator_keys());
                       std::erase_if(request.wire.headers,
                                     [](auto& h) { return h.first == "authorization"; });
                       return request;
                     },
                     "ec2", "MissingAuthenticationToken", 403},
        SignatureRow{"garbled",
                     [](ServiceWorld& w) {
                       auto request = w.signed_request(kZones, w.operator_keys());
                       for (auto& [name, value] : request.wire.headers) {
                         if (name == "authorization") value = "AWS4-HMAC-SHA256 Credential=x";
                       }
                       return request;
                     },
                     "ec2", "IncompleteSignature", 400},
        SignatureRow{"wrong_secret",
                     [](ServiceWorld& w) {
                       auto keys = w.operator_keys();
                       keys.secret_access_key = Secret("wrong");
                       return w.signed_request(kZones, keys);
                     },
                     "ec2", "SignatureDoesNotMatch", 403},
        SignatureRow{"changed_body",
                     [](ServiceWorld& w) {
                       auto request = w.signed_request(kZones, w.operator_keys());
                       request.wire.body += "&DryRun=true";
                       return request;
                     },
                     "ec2", "SignatureDoesNotMatch", 403},
        SignatureRow{
            "stated_hash_of_another_body",
            [](ServiceWorld& w) {
              HttpRequest http;
              http.method = "POST";
              http.url = "https://ec2.eu-west-1.amazonaws.com/";
              http.body = "Action=DescribeRegions";
              http.headers = {{"x-amz-content-sha256", sha256_hex("other")}};
              aws::Signer({"eu-west-1", "ec2"}).sign(http, w.operator_keys(), w.clock.utc());
              Request request;
              request.wire = {"POST", "/", "", http.headers, http.body};
              request.wire.headers.emplace_back("host", "ec2.eu-west-1.amazonaws.com");
              return request;
            },
            "ec2", "SignatureDoesNotMatch", 403},
        SignatureRow{"unknown_key",
                     [](ServiceWorld& w) {
                       auto keys = w.operator_keys();
                       keys.access_key_id = "AKIANOBODY";
                       return w.signed_request(kZones, keys);
                     },
                     "ec2", "AuthFailure", 401},
        SignatureRow{"unknown_key_elsewhere",
                     [](ServiceWorld& w) {
                       auto keys = w.operator_keys();
                       keys.access_key_id = "AKIANOBODY";
                       return w.signed_request(kGroups, keys, "autoscaling");
                     },
                     "autoscaling", "InvalidClientTokenId", 403},
        SignatureRow{"role_without_its_token",
                     [](ServiceWorld& w) {
                       auto keys = w.keys.credentials_of(w.member("masters-a"));
                       keys.session_token = Secret();
                       return w.signed_request(kZones, keys);
                     },
                     "ec2", "AuthFailure", 401},
        SignatureRow{"wrong_region",
                     [](ServiceWorld& w) {
                       return w.signed_request(kZones, w.operator_keys(), "ec2", "us-east-1");
                     },
                     "ec2", "AuthFailure", 401},
        SignatureRow{"too_old",
                     [](ServiceWorld& w) {
                       auto request = w.signed_request(kZones, w.operator_keys());
                       w.clock.advance(5min + 1s);
                       return request;
                     },
                     "ec2", "RequestExpired", 400},
        SignatureRow{"too_old_elsewhere",
                     [](ServiceWorld& w) {
                       auto request = w.signed_request(kGroups, w.operator_keys(), "autoscaling");
                       w.clock.advance(5min + 1s);
                       return request;
                     },
                     "autoscaling", "SignatureDoesNotMatch", 403},
        SignatureRow{"old_but_not_too_old",
                     [](ServiceWorld& w) {
                       auto request = w.signed_request(kZones, w.operator_keys());
                       w.clock.advance(4min + 59s);
                       return request;
                     },
                     "ec2", "(none)", 200},
        SignatureRow{"from_the_future",
                     [](ServiceWorld& w) {
                       w.region.set_clock_skew(-5min - 1s);
                       return w.signed_request(kZones, w.operator_keys());
                     },
                     "ec2", "SignatureDoesNotMatch", 403},
        SignatureRow{"expired_role",
                     [](ServiceWorld& w) {
                       auto keys = w.keys.credentials_of(w.member("masters-a"));
                       w.clock.advance(6h);
                       return w.signed_request(kZones, keys);
                     },
                     "ec2", "RequestExpired", 400},
        SignatureRow{"expired_role_elsewhere",
                     [](ServiceWorld& w) {
                       auto keys = w.keys.credentials_of(w.member("masters-a"));
                       w.clock.advance(6h);
                       return w.signed_request(kGroups, keys, "autoscaling");
                     },
                     "autoscaling", "ExpiredToken", 403}),
    [](auto const& row) { return row.param.name; });

TEST_F(Ec2ServiceTest, AGetWithTheSameQueryIsAnsweredTheSame) {
  HttpRequest http;
  http.url = "https://ec2.eu-west-1.amazonaws.com/?Action=DescribeRegions&Version=2016-11-15";
  aws::Signer({"eu-west-1", "ec2"}).sign(http, world_.operator_keys(), world_.clock.utc());
  Request request;
  request.wire = {"GET", "/", "Action=DescribeRegions&Version=2016-11-15", http.headers, ""};
  request.wire.headers.emplace_back("host", "ec2.eu-west-1.amazonaws.com");
  auto const response = world_.api.handle(request);
  EXPECT_EQ(text(response.body, "//regionName"), "eu-west-1") << response.body;
}

TEST_F(Ec2ServiceTest, APresignedCallerIdentityNamesTheInstance) {
  auto const instance = world_.member("masters-a");
  HttpRequest http;
  http.url = "https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15";
  http.headers = {{"x-k8s-aws-id", "demo"}};
  auto const url =
      aws::Signer({"eu-west-1", "sts"})
          .presign(http, world_.keys.credentials_of(instance), world_.clock.utc(), 60s);
  Request request;
  request.wire = {"GET", "/", url.substr(url.find('?') + 1), {{"x-k8s-aws-id", "demo"}}, ""};
  request.wire.headers.emplace_back("host", "sts.eu-west-1.amazonaws.com");
  auto const arn = "arn:aws:sts::123456789012:assumed-role/haagent-master/" + instance.id;
  EXPECT_EQ(text(world_.api.handle(request).body, "//GetCallerIdentityResult/Arn"), arn);
  world_.clock.advance(14min);  // STS honours it for 15 minutes, whatever it says
  EXPECT_EQ(text(world_.api.handle(request).body, "//GetCallerIdentityResult/Arn"), arn);
  world_.clock.advance(2min);
  EXPECT_EQ(error_code(world_.api.handle(request)), "SignatureDoesNotMatch");
  request.wire.headers.front().second = "other";
  EXPECT_EQ(error_code(world_.api.handle(request)), "SignatureDoesNotMatch");
}

TEST_F(Ec2ServiceTest, DeniedActionsAreDeniedToInstancesAndNotToOperators) {
  world_.region.api_faults().deny({"AttachVolume"});
  auto const instance = world_.member("masters-a");
  Parameters const attach = {{"Action", "AttachVolume"},
                             {"VolumeId", world_.volume("main-a")},
                             {"InstanceId", instance.id},
                             {"Device", "/dev/sdf"},
                             {"DryRun", "true"}};
  auto const response = world_.call_as(instance, attach);
  EXPECT_EQ(response.status, 403);
  EXPECT_EQ(error_code(response), "UnauthorizedOperation");
  EXPECT_THAT(text(response.body, "//Message"),
              HasSubstr("Encoded authorization failure message: "));
  EXPECT_EQ(error_code(world_.call(attach)), "DryRunOperation");
}

TEST_F(Ec2ServiceTest, FaultsThrottleFailCloseAndLose) {
  auto const instance = world_.member("masters-a");
  auto const volume = world_.volume("main-a");
  Parameters const attach = {{"Action", "AttachVolume"},
                             {"VolumeId", volume},
                             {"InstanceId", instance.id},
                             {"Device", "/dev/sdf"}};
  auto& faults = world_.region.api_faults();

  faults.set(FaultKind::throttle, {.next = 1, .probability = 1, .actions = {}});
  auto response = world_.call_as(instance, attach);
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(error_code(response), "RequestLimitExceeded");

  faults.set(FaultKind::fail, {.next = 1, .probability = 1, .actions = {}});
  response = world_.call_as(instance, attach);
  EXPECT_EQ(response.status, 500);
  EXPECT_EQ(error_code(response), "InternalError");

  faults.set(FaultKind::unavailable, {.next = 1, .probability = 1, .actions = {}});
  EXPECT_EQ(error_code(world_.call_as(instance, attach)), "Unavailable");

  faults.set(FaultKind::down, {.next = 1, .probability = 1, .actions = {}});
  EXPECT_EQ(world_.call_as(instance, attach).delivery, Response::Delivery::close);
  EXPECT_FALSE(world_.shown(volume).attachment);  // nothing of the above was carried out

  faults.set(FaultKind::lose, {.next = 1, .probability = 1, .actions = {}});
  EXPECT_EQ(world_.call_as(instance, attach).delivery, Response::Delivery::close);
  EXPECT_TRUE(world_.shown(volume).attachment);  // carried out, and the answer lost

  faults.set_latency(3s);
  EXPECT_EQ(world_.call_as(instance, attach).delay, 3s);
  EXPECT_EQ(error_code(world_.call_as(instance, attach)), "VolumeInUse");

  auto const counts = world_.region.calls().counts();
  auto const& count = counts.at(instance.id).at("ec2:AttachVolume");
  EXPECT_EQ(count.calls, 7u);
  EXPECT_EQ(count.errors, 6u);
  EXPECT_EQ(count.codes.at("VolumeInUse"), 2u);
}

TEST_F(Ec2ServiceTest, TheDateIsTheApisOwnClock) {
  world_.region.set_clock_skew(2min);
  auto const response = world_.call(kZones);
  EXPECT_EQ(header_of(response.headers, "Date"), "Thu, 15 Jan 2026 10:17:01 GMT");
}

// ---- Auto Scaling

TEST_F(Ec2ServiceTest, GroupsAndTheirMembers) {
  auto const id = world_.member("masters-a").id;
  auto const response = world_.call(kGroups, "autoscaling");
  EXPECT_THAT(texts(response.body, "//AutoScalingGroups/member/AutoScalingGroupName"),
              ElementsAre("masters-a", "masters-b", "masters-c"));
  EXPECT_EQ(text(response.body,
                 "//DescribeAutoScalingGroupsResult//Instances/member[InstanceId]/LifecycleState"),
            "InService");
  auto const one = world_.call({{"Action", "DescribeAutoScalingInstances"},
                                {"InstanceIds.member.1", id},
                                {"InstanceIds.member.2", "i-0123456789abcdef0"}},
                               "autoscaling");
  EXPECT_THAT(texts(one.body, "//AutoScalingInstances/member/InstanceId"), ElementsAre(id));
  EXPECT_EQ(text(one.body, "//AutoScalingInstances/member/AutoScalingGroupName"), "masters-a");

  auto const ended = world_.call({{"Action", "TerminateInstanceInAutoScalingGroup"},
                                  {"InstanceId", id},
                                  {"ShouldDecrementDesiredCapacity", "false"}},
                                 "autoscaling");
  EXPECT_EQ(text(ended.body, "//Activity/StatusCode"), "InProgress") << ended.body;
  world_.pass(3s);
  EXPECT_NE(world_.member("masters-a").id, id);

  auto const refused = world_.call({{"Action", "SetDesiredCapacity"},
                                    {"AutoScalingGroupName", "masters-a"},
                                    {"DesiredCapacity", "2"}},
                                   "autoscaling");
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(text(refused.body, "/ErrorResponse/Error/Code"), "ValidationError");
  EXPECT_EQ(text(refused.body, "/ErrorResponse/Error/Type"), "Sender");
}

}  // namespace
}  // namespace haagent::sim
