// The helper and its client over a real socket, on a real disk that looks like an EBS volume.
#include "volumes/helper.h"

#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <thread>

#include "agent/base/json.h"
#include "tests/support/ebs_page_bytes.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_clock.h"
#include "tests/support/loop_disk.h"
#include "tests/support/temporary_directory.h"
#include "volumes/helper_client.h"

namespace haagent::volumes {
namespace {

using testing::HasSubstr;

// An answer of the helper's.
auto IsError(Reason reason) {
  return testing::AllOf(HasSubstr("\"error\""),
                        HasSubstr(fmt::format("\"reason\":\"{}\"", to_string(reason))));
}

constexpr std::uint64_t kMiB = 1u << 20u;
constexpr char kVolume[] = "vol-0a1b";
Making const kMaking{"ext4", "0f1e2d3c-4b5a-4697-8877-665544332211", kVolume};

class HelperTest : public testing::Test {
 protected:
  void SetUp() override {
    if (auto why = test::LoopDisk::why_not(); !why.empty()) GTEST_SKIP() << why;
    plug_in();
    std::filesystem::create_directories(point());
    listen();
  }
  void plug_in() {
    disk = std::make_unique<test::LoopDisk>(400 * kMiB);
    auto const sys = root / "sys/block/nvme1n1";
    test::write_bytes(sys / "dev",
                      fmt::format("{}:{}\n", major(disk->number()), minor(disk->number())));
    test::write_bytes(sys / "size", fmt::format("{}\n", disk->bytes() / 512));
    test::write_bytes(sys / "device/model", "Amazon Elastic Block Store\n");
    test::write_bytes(sys / "device/serial", "vol0a1b\n");
    std::filesystem::create_directories(root / "dev");
    std::filesystem::remove(root / "dev/nvme1n1");
    ASSERT_EQ(::mknod((root / "dev/nvme1n1").c_str(), S_IFBLK | 0600, disk->number()), 0);
    device = **devices.find({.volume_id = kVolume});
  }
  void TearDown() override {
    if (listener) ::shutdown(listener.get(), SHUT_RDWR);
    if (answers.joinable()) answers.join();
    while (::umount2(point().c_str(), MNT_DETACH) == 0) {
    }
  }

  std::filesystem::path mount_root() {
    return std::filesystem::canonical(root.path()) / "var/lib/haagent-etcd";
  }
  std::filesystem::path point() { return mount_root() / "main"; }
  std::filesystem::path socket_path() { return root / "helper.socket"; }
  // As systemd does: each connection for itself, one after the other.
  void listen() {
    listener = FileDescriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    socket_path().string().copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(listener.get(), 8), 0);
    ::chmod(socket_path().c_str(), 0666);
    answers = std::thread([this] {
      for (;;) {
        FileDescriptor connection(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!connection) return;
        (void)serve(connection.get(), helper());
      }
    });
  }
  Helper helper() {
    return {.devices = devices, .disks = *serving, .mounts = mounts, .mount_root = mount_root()};
  }
  bool mounted() { return mount_at(*mounts.list(), point().string()) != nullptr; }
  // Of a request that could be, with this instead.
  std::string answer_to(std::string const& what, Tree changes) {
    auto request = Tree::map({{"do", what},
                              {"volumeId", kVolume},
                              {"path", device.path},
                              {"number", std::uint64_t{device.number}},
                              {"bytes", device.bytes},
                              {"type", "ext4"},
                              {"making", to_tag(kMaking)},
                              {"label", "haagent-main"},
                              {"mountPoint", point().string()}});
    return helper().answer(json::print(merge(request, changes)));
  }

