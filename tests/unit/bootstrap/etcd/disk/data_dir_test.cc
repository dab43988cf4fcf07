#include "bootstrap/etcd/disk/data_dir.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/bolt_bytes.h"
#include "tests/support/temporary_directory.h"

namespace haagent::bootstrap {
namespace {

namespace fs = std::filesystem;
using State = DataDir::State;

// The first bytes of a log that etcd 3.4.23 wrote: a checksum record, then the metadata record.
std::string real_log() {
  constexpr unsigned char kBytes[] = {
      0x04, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x84, 0x08, 0x04, 0x10, 0x00, 0x00, 0x00, 0x00,
      0x00, 0x1f, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x81, 0x08, 0x01, 0x10, 0x90, 0x8d, 0xd4,
      0x83, 0x04, 0x1a, 0x15, 0x08, 0xf3, 0xe5, 0x9c, 0xf5, 0x96, 0xd8, 0x9c, 0xaa, 0x38, 0x10,
      0x95, 0xcd, 0x9b, 0xd5, 0xb6, 0xa2, 0x9c, 0xd9, 0xb0, 0x01, 0x00, 0x0e};
  return {reinterpret_cast<char const*>(kBytes), sizeof kBytes};
}

TEST(WalIdentity, IsReadFromARealLog) {
  auto identity = wal_identity(real_log());
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->member_id, 4058995339278365427u);
  EXPECT_EQ(identity->cluster_id, 12732363424737453717u);
}

TEST(WalIdentity, NothingOutsideTheBytesIsRead) {
  auto const log = real_log();
  for (std::size_t length = 0; length < log.size() - 2; ++length)
    EXPECT_FALSE(wal_identity(std::string(log.data(), length))) << length;
  for (std::size_t at = 0; at < log.size(); ++at) {
    auto broken = log;
    for (int bit = 0; bit < 8; ++bit) {
      broken[at] = static_cast<char>(log[at] ^ (1 << bit));
      wal_identity(broken);
    }
  }
  EXPECT_FALSE(wal_identity(std::string(1024, '\0')));
  EXPECT_FALSE(wal_identity(std::string(1024, '\xff')));
}

class DataDirTest : public testing::Test {
 protected:
  void write(std::string const& below, std::string_view bytes = "x") {
    test::write_bytes(volume_ / below, bytes);
  }
  DataDir inspect() {
    auto found = inspect_data_dir(volume_.path());
    EXPECT_TRUE(found) << found.error().message.text;
    return found.value_or(DataDir{});
  }
  test::TemporaryDirectory volume_;
};

TEST_F(DataDirTest, Blank) {
  EXPECT_EQ(inspect().state, State::blank);
  fs::create_directories(volume_ / "lost+found");
  write("haagent.json");
  write(".haagent.json.Ab3xYz");  // a write of the marker that was cut off
  fs::create_directories(volume_ / "data");
  auto found = inspect();
  EXPECT_EQ(found.state, State::blank);
  EXPECT_TRUE(found.foreign.empty());
  EXPECT_TRUE(found.set_aside.empty());
}

TEST_F(DataDirTest, ALogMakesAMember) {
  write("data/member/snap/db");
  EXPECT_EQ(inspect().state, State::unfinished);
  write("data/member/wal/0.tmp");
  EXPECT_EQ(inspect().state, State::unfinished);
  write("data/member/wal/0000000000000000-0000000000000000.wal", real_log());
  auto found = inspect();
  EXPECT_EQ(found.state, State::member);
  EXPECT_EQ(found.identity.member_id, 4058995339278365427u);
  EXPECT_TRUE(found.foreign.empty());
}

TEST_F(DataDirTest, ALogThatCannotBeReadIsStillAMember) {
  write("data/member/wal/0000000000000000-0000000000000000.wal", "garbage");
  auto found = inspect();
  EXPECT_EQ(found.state, State::member);
  EXPECT_EQ(found.identity, WalIdentity{});
}

TEST_F(DataDirTest, ForeignContentIsNamed) {
  write("state");                // etcd-manager's
  write("data/token/member/x");  // its data
  fs::create_directories(volume_ / "data.20260115T101500Z");
  auto found = inspect();
  EXPECT_EQ(found.foreign, (std::vector<std::string>{"state", "data/token"}));
  EXPECT_EQ(found.set_aside, std::vector<std::string>{"data.20260115T101500Z"});
}

TEST_F(DataDirTest, WhatCannotBeReadIsRefused) {
  auto gone = inspect_data_dir(volume_ / "gone");
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().kind, Kind::refused);
  fs::create_directories(volume_ / "data/member/wal");
  fs::create_symlink("nowhere", volume_ / "data/member/wal/0.wal");
  auto log = inspect_data_dir(volume_.path());
  ASSERT_FALSE(log) << "a log that cannot be read was taken for one of nobody";
  EXPECT_EQ(log.error().kind, Kind::refused);
  fs::remove_all(volume_ / "data");
  write("data");  // a file where a folder should be
  auto file = inspect_data_dir(volume_.path());
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().kind, Kind::refused);
}

