#include "bootstrap/etcd/disk/ownership.h"

#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "tests/support/temporary_directory.h"

namespace haagent::bootstrap {
namespace {

namespace fs = std::filesystem;

constexpr UnitUser kEtcd{.uid = 998, .gid = 997};
constexpr UnitUser kRoot{.uid = 0, .gid = 0};

TEST(EtcdOwnership, SaysWhatOfAFileMustChange) {
  struct Row {
    char const* what;
    EtcdFile file;
    FileOwner now;
    UnitUser etcd;
    std::optional<FileOwner> wanted;
  };
  using enum EtcdFile;
  for (auto const& row : {
           Row{"an open folder", way, {0, 0, 0755}, kEtcd, {}},
           Row{"a folder that Debian's etcd closed",
               way,
               {110, 110, 0700},
               kEtcd,
               {{110, 110, 0701}}},
           Row{"a folder that its group alone may list, and etcd is in it",
               way,
               {0, 997, 0740},
               kEtcd,
               {{0, 997, 0750}}},
           Row{"a folder of etcd's own that it cannot enter",
               way,
               {998, 0, 0600},
               kEtcd,
               {{998, 0, 0700}}},
           Row{"the right of others counts for nobody in the group",
               way,
               {0, 997, 0701},
               kEtcd,
               {{0, 997, 0711}}},
           Row{"the agent's own etcd passes where the agent does",
               way,
               {110, 110, 0700},
               kRoot,
               {}},
           Row{"a key that is root's alone", shown, {0, 0, 0600}, kEtcd, {{0, 997, 0640}}},
           Row{"a key that is shown already", shown, {0, 997, 0640}, kEtcd, {}},
           Row{"a key that is shown to a group of another number",
               shown,
               {0, 112, 0640},
               kEtcd,
               {{0, 997, 0640}}},
           Row{"a key that all may read", shown, {0, 997, 0644}, kEtcd, {{0, 997, 0640}}},
           Row{"a key of etcd's own", shown, {998, 997, 0600}, kEtcd, {}},
           Row{"the agent's own etcd reads what the agent reads", shown, {0, 0, 0600}, kRoot, {}},
           Row{"data that is etcd's", data, {998, 997, 0600}, kEtcd, {}},
           Row{"data from where the user had another number",
               data,
               {64, 64, 0600},
               kEtcd,
               {{998, 997, 0600}}},
           Row{"data that root has restored", data, {0, 0, 0700}, kEtcd, {{998, 997, 0700}}},
           Row{"data of another group", data, {998, 0, 0600}, kEtcd, {{998, 997, 0600}}},
           Row{"data that would run as its owner", data, {0, 0, 06755}, kEtcd, {{998, 997, 0755}}},
           Row{"data that goes to an etcd of root's",
               data,
               {998, 997, 0600},
               kRoot,
               {{0, 0, 0600}}},
       }) {
    EXPECT_EQ(change_for(row.file, row.now, row.etcd, kRoot), row.wanted) << row.what;
  }
}

// A master's disk, and a volume on it.
class EtcdOwnershipOnDisk : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root: files are given to another user";
    put("/etc/haagent/etcd/main.yaml", 0600);
    put("/etc/kubernetes/pki/etcd/server.key", 0600);
    put("/etc/kubernetes/pki/etcd/peer.key", 0600);
    put("/etc/kubernetes/pki/etcd/healthcheck-client.key", 0600);
    put("/var/lib/haagent-etcd/main/haagent.json", 0600);
    put("/var/lib/haagent-etcd/main/data/member/wal/0000000000000000-0000000000000000.wal", 0600);
    put("/var/lib/haagent-etcd/main/data/member/snap/db", 0600);
    put("/var/lib/haagent-etcd/main/data.20260101T000000Z/member/snap/db", 0600);
    for (auto const* folder : {"data", "data/member", "data/member/wal", "data/member/snap"})
      ASSERT_EQ(::chmod(root_(fs::path("/var/lib/haagent-etcd/main") / folder).c_str(), 0700), 0);
    ASSERT_EQ(::chmod(root_("/var/lib/haagent-etcd").c_str(), 0700), 0);
    ASSERT_EQ(::chmod(directory_.path().c_str(), 0755), 0);
  }
  void put(fs::path const& path, mode_t mode) {
    ASSERT_TRUE(make_directories(root_(path).parent_path()));
    ASSERT_TRUE(replace_file(root_(path), path.string(), {.mode = mode}));
  }
  VolumeSight volume() const {
    auto const point = root_("/var/lib/haagent-etcd/main");
    return VolumeSight::of(
        FileDescriptor(::open(point.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)), point, 0, {});
  }
  Result<void> give() { return give_to_etcd(root_, EtcdCluster::main, volume(), kEtcd); }
  FileOwner owner(fs::path const& path) const {
    struct stat status{};
    EXPECT_EQ(::lstat(root_(path).c_str(), &status), 0) << path;
    return {status.st_uid, status.st_gid, status.st_mode & 07777u};
  }
  // What a process of that user, without a capability, can open.
  bool etcd_opens(fs::path const& path, int how) const {
    auto const child = ::fork();
    if (child == 0) {
      if (::setgroups(0, nullptr) != 0 || ::setregid(kEtcd.gid, kEtcd.gid) != 0 ||
          ::setreuid(kEtcd.uid, kEtcd.uid) != 0)
        ::_exit(9);
      ::_exit(std::fstream(root_(path), static_cast<std::ios::openmode>(how)) ? 0 : 1);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_NE(WEXITSTATUS(status), 9);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }

  test::TemporaryDirectory directory_;
  Root const root_{directory_.path()};
};

TEST_F(EtcdOwnershipOnDisk, EtcdReadsAndWritesWhatIsItsAndNothingElse) {
  auto const log =
      "/var/lib/haagent-etcd/main/data/member/wal/0000000000000000-0000000000000000.wal";
  ASSERT_FALSE(etcd_opens(log, std::ios::in));
  ASSERT_TRUE(give());
  EXPECT_TRUE(etcd_opens(log, std::ios::in | std::ios::out));
  EXPECT_TRUE(
      etcd_opens("/var/lib/haagent-etcd/main/data/member/snap/db", std::ios::in | std::ios::out));
  for (auto const* shown : {"/etc/haagent/etcd/main.yaml", "/etc/kubernetes/pki/etcd/server.key",
                            "/etc/kubernetes/pki/etcd/peer.key"}) {
    EXPECT_TRUE(etcd_opens(shown, std::ios::in)) << shown;
    EXPECT_FALSE(etcd_opens(shown, std::ios::in | std::ios::out)) << shown;
  }
  for (auto const* hidden : {"/etc/kubernetes/pki/etcd/healthcheck-client.key",
                             "/var/lib/haagent-etcd/main/haagent.json",
                             "/var/lib/haagent-etcd/main/data.20260101T000000Z/member/snap/db"})
    EXPECT_FALSE(etcd_opens(hidden, std::ios::in)) << hidden;
}

TEST_F(EtcdOwnershipOnDisk, WhatAnInterruptedOneHasLeftIsGivenTheNextTime) {
  ASSERT_TRUE(give());
  auto const deep = "/var/lib/haagent-etcd/main/data/member/snap/db";
  ASSERT_EQ(::chown(root_(deep).c_str(), 0, 0), 0);
  ASSERT_TRUE(give());
  EXPECT_EQ(owner(deep), (FileOwner{kEtcd.uid, kEtcd.gid, 0600}));
}

// Whoever was etcd before may have put anything there.
TEST_F(EtcdOwnershipOnDisk, NoLinkLeadsOutOfTheDataDirectory) {
  put("/etc/shadow", 0600);
  auto const inside = root_("/var/lib/haagent-etcd/main/data/member");
  fs::create_symlink(root_("/etc/shadow"), inside / "link");
  fs::create_directory_symlink(root_("/etc"), inside / "folder");
  ASSERT_TRUE(give());
  EXPECT_EQ(owner("/etc/shadow"), (FileOwner{0, 0, 0600}));
  EXPECT_EQ(owner("/etc").uid, 0u);
}

TEST_F(EtcdOwnershipOnDisk, AnEtcdOfTheAgentsOwnChangesNothing) {
  auto const before = owner("/var/lib/haagent-etcd");
  ASSERT_TRUE(give_to_etcd(root_, EtcdCluster::main, volume(), own_user()));
  EXPECT_EQ(owner("/var/lib/haagent-etcd"), before);
  EXPECT_EQ(owner("/etc/kubernetes/pki/etcd/server.key"), (FileOwner{0, 0, 0600}));
}

}  // namespace
}  // namespace haagent::bootstrap
