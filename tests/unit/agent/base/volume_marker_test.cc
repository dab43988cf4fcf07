#include "agent/base/volume_marker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temporary_directory.h"

namespace haagent {
namespace {

VolumeMarker const kMarker{.cluster = "prod.example.com",
                           .etcd = "main",
                           .member = "a",
                           .members = {"a", "b", "c"},
                           .volume_id = "vol-1",
                           .formatted_at = "2026-01-15T10:15:00Z",
                           .etcd_cluster_id = "cafe",
                           .etcd_version = "3.5.35",
                           .etcd_data_version = "3.5"};

TEST(VolumeMarker, IsReadAsItWasWritten) {
  test::TemporaryDirectory folder;
  EXPECT_EQ(*read_volume_marker(folder.path()), std::nullopt);
  ASSERT_TRUE(write_volume_marker(folder.path(), kMarker));
  EXPECT_EQ(*read_volume_marker(folder.path()), kMarker);
}

TEST(VolumeMarker, WhatAnOperatorIsToldToWriteIsAMarker) {
  test::TemporaryDirectory folder;
  test::write_bytes(folder / "haagent.json", volume_marker_json(kMarker));
  EXPECT_EQ(*read_volume_marker(folder.path()), kMarker);
}

TEST(VolumeMarker, KeepsWhatANewerVersionWrote) {
  test::TemporaryDirectory folder;
  test::write_bytes(folder / "haagent.json",
                    R"({"futureKey": {"x": 1}, "cluster": "c", "etcd": "main", "member": "a",
                        "members": ["a"], "volumeId": "v"})");
  ASSERT_TRUE(write_volume_marker(folder.path(), kMarker));
  EXPECT_THAT(test::bytes_of(folder / "haagent.json"), testing::HasSubstr("futureKey"));
  EXPECT_EQ(*read_volume_marker(folder.path()), kMarker);
}

TEST(VolumeMarker, WhatDoesNotReadAsOneIsRefusedAndNotOverwritten) {
  for (auto bad :
       {"", "{", "[]", "{}", R"({"cluster": "c"})",
        R"({"cluster": 7, "etcd": "main", "member": "a", "members": ["a"], "volumeId": "v"})",
        R"({"cluster": "c", "etcd": "main", "member": "a", "volumeId": "v"})"}) {
    test::TemporaryDirectory folder;
    test::write_bytes(folder / "haagent.json", bad);
    auto marker = read_volume_marker(folder.path());
    ASSERT_FALSE(marker) << bad;
    EXPECT_EQ(marker.error().kind, Kind::refused);
  }
  test::TemporaryDirectory folder;
  test::write_bytes(folder / "haagent.json", "{\"torn");
  EXPECT_FALSE(write_volume_marker(folder.path(), kMarker));
  EXPECT_EQ(test::bytes_of(folder / "haagent.json"), "{\"torn");
}

}  // namespace
}  // namespace haagent
