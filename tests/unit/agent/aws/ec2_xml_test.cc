#include "agent/aws/ec2_xml.h"

#include <gtest/gtest.h>

#include "tests/support/golden.h"
#include "tests/support/temporary_directory.h"

namespace haagent::aws {
namespace {

std::string golden(std::string const& name) {
  return test::bytes_of(test::golden_path("aws/" + name));
}

TEST(Ec2Bodies, Describe) {
  EXPECT_EQ(describe_body("DescribeVolumes",
                          {.filters = {{"availability-zone", {"eu-west-1a"}},
                                       {"tag:kubernetes.io/cluster/demo", {"owned", "shared"}}}},
                          ""),
            "Action=DescribeVolumes&Version=2016-11-15&Filter.1.Name=availability-zone&"
            "Filter.1.Value.1=eu-west-1a&Filter.2.Name=tag%3Akubernetes.io%2Fcluster%2Fdemo&"
            "Filter.2.Value.1=owned&Filter.2.Value.2=shared&MaxResults=500");
  EXPECT_EQ(describe_body("DescribeInstances", {}, "page+2=="),
            "Action=DescribeInstances&Version=2016-11-15&MaxResults=200&NextToken=page%2B2%3D%3D");
}

TEST(Ec2Bodies, IdsComeWithoutAPageSize) {
  EXPECT_EQ(describe_body("DescribeVolumes", {.ids = {"vol-1", "vol-2"}}, ""),
            "Action=DescribeVolumes&Version=2016-11-15&VolumeId.1=vol-1&VolumeId.2=vol-2");
  EXPECT_EQ(describe_body("DescribeInstances", {.ids = {"i-1"}}, ""),
            "Action=DescribeInstances&Version=2016-11-15&InstanceId.1=i-1");
}

TEST(Ec2Bodies, Mutating) {
  EXPECT_EQ(attach_volume_body("vol-1", "i-1", "/dev/sdf"),
            "Action=AttachVolume&Version=2016-11-15&VolumeId=vol-1&InstanceId=i-1&"
            "Device=%2Fdev%2Fsdf");
  EXPECT_EQ(detach_volume_body("vol-1", "i-1", false),
            "Action=DetachVolume&Version=2016-11-15&VolumeId=vol-1&InstanceId=i-1");
  EXPECT_EQ(detach_volume_body("vol-1", "i-1", true),
            "Action=DetachVolume&Version=2016-11-15&VolumeId=vol-1&InstanceId=i-1&Force=true");
  EXPECT_EQ(create_tags_body("vol-1", {{"a", "1 2"}, {"haagent.io/formatted-at", "x"}}),
            "Action=CreateTags&Version=2016-11-15&ResourceId.1=vol-1&Tag.1.Key=a&"
            "Tag.1.Value=1%202&Tag.2.Key=haagent.io%2Fformatted-at&Tag.2.Value=x");
}

TEST(Ec2Answers, Volumes) {
  auto page = read_volumes(golden("describe_volumes.xml"));
  ASSERT_TRUE(page) << page.error().message.text;
  EXPECT_EQ(page->next_token, "page+2==");
  ASSERT_EQ(page->items.size(), 2u);
  EXPECT_EQ(page->items[0], (Volume{.id = "vol-0a1b2c3d4e5f60718",
                                    .zone = "eu-west-1a",
                                    .state = "in-use",
                                    .snapshot_id = "",
                                    .create_time = "2026-01-02T03:04:05.678Z",
                                    .size_gib = 20,
                                    .multi_attach = false,
                                    .type = "gp3",
                                    .encrypted = true,
                                    .attachments = {{.instance_id = "i-0123456789abcdef0",
                                                     .device = "/dev/sdf",
                                                     .state = "attached",
                                                     .attach_time = "2026-01-15T10:00:00.000Z"}},
                                    .tags = {{"k8s.io/etcd/main", "a/a,b,c"},
                                             {"Name", "a.etcd-main.demo & more"},
                                             {"empty", ""}}}));
  EXPECT_EQ(page->items[1], (Volume{.id = "vol-1",
                                    .zone = "eu-west-1b",
                                    .state = "creating",
                                    .snapshot_id = "snap-0123456789abcdef0",
                                    .size_gib = 8,
                                    .multi_attach = true}));
}

TEST(Ec2Answers, Instances) {
  auto page = read_instances(golden("describe_instances.xml"));
  ASSERT_TRUE(page) << page.error().message.text;
  EXPECT_EQ(page->next_token, "");
  ASSERT_EQ(page->items.size(), 3u);
  EXPECT_EQ(
      page->items[0],
      (Instance{.id = "i-0123456789abcdef0",
                .state = "running",
                .type = "m6i.large",
                .zone = "eu-west-1a",
                .ipv4 = "10.0.0.10",
                .ipv6 = "2001:db8::10",
                .private_dns_name = "ip-10-0-0-10.eu-west-1.compute.internal",
                .launch_time = "2026-01-15T09:58:00.000Z",
                .root_device = "/dev/xvda",
                .block_devices = {{"/dev/xvda", "vol-root"}, {"/dev/sdf", "vol-0a1b2c3d4e5f60718"}},
                .metadata = {.tokens = "required", .hop_limit = 1},
                .tags = {{"k8s.io/role/control-plane", "1"}}}));
  EXPECT_EQ(page->items[1], (Instance{.id = "i-2", .state = "terminated", .type = "m6i.large"}));
  EXPECT_EQ(page->items[2].ipv6, "2001:db8::3");
}

TEST(Ec2Answers, PrefixesAndCommentsDoNotMatter) {
  auto page = read_volumes(
      "<e:DescribeVolumesResponse xmlns:e='x'><!-- c --><e:volumeSet><e:item>"
      "<e:volumeId>vol-1</e:volumeId></e:item></e:volumeSet></e:DescribeVolumesResponse>");
  ASSERT_TRUE(page) << page.error().message.text;
  ASSERT_EQ(page->items.size(), 1u);
  EXPECT_EQ(page->items[0].id, "vol-1");
}

TEST(Ec2Answers, Attachment) {
  auto got = read_attachment(
      "<AttachVolumeResponse><requestId>r</requestId><volumeId>vol-1</volumeId>"
      "<instanceId>i-1</instanceId><device>/dev/sdf</device><status>attaching</status>"
      "<attachTime>2026-01-15T10:15:00.000Z</attachTime></AttachVolumeResponse>");
  ASSERT_TRUE(got) << got.error().message.text;
  EXPECT_EQ(*got, (Attachment{.instance_id = "i-1",
                              .device = "/dev/sdf",
                              .state = "attaching",
                              .attach_time = "2026-01-15T10:15:00.000Z"}));
}

TEST(Ec2Answers, Done) {
  EXPECT_TRUE(read_done("CreateTags",
                        "<CreateTagsResponse><return>true</return>"
                        "</CreateTagsResponse>"));
  EXPECT_TRUE(read_done("DetachVolume",
                        "<DetachVolumeResponse><status>detaching</status>"
                        "</DetachVolumeResponse>"));
  EXPECT_FALSE(read_done("CreateTags",
                         "<CreateTagsResponse><return>false</return>"
                         "</CreateTagsResponse>"));
}

TEST(Ec2Answers, WhatIsNoAnswerIsTransient) {
  for (std::string xml :
       {"", "no xml", "<DescribeVolumesResponse><volumeSet>",
        "<html><body>Sign in to the network</body></html>", "<DescribeInstancesResponse/>"}) {
    auto page = read_volumes(xml);
    ASSERT_FALSE(page) << xml;
    EXPECT_EQ(page.error().kind, Kind::transient) << page.error().message.text;
    EXPECT_EQ(read_attachment(xml).error().kind, Kind::transient);
    EXPECT_EQ(read_done("CreateTags", xml).error().kind, Kind::transient);
  }
}

TEST(Ec2Answers, ItemWithoutItsIdIsInvalid) {
  EXPECT_EQ(read_volumes("<DescribeVolumesResponse><volumeSet><item><size>1</size></item>"
                         "</volumeSet></DescribeVolumesResponse>")
                .error()
                .kind,
            Kind::invalid);
  EXPECT_EQ(read_instances("<DescribeInstancesResponse><reservationSet><item><instancesSet><item/>"
                           "</instancesSet></item></reservationSet></DescribeInstancesResponse>")
                .error()
                .kind,
            Kind::invalid);
  EXPECT_EQ(read_attachment("<AttachVolumeResponse/>").error().kind, Kind::invalid);
}

TEST(Ec2Answers, Failure) {
  auto failure = read_failure(
      "<?xml version=\"1.0\"?><Response><Errors><Error><Code>IncorrectState</Code><Message>Volume "
      "'vol-1' is in the 'available' state.</Message></Error><Error><Code>Second</Code></Error>"
      "</Errors><RequestID>r</RequestID></Response>");
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->code, "IncorrectState");
  EXPECT_EQ(failure->message, "Volume 'vol-1' is in the 'available' state.");
  failure = read_failure(
      "<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded"
      "</Message></Error><RequestId>r</RequestId></ErrorResponse>");
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->code, "Throttling");
  EXPECT_FALSE(read_failure("<DescribeVolumesResponse/>"));
  EXPECT_FALSE(read_failure("not xml"));
}

// Elements nested deep, cut short or broken: an error or an answer, never a crash.
TEST(Ec2Answers, HostileBytesAreNoTrouble) {
  std::string deep = "<DescribeVolumesResponse>";
  for (int i = 0; i < 100'000; ++i) deep += "<volumeSet>";
  EXPECT_FALSE(read_volumes(deep));
  for (int i = 0; i < 100'000; ++i) deep += "</volumeSet>";
  EXPECT_TRUE(read_volumes(deep + "</DescribeVolumesResponse>"));
  auto whole = golden("describe_volumes.xml");
  for (std::size_t cut = 0; cut < whole.size(); cut += 7) {
    EXPECT_FALSE(read_volumes(whole.substr(0, cut))) << cut;
  }
  for (std::size_t i = 0; i < whole.size(); ++i) {
    auto changed = whole;
    changed[i] = '\0';
    (void)read_volumes(changed);
    (void)read_failure(changed);
  }
}

}  // namespace
}  // namespace haagent::aws