  test::TemporaryDirectory root;
  std::unique_ptr<test::LoopDisk> disk;
  SystemProcess process;
  test::FakeClock clock;
  SystemDisks disks{process, clock};
  Disks* serving = &disks;
  SystemMounts mounts;
  SystemDevices devices{Root(root.path())};
  BlockDevice device;
  FileDescriptor listener;
  std::thread answers;
};

TEST_F(HelperTest, DoesAllThatAnAgentMayNotDo) {
  HelperClient client(socket_path());
  HelperDisks asks(client);
  HelperMounts mounting(client);
  for (std::string type : {"ext4", "xfs"}) {
    SCOPED_TRACE(type);
    plug_in();  // a fresh one
    auto making = kMaking;
    making.type = type;
    EXPECT_EQ(*asks.probe(device, std::nullopt), Probe(Blank{}));
    auto made = asks.make_filesystem(device, making, "haagent-main", {});
    ASSERT_TRUE(made) << made.error().message.text;
    EXPECT_EQ(*made, (Formatted{type, making.uuid, "haagent-main"}));
    EXPECT_EQ(*asks.probe(device, std::nullopt), Probe(*made));
    EXPECT_EQ(*asks.probe(device, making), Probe(*made));
    ASSERT_TRUE(asks.check(device, type, {}));
    auto done = mounting.mount(device, point(), type);
    ASSERT_TRUE(done) << done.error().message.text;
    ASSERT_TRUE(mounted());
    EXPECT_EQ(mount_at(*mounting.list(), point().string())->device, disk->number());
    EXPECT_EQ(*asks.filesystem_bytes(device, type, point()),
              *disks.filesystem_bytes(device, type, point()));
    if (type == "ext4") {
      EXPECT_EQ(*asks.ext4_on_error(device), "remount-ro");
    }
    EXPECT_EQ(*asks.ebs_page(device, point()), std::nullopt) << "a loop device counts nothing";
    done = mounting.remount(device, point(), type);
    EXPECT_TRUE(done) << done.error().message.text;
    {
      FileDescriptor user(::open(point().c_str(), O_RDONLY | O_CLOEXEC));
      auto busy = mounting.unmount(point());
      ASSERT_FALSE(busy);
      EXPECT_EQ(busy.error().kind, Kind::transient) << "kinds come over as they are";
    }
    done = mounting.unmount(point());
    ASSERT_TRUE(done) << done.error().message.text;
    EXPECT_FALSE(mounted());
  }
}

TEST_F(HelperTest, DoesNothingElse) {
  struct Case {
    std::string what;
    Tree changes;
    Reason reason;
  };
  auto const before = disk->contents_hash();
  for (auto const& [what, changes, reason] : std::vector<Case>{
           {"format", Tree::map(), Reason::InvalidInput},
           {"", Tree::map(), Reason::InvalidInput},
           {"make", Tree::map({{"volumeId", "vol-0c2d"}}), Reason::DeviceMissing},
           {"make", Tree::map({{"volumeId", ""}}), Reason::InvalidInput},
           {"make", Tree::map({{"path", "/dev/sda"}}), Reason::DiskChanged},
           {"make", Tree::map({{"number", std::uint64_t{device.number} + 1}}), Reason::DiskChanged},
           {"make", Tree::map({{"bytes", device.bytes * 2}}), Reason::DiskChanged},
           {"make", Tree::map({{"making", ""}}), Reason::InvalidInput},
           {"make", Tree::map({{"making", "ext4/" + kMaking.uuid + "/vol-0c2d"}}),
            Reason::InvalidInput},
           {"make", Tree::map({{"making", "btrfs/" + kMaking.uuid + "/" + kVolume}}),
            Reason::InvalidInput},
           {"make", Tree::map({{"label", "-F /dev/sda"}}), Reason::InvalidInput},
           {"probe", Tree::map({{"volumeId", "vol-0c2d"}}), Reason::DeviceMissing},
           {"probe", Tree::map({{"making", "ext4/" + kMaking.uuid + "/vol-0c2d"}}),
            Reason::InvalidInput},
           {"ext4", Tree::map(), Reason::InternalError},
           {"check", Tree::map({{"type", "vfat"}}), Reason::InvalidInput},
           {"mount", Tree::map({{"type", "tmpfs"}}), Reason::InvalidInput},
           {"mount", Tree::map({{"mountPoint", "/etc"}}), Reason::MountRootUnfit},
           {"mount", Tree::map({{"mountPoint", point().string() + "/../../etc"}}),
            Reason::MountRootUnfit},
           {"mount", Tree::map({{"mountPoint", mount_root().string()}}), Reason::MountRootUnfit},
           {"mount", Tree::map({{"mountPoint", ""}}), Reason::MountRootUnfit},
           {"unmount", Tree::map({{"mountPoint", "/"}}), Reason::MountRootUnfit},
           {"remount", Tree::map(), Reason::VolumeUnmounted},
           {"ebs-page", Tree::map(), Reason::VolumeUnmounted},
           {"ebs-page", Tree::map({{"volumeId", "vol-0c2d"}}), Reason::DeviceMissing},
           {"ebs-page", Tree::map({{"number", std::uint64_t{device.number} + 1}}),
            Reason::DiskChanged},
           {"ebs-page", Tree::map({{"mountPoint", "/"}}), Reason::MountRootUnfit},
           {"grow", Tree::map(), Reason::VolumeUnmounted}}) {
    SCOPED_TRACE(what + " " + json::print(changes));
    EXPECT_THAT(answer_to(what, changes), IsError(reason));
    EXPECT_FALSE(mounted());
  }
  for (auto const* text : {"", "make", "[]", "{\"do\":1}", "null"})
    EXPECT_THAT(helper().answer(text), HasSubstr("\"error\"")) << text;
  disk->drop_caches();
  EXPECT_EQ(disk->contents_hash(), before);
}

// Whatever the agent believes, or says: what is on the disk is looked at again before mkfs.
TEST_F(HelperTest, FormatsNothingThatHoldsAnything) {
  auto const refused = [&](Reason reason) {
    disk->drop_caches();
    auto const before = disk->contents_hash();
    EXPECT_THAT(answer_to("make", Tree::map()), IsError(reason));
    disk->drop_caches();
    EXPECT_EQ(disk->contents_hash(), before);
  };
  for (std::uint64_t at : {std::uint64_t{0}, std::uint64_t{20'000}, disk->bytes() - 512}) {
    SCOPED_TRACE(at);
    disk->write(at, "x");
    refused(Reason::DiskNotBlank);
    disk->write(at, std::string(1, '\0'));
  }
  // A filesystem with data, made under another UUID than the one that is asked for.
  auto other = kMaking;
  other.uuid = "99999999-4b5a-4697-8877-665544332211";
  ASSERT_TRUE(disks.make_filesystem(device, other, "haagent-main", {}));
  ASSERT_TRUE(mounts.mount(device, point(), "ext4"));
  test::write_bytes(point() / "member.db", std::string(1u << 20u, 'd'));
  refused(Reason::VolumeInUse);
  ASSERT_TRUE(mounts.unmount(point()));
  refused(Reason::DiskNotBlank);
  // Its superblock is lost: its data are not what an mkfs leaves halfway.
  disk->write(0, std::string(4096, '\0'));
  refused(Reason::DiskNotBlank);
}

TEST_F(HelperTest, FollowsNoLinkToAMountPoint) {
  ASSERT_TRUE(disks.make_filesystem(device, kMaking, "haagent-main", {}));
  auto const elsewhere = std::filesystem::canonical(root.path()) / "elsewhere/main";
  std::filesystem::create_directories(elsewhere);
  auto const nothing_is_mounted = [&] {
    auto const all = *mounts.list();
    return std::ranges::find(all, device.number, &Mount::device) == all.end();
  };
  std::filesystem::remove(point());
  std::filesystem::create_directory_symlink(elsewhere, point());
  for (auto const& asked : {point(), elsewhere}) {
    EXPECT_THAT(answer_to("mount", Tree::map({{"mountPoint", asked.string()}})),
                IsError(Reason::MountRootUnfit));
    EXPECT_TRUE(nothing_is_mounted());
  }
  std::filesystem::remove_all(mount_root());
  std::filesystem::create_directory_symlink(elsewhere.parent_path(), mount_root());
  EXPECT_THAT(answer_to("mount", Tree::map()), IsError(Reason::MountRootUnfit));
  EXPECT_TRUE(nothing_is_mounted());
  // Links above it are the administrator's.
  std::filesystem::remove(mount_root());
  auto const moved = std::filesystem::canonical(root.path()) / "data/lib";
  std::filesystem::create_directories(moved.parent_path());
  std::filesystem::rename(mount_root().parent_path(), moved);
  std::filesystem::create_directory_symlink(moved, mount_root().parent_path());
  std::filesystem::create_directories(moved / "haagent-etcd/main");
  for (auto const& asked : {point(), moved / "haagent-etcd/main"}) {
    SCOPED_TRACE(asked);
    EXPECT_THAT(answer_to("mount", Tree::map({{"mountPoint", asked.string()}})),
                testing::Not(HasSubstr("error")));
    EXPECT_NE(mount_at(*mounts.list(), (moved / "haagent-etcd/main").string()), nullptr);
    EXPECT_THAT(answer_to("unmount", Tree::map({{"mountPoint", asked.string()}})),
                testing::Not(HasSubstr("error")));
    EXPECT_TRUE(nothing_is_mounted());
  }
}

// Somebody puts a link in its place after it was looked at.
TEST_F(HelperTest, WhatComesOutElsewhereIsTakenOffAgain) {
  ASSERT_TRUE(disks.make_filesystem(device, kMaking, "haagent-main", {}));
  auto const elsewhere = std::filesystem::canonical(root.path()) / "elsewhere";
  std::filesystem::create_directories(elsewhere);
  struct Swapped final : Mounts {
    SystemMounts system;
    std::filesystem::path to;
    Result<std::vector<Mount>> list() override { return system.list(); }
    Result<void> mount(BlockDevice const& device, std::filesystem::path const& at,
                       std::string const& filesystem) override {
      std::filesystem::remove(at);
      std::filesystem::create_directory_symlink(to, at);
      return system.mount(device, at, filesystem);
    }
    Result<void> remount(BlockDevice const& device, std::filesystem::path const& at,
                         std::string const& filesystem) override {
      return system.remount(device, at, filesystem);
    }
    Result<void> unmount(std::filesystem::path const& at) override { return system.unmount(at); }
    Result<OpenDirectory> open(std::filesystem::path const& at) override { return system.open(at); }
  } swapped;
  swapped.to = elsewhere;
  Helper const helper{
      .devices = devices, .disks = disks, .mounts = swapped, .mount_root = mount_root()};
  auto const answer = helper.answer(json::print(Tree::map({{"do", "mount"},
                                                           {"volumeId", kVolume},
                                                           {"path", device.path},
                                                           {"number", std::uint64_t{device.number}},
                                                           {"bytes", device.bytes},
                                                           {"type", "ext4"},
                                                           {"mountPoint", point().string()}})));
  EXPECT_THAT(answer,
              testing::AllOf(IsError(Reason::MountedElsewhere), HasSubstr(elsewhere.string())));
  auto const all = *mounts.list();
  EXPECT_EQ(std::ranges::find(all, device.number, &Mount::device), all.end());
}

// Bytes as the device gives them: it is the agent that reads them.
TEST_F(HelperTest, HandsOverTheCountersOfAMountedVolume) {
  ASSERT_TRUE(disks.make_filesystem(device, kMaking, "haagent-main", {}));
  ASSERT_TRUE(mounts.mount(device, point(), "ext4"));
  struct Counting final : Disks {
    std::string page;
    Result<Probe> probe(BlockDevice const&, std::optional<Making> const&) override {
      return Blank{};
    }
    Result<Formatted> make_filesystem(BlockDevice const&, Making const&, std::string const&,
                                      std::stop_token) override {
      return Formatted{};
    }
    Result<void> check(BlockDevice const&, std::string const&, std::stop_token) override {
      return {};
    }
    Result<std::uint64_t> filesystem_bytes(BlockDevice const&, std::string const&,
                                           std::filesystem::path const&) override {
      return 0;
    }
    Result<std::string> ext4_on_error(BlockDevice const&) override { return ""; }
    Result<void> grow(BlockDevice const&, std::string const&, std::filesystem::path const&,
                      std::stop_token) override {
      return {};
    }
    Result<std::optional<std::string>> ebs_page(BlockDevice const&,
                                                std::filesystem::path const&) override {
      return page;
    }
  } counting;
  counting.page = test::EbsPage{.counters = {1, 2, 3}}.bytes();
  serving = &counting;
  HelperDisks asks{HelperClient(socket_path())};
  auto const page = asks.ebs_page(device, point());
  ASSERT_TRUE(page) << page.error().message.text;
  EXPECT_EQ(*page, counting.page);
}

TEST_F(HelperTest, GrowsWhatIsMountedAndChecksWhatIsNot) {
  HelperDisks asks{HelperClient(socket_path())};
  for (std::string type : {"ext4", "xfs"}) {
    SCOPED_TRACE(type);
    plug_in();
    auto making = kMaking;
    making.type = type;
    ASSERT_TRUE(disks.make_filesystem(device, making, "haagent-main", {}));
    ASSERT_TRUE(mounts.mount(device, point(), type));
    auto const before = *asks.filesystem_bytes(device, type, point());
    auto const checked = asks.check(device, type, {});
    if (type == "ext4") {
      ASSERT_FALSE(checked) << "a mounted filesystem is checked";
      EXPECT_EQ(checked.error().kind, Kind::refused);
    }
    disk->grow(600 * kMiB);
    test::write_bytes(root / "sys/block/nvme1n1/size", fmt::format("{}\n", 600 * kMiB / 512));
    device = **devices.find({.volume_id = kVolume});
    auto const grown = asks.grow(device, type, point(), {});
    if (type == "ext4" && ::prctl(PR_CAPBSET_READ, CAP_SYS_RESOURCE) != 1) {
      // The kernel asks for it, and root of a container may lack it.
      ASSERT_FALSE(grown);
      EXPECT_THAT(grown.error().message.text, HasSubstr("resize2fs"));
    } else {
      ASSERT_TRUE(grown) << grown.error().message.text;
      EXPECT_GT(*asks.filesystem_bytes(device, type, point()), before);
    }
    ASSERT_TRUE(mounts.unmount(point()));
    EXPECT_TRUE(asks.check(device, type, {}));
  }
}

TEST_F(HelperTest, TellsWhatADiskHolds) {
  HelperDisks asks{HelperClient(socket_path())};
  disk->write(20'000, "hello");
  disk->drop_caches();
  EXPECT_EQ(*asks.probe(device, kMaking), *disks.probe(device, kMaking));
  EXPECT_TRUE(std::holds_alternative<Foreign>(*asks.probe(device, kMaking)));
  plug_in();
  ASSERT_TRUE(asks.make_filesystem(device, kMaking, "haagent-main", {}));
  disk->write(0, std::string(4096, '\0'));
  disk->drop_caches();
  EXPECT_EQ(*asks.probe(device, kMaking), Probe(HalfMade{"ext4", kMaking.uuid}));
  disk->resize_file(100 * kMiB);
  auto const unreadable = asks.probe(device, std::nullopt);
  ASSERT_FALSE(unreadable);
  EXPECT_EQ(unreadable.error().kind, Kind::refused);
}

TEST_F(HelperTest, NeverMountsOnTopOfAMountNorADiskTwice) {
  ASSERT_TRUE(disks.make_filesystem(device, kMaking, "haagent-main", {}));
  ASSERT_THAT(answer_to("mount", Tree::map()), testing::Not(HasSubstr("error")));
  EXPECT_THAT(answer_to("mount", Tree::map()), IsError(Reason::MountedElsewhere));
  std::filesystem::create_directories(mount_root() / "events");
  EXPECT_THAT(answer_to("mount", Tree::map({{"mountPoint", (mount_root() / "events").string()}})),
              IsError(Reason::MountedElsewhere));
  ASSERT_EQ(::umount(point().c_str()), 0);
  ASSERT_EQ(::mount("none", point().c_str(), "tmpfs", 0, ""), 0);
  EXPECT_THAT(answer_to("mount", Tree::map()), IsError(Reason::MountedElsewhere));
}

TEST_F(HelperTest, AnswersRootAlone) {
  ASSERT_TRUE(disks.make_filesystem(device, kMaking, "haagent-main", {}));
  ASSERT_TRUE(mounts.mount(device, point(), "ext4"));
  ASSERT_EQ(::chmod(root.path().c_str(), 0711), 0);
  auto const asking = ::fork();
  ASSERT_GE(asking, 0);
  if (asking == 0) {
    if (::setgroups(0, nullptr) != 0 || ::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(2);
    // Else it is the folder that keeps it out, and not the helper.
    if (::access(socket_path().c_str(), W_OK) != 0) ::_exit(4);
    auto answer = HelperClient(socket_path())
                      .ask(Tree::map({{"do", "unmount"}, {"mountPoint", point().string()}}));
    ::_exit(answer ? 1 : answer.error().kind == Kind::transient ? 0 : 3);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(asking, &status, 0), asking);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_TRUE(mounted()) << "somebody else's request was carried out";
}

// An agent in a namespace that the machine's mounts do not reach would take a mounted volume for
// one that is not.
TEST_F(HelperTest, AMountThatTheAgentDoesNotSeeIsNoneForIt) {
  ASSERT_TRUE(disks.make_filesystem(device, kMaking, "haagent-main", {}));
  auto const asking = ::fork();
  ASSERT_GE(asking, 0);
  if (asking == 0) {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, "") != 0)
      ::_exit(2);
    auto done = HelperMounts(HelperClient(socket_path())).mount(device, point(), "ext4");
    ::_exit(done ? 1 : done.error().kind == Kind::refused ? 0 : 3);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(asking, &status, 0), asking);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_TRUE(mounted());
}

TEST_F(HelperTest, WhoAsksTooMuchOrNothingIsLetGo) {
  for (std::string const& text :
       {std::string(64u << 10u, 'x'), std::string("{\"do\":\"unmount\"")}) {
    std::array<int, 2> ends;
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    FileDescriptor here(ends[0]), there(ends[1]);
    std::jthread asks([&] {
      (void)!::send(here.get(), text.data(), text.size(), MSG_NOSIGNAL);
      ::shutdown(here.get(), SHUT_WR);
    });
    EXPECT_FALSE(serve(there.get(), helper()));
    there.reset();
  }
}

// Not a wait for each byte, of which a request has 16 thousand.
TEST_F(HelperTest, ARequestThatDripsIsLetGo) {
  std::array<int, 2> ends;
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  FileDescriptor here(ends[0]), there(ends[1]);
  std::jthread drips([&](std::stop_token stop) {
    while (!stop.stop_requested() && ::send(here.get(), "x", 1, MSG_NOSIGNAL) == 1)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
  });
  auto const began = std::chrono::steady_clock::now();
  EXPECT_FALSE(serve(there.get(), helper(), /*patience=*/Duration(300)));
  EXPECT_LT(std::chrono::steady_clock::now() - began, test::patient(std::chrono::seconds(20)));
}

TEST_F(HelperTest, WhatHasBegunGoesOnWithoutTheOneWhoAsked) {
  std::array<int, 2> ends;
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  FileDescriptor here(ends[0]), there(ends[1]);
  auto const request = json::print(Tree::map({{"do", "make"},
                                              {"volumeId", kVolume},
                                              {"path", device.path},
                                              {"number", std::uint64_t{device.number}},
                                              {"bytes", device.bytes},
                                              {"making", to_tag(kMaking)},
                                              {"label", "haagent-main"}})) +
                       "\n";
  ASSERT_EQ(::send(here.get(), request.data(), request.size(), 0),
            static_cast<ssize_t>(request.size()));
  here.reset();
  EXPECT_FALSE(serve(there.get(), helper())) << "nobody hears the answer";
  EXPECT_EQ(*disks.probe(device, std::nullopt),
            Probe(Formatted{"ext4", kMaking.uuid, "haagent-main"}));
}

// The agent is stopped while a disk is formatted: the helper goes on, and nobody waits for it.
TEST(HelperClientTest, AStoppedAgentWaitsForNoAnswer) {
  test::TemporaryDirectory folder;
  FileDescriptor const listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  (folder / "socket").string().copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  std::stop_source stop;
  Result<Formatted> made = fail(Kind::internal, "not asked");
  std::thread asking([&] {
    made = HelperDisks(HelperClient(folder / "socket"))
               .make_filesystem({.path = "/dev/nvme1n1", .volume_id = kVolume}, kMaking,
                                "haagent-main", stop.get_token());
  });
  FileDescriptor const connection(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  std::array<char, 4096> request;
  EXPECT_GT(::recv(connection.get(), request.data(), request.size(), 0), 0);
  stop.request_stop();
  asking.join();  // although there never is an answer
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, Kind::interrupted);
}

TEST(HelperClientTest, WhereNobodyListensItSaysWhatToStart) {
  test::TemporaryDirectory folder;
  auto answer = HelperClient(folder / "none").ask(Tree::map({{"do", "unmount"}}));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, Kind::transient);
  EXPECT_THAT(answer.error().message.advice, HasSubstr("haagent-volumes.socket"));
}

}  // namespace
}  // namespace haagent::volumes
