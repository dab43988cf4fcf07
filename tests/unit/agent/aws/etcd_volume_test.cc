#include "agent/aws/etcd_volume.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace haagent::aws {
namespace {

TEST(EtcdTag, ReadsMemberAndMembers) {
  auto tag = parse_etcd_tag("b/a,b,c");
  ASSERT_TRUE(tag) << tag.error().message.text;
  EXPECT_EQ(*tag, (EtcdTag{"b", {"a", "b", "c"}}));
  EXPECT_EQ(*parse_etcd_tag("eu-west-1a/eu-west-1a"), (EtcdTag{"eu-west-1a", {"eu-west-1a"}}));
}

TEST(EtcdTag, RefusesWhatIsNoTag) {
  for (auto bad : {"", "a", "/", "a/", "/a", "a/b,c", "a/a,,b", "a/a,a", "a/a,b,", "A/A", "a/a b",
                   "a/a/b", "-a/-a", "a/a,b\n"}) {
    auto tag = parse_etcd_tag(bad);
    ASSERT_FALSE(tag) << bad;
    EXPECT_EQ(tag.error().kind, Kind::invalid);
    EXPECT_THAT(tag.error().message.text, testing::HasSubstr(bad));
  }
}

TEST(EtcdTag, RefusesWhatIsLongerThanATag) {
  std::string value = "m0/m0";
  for (int i = 1; value.size() <= 256; ++i) value += fmt::format(",m{}", i);
  auto tag = parse_etcd_tag(value);
  ASSERT_FALSE(tag);
  EXPECT_EQ(tag.error().kind, Kind::invalid);
  EXPECT_LT(tag.error().message.text.size(), 200u);
}

Volume volume_of(std::string tag, std::vector<Attachment> attachments = {}) {
  Volume volume{.id = "vol-b", .attachments = std::move(attachments)};
  volume.tags = {{"k8s.io/etcd/main", std::move(tag)}, {"kubernetes.io/cluster/x", "owned"}};
  return volume;
}

TEST(EtcdVolumeOf, ReadsTheTagsOfKops) {
  auto const volume = volume_of("b/a,b,c", {{"i-b", "/dev/sdf", "attached", "t", false}});
  auto const main = etcd_volume_of(volume, EtcdCluster::main);
  ASSERT_TRUE(main);
  EXPECT_EQ(main->member, "b");
  EXPECT_EQ(main->members, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(main->tag_error, "");
  EXPECT_EQ(main->instance_id, "i-b");
  EXPECT_EQ(main->device_name, "/dev/sdf");
  EXPECT_EQ(main->attached_at, "t");
  EXPECT_FALSE(etcd_volume_of(volume, EtcdCluster::events));
}

// Nobody guesses whose it is, and nobody takes it for one that is not there.
TEST(EtcdVolumeOf, ABadTagNamesNobodyAndIsThere) {
  for (auto const* tag : {"b", "", "B/A,B", "d/a,b,c", "b/a,,b"}) {
    auto const volume = etcd_volume_of(volume_of(tag), EtcdCluster::main);
    ASSERT_TRUE(volume) << tag;
    EXPECT_EQ(volume->member, "") << tag;
    EXPECT_TRUE(volume->members.empty()) << tag;
    EXPECT_NE(volume->tag_error, "") << tag;
  }
}

TEST(EtcdVolumeOf, WhatDetachesIsAttachedAndHeldByNobody) {
  auto const at = [](std::vector<Attachment> attachments) {
    return untagged_etcd_volume(volume_of("b/b", std::move(attachments)));
  };
  Attachment const gone{"i-1", "/dev/sdf", "detached", "", false};
  Attachment const leaving{"i-2", "/dev/sdg", "detaching", "", false};
  Attachment const busy{"i-3", "/dev/sdh", "busy", "", false};
  EXPECT_EQ(at({}).holder(), "");
  EXPECT_EQ(at({gone}).instance_id, "");
  EXPECT_EQ(at({leaving}).instance_id, "i-2");
  EXPECT_EQ(at({leaving}).device_name, "/dev/sdg");
  EXPECT_EQ(at({leaving}).holder(), "");
  EXPECT_EQ(at({busy}).holder(), "i-3");
  EXPECT_EQ(at({leaving, gone, busy}).holder(), "i-3");
  EXPECT_EQ(at({busy, leaving}).holder(), "i-3");
}

TEST(EtcdVolumesOf, AreOwnedAndInTheirIdsOrder) {
  auto of_others = volume_of("a/a");
  of_others.id = "vol-0";
  of_others.tags["kubernetes.io/cluster/x"] = "shared";
  auto events = volume_of("a/a");
  events.id = "vol-1";
  events.tags = {{"k8s.io/etcd/events", "a/a"}, {"kubernetes.io/cluster/x", "owned"}};
  auto bad = volume_of("nonsense");
  bad.id = "vol-a";
  auto const found =
      etcd_volumes_of({volume_of("b/b"), of_others, events, bad}, "x", EtcdCluster::main);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].volume_id, "vol-a");
  EXPECT_EQ(found[1].volume_id, "vol-b");
}

}  // namespace
}  // namespace haagent::aws
