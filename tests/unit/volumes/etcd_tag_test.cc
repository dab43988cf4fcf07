#include "volumes/etcd_tag.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace haagent::volumes {
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

TEST(EtcdTag, DetachedAttachmentsDoNotCount) {
  aws::Volume volume;
  volume.id = "vol-1";
  volume.attachments = {{"i-1", "/dev/sdf", "detached", "", false}};
  EXPECT_EQ(to_etcd_volume(volume, {}).instance_id, "");
}

}  // namespace
}  // namespace haagent::volumes