// A folder of another disk, in the place of one of the volume's: it holds nothing, or another's.
TEST_F(DataDirTest, WhatLeadsAwayFromTheVolumeIsRefused) {
  for (std::string const folder : {"data", "data/member", "data/member/wal", "data/member/snap"})
    for (std::string const target : {"/proc", "nowhere"}) {
      SCOPED_TRACE(folder + " -> " + target);
      fs::remove_all(volume_ / "data");
      write("data/member/wal/0000000000000000-0000000000000000.wal", real_log());
      fs::remove_all(volume_ / folder);
      fs::create_symlink(target, volume_ / folder);
      auto const found = inspect_data_dir(volume_.path());
      ASSERT_FALSE(found) << "it was taken for the volume's";
      EXPECT_EQ(found.error().kind, Kind::refused);
    }
}

TEST_F(DataDirTest, OldRequestsAreLookedForBehindTheNewestSnapshot) {
  // An entry, and in it the request that etcd 3.4 makes of a look at /health.
  std::string const head("\x16\0\0\0\0\0\0\x82\x08\x02\x1a\x12\x08\0\x10\x02\x18", 17);
  auto const log =
      head + std::string("\x05\x22\x0a\x08\x01\x12\x04QGET\x1a\0", 13) + std::string(2, '\0');
  EXPECT_EQ(old_requests(volume_.path()), OldRequests::none);
  write("data/member/wal/0000000000000000-0000000000000000.wal", real_log());
  EXPECT_EQ(old_requests(volume_.path()), OldRequests::none);
  write("data/member/wal/0000000000000001-0000000000000005.wal", log);
  EXPECT_EQ(old_requests(volume_.path()), OldRequests::others);
  write("data/member/snap/0000000000000002-0000000000000004.snap");
  EXPECT_EQ(old_requests(volume_.path()), OldRequests::others);
  write("data/member/snap/0000000000000002-0000000000000005.snap");
  EXPECT_EQ(old_requests(volume_.path()), OldRequests::none);
  fs::create_symlink("nowhere", volume_ / "data/member/wal/0000000000000002-0000000000000009.wal");
  EXPECT_FALSE(old_requests(volume_.path()))
      << "a log that cannot be read was taken for a good one";
}

TEST_F(DataDirTest, TheRevisionIsThatOfTheNewestKey) {
  auto key = [](unsigned char high, unsigned char low) {
    std::string bytes(17, '\0');
    bytes[6] = static_cast<char>(high);
    bytes[7] = static_cast<char>(low);
    bytes[8] = '_';
    return bytes;
  };
  EXPECT_FALSE(stored_revision(volume_.path()));
  write("data/member/snap/db", test::bolt_database({{"key", {}}, {"meta", {{"a", "b"}}}}));
  EXPECT_FALSE(stored_revision(volume_.path()));
  write("data/member/snap/db",
        test::bolt_database({{"key", {{key(0, 2), "x"}, {key(1, 5), "x"}, {key(0, 250), "x"}}}}));
  EXPECT_EQ(stored_revision(volume_.path()), 261u);
}

TEST_F(DataDirTest, SettingAsideKeepsEveryByte) {
  UtcTime const now(std::chrono::seconds(1768472100));
  write("data/member/wal/0.wal", "one");
  EXPECT_EQ(set_data_dir_aside(volume_.path(), now), "data.20260115T101500Z");
  write("data/member/wal/0.wal", "two");
  EXPECT_EQ(set_data_dir_aside(volume_.path(), now), "data.20260115T101500Z-2");
  EXPECT_EQ(test::bytes_of(volume_ / "data.20260115T101500Z/member/wal/0.wal"), "one");
  EXPECT_EQ(test::bytes_of(volume_ / "data.20260115T101500Z-2/member/wal/0.wal"), "two");
  EXPECT_EQ(inspect().state, State::blank);
  EXPECT_EQ(inspect().set_aside.size(), 2u);
}

}  // namespace
}  // namespace haagent::bootstrap
