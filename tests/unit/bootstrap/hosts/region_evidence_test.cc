#include "bootstrap/hosts/region_evidence.h"

#include <gtest/gtest.h>

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;

aws::Volume volume_of(std::string id, std::string tag) {
  aws::Volume volume{.id = std::move(id)};
  volume.tags = {{"kubernetes.io/cluster/x", "owned"}};
  if (!tag.empty()) volume.tags["k8s.io/etcd/main"] = std::move(tag);
  return volume;
}

SteadyTime at(Duration since) {
  return SteadyTime(since);
}

// EC2 answered for all of them then.
aws::RegionSnapshot answer(Duration when, std::vector<aws::Volume> volumes) {
  aws::RegionSnapshot region;
  for (auto const& each : volumes) region.volume_at[each.id] = at(when);
  region.volumes = std::move(volumes);
  region.all_at = at(when);
  return region;
}

TEST(RegionEvidence, IsNoneBeforeEc2WasAsked) {
  RegionEvidence evidence;
  EXPECT_FALSE(evidence.evidence(EtcdCluster::main, at(1s)));
  evidence.seed(EtcdCluster::main, {{.volume_id = "vol-a", .member = "a"}});
  EXPECT_EQ(evidence.volumes(EtcdCluster::main).size(), 1u);
  EXPECT_FALSE(evidence.evidence(EtcdCluster::main, at(1s))) << "nobody says how old it is";
}

TEST(RegionEvidence, TagsAgreeFromTheFirstAnswerThatHasThem) {
  RegionEvidence evidence;
  evidence.take(answer(10s, {volume_of("vol-a", "a/a,b")}), "x");
  evidence.take(answer(40s, {volume_of("vol-a", "a/b,a")}), "x");
  auto const seen = evidence.evidence(EtcdCluster::main, at(45s));
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->age, 5s);
  EXPECT_EQ(seen->tags_agree_for, 30s) << "the order of the members says nothing";
  evidence.take(answer(50s, {volume_of("vol-a", "a/a")}), "x");
  EXPECT_EQ(evidence.evidence(EtcdCluster::main, at(50s))->tags_agree_for, 0s);
}

// One of them was asked for by its id since: what it listed at the answer for all nobody knows.
TEST(RegionEvidence, AVolumeThatWasAskedForSinceMakesTheTagsNoOlderThanThat) {
  RegionEvidence evidence;
  auto region = answer(10s, {volume_of("vol-a", "a/a"), volume_of("vol-b", "b/b")});
  region.volume_at["vol-a"] = at(30s);
  evidence.take(region, "x");
  EXPECT_EQ(evidence.evidence(EtcdCluster::main, at(30s))->tags_agree_for, 0s);
  EXPECT_EQ(evidence.evidence(EtcdCluster::main, at(30s))->age, 20s) << "of the oldest of it";
  evidence.take(answer(45s, {volume_of("vol-a", "a/a"), volume_of("vol-b", "b/b")}), "x");
  EXPECT_EQ(evidence.evidence(EtcdCluster::main, at(45s))->tags_agree_for, 15s);
}

TEST(RegionEvidence, WhatHasNoTagOfAMemberIsRetiredAndABadTagIsNot) {
  RegionEvidence evidence;
  auto others = volume_of("vol-other", "");
  others.tags["kubernetes.io/cluster/x"] = "shared";
  evidence.take(answer(1s, {volume_of("vol-a", "a/a"), volume_of("vol-bad", "nonsense"),
                            volume_of("vol-old", ""), others}),
                "x");
  auto const seen = evidence.evidence(EtcdCluster::main, at(1s));
  ASSERT_EQ(seen->volumes.size(), 2u);
  EXPECT_NE(seen->volumes[1].tag_error, "");
  ASSERT_EQ(seen->retired.size(), 1u);
  EXPECT_EQ(seen->retired[0].volume_id, "vol-old");
}

}  // namespace
}  // namespace haagent::bootstrap
