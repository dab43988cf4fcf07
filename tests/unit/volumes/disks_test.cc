// The golden rule on real disks: loop devices, real signatures, real mkfs.
#include "volumes/disks.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <deque>
#include <random>
#include <thread>

#include "tests/support/fake_clock.h"
#include "tests/support/loop_disk.h"
#include "tests/support/temporary_directory.h"
#include "volumes/blank.h"
#include "volumes/device.h"
#include "volumes/filesystem_size.h"
#include "volumes/mount.h"

namespace haagent::volumes {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr std::uint64_t kMiB = 1u << 20u;

std::string said(Result<Probe> const& probe) {
  if (!probe) return fmt::format("error: {}", probe.error().message.text);
  struct {
    std::string operator()(Blank const&) { return "blank"; }
    std::string operator()(Formatted const& p) { return p.type + " '" + p.label + "'"; }
    std::string operator()(Foreign const& p) { return "foreign: " + p.what; }
    std::string operator()(HalfMade const& p) { return "half-made " + p.type; }
  } say;
  return std::visit(say, *probe);
}

Making of(std::string const& type) {
  return {type, "0f1e2d3c-4b5a-4697-8877-665544332211", "vol-1"};
}

bool may_resize_ext4() {
  return ::prctl(PR_CAPBSET_READ, CAP_SYS_RESOURCE) == 1;
}

class DisksTest : public testing::Test {
 protected:
  void SetUp() override {
    if (auto why = test::LoopDisk::why_not(); !why.empty()) GTEST_SKIP() << why;
    disk = std::make_unique<test::LoopDisk>(400 * kMiB);
  }
  void TearDown() override {
    while (::umount2((folder / "mnt").c_str(), MNT_DETACH) == 0) {
    }
  }

  BlockDevice device() const { return {disk->path(), disk->number(), disk->bytes()}; }
  ProcessOutcome run(std::vector<std::string> argv, std::string input = "") {
    auto outcome =
        process.run({.argv = argv, .input = std::move(input), .deadline = Duration(60'000)}, {});
    if (!outcome) {
      ADD_FAILURE() << to_words(argv) << ": " << outcome.error().message.text;
      return {.exit_code = -1};
    }
    EXPECT_EQ(outcome->exit_code, 0) << to_words(argv) << ": " << outcome->err;
    return *outcome;
  }
  std::string probed() {
    disk->drop_caches();
    return said(disks.probe(device(), std::nullopt));
  }
  static void expect_refused(auto const& result) {
    ASSERT_FALSE(result) << "it was used";
    EXPECT_EQ(result.error().kind, Kind::refused) << result.error().message.text;
  }
  // The rule: what is not blank is refused, and not one byte of it changes.
  void expect_that_mkfs_leaves_it_alone() {
    auto before = disk->contents_hash();
    for (std::string type : {"ext4", "xfs"}) {
      // Not the making that has come to its end here: that would be told as done.
      auto made = disks.make_filesystem(device(), new_making(type, "vol-1"), "label", {});
      ASSERT_FALSE(made) << type << " was made over " << probed();
      EXPECT_NE(made.error().kind, Kind::transient) << made.error().message.text;
    }
    disk->drop_caches();
    EXPECT_EQ(disk->contents_hash(), before);
  }

  test::TemporaryDirectory folder;
  std::unique_ptr<test::LoopDisk> disk;
  SystemProcess process;
  test::FakeClock clock;
  SystemDisks disks{process, clock};
};

TEST_F(DisksTest, AFreshDiskIsBlank) {
  EXPECT_EQ(probed(), "blank");
}

TEST_F(DisksTest, MakesExt4OnABlankDisk) {
  auto made = disks.make_filesystem(device(), of("ext4"), "haagent-main", {});
  ASSERT_TRUE(made) << made.error().message.text;
  EXPECT_EQ(made->type, "ext4");
  EXPECT_EQ(made->label, "haagent-main");
  EXPECT_EQ(probed(), "ext4 'haagent-main'");
  auto features = run({"dumpe2fs", "-h", disk->path()}).out;
  EXPECT_THAT(features, HasSubstr("Reserved block count:     0"));
  EXPECT_THAT(features, HasSubstr("Remount read-only"));
  expect_that_mkfs_leaves_it_alone();
}

TEST_F(DisksTest, MakesXfsOnABlankDisk) {
  auto made = disks.make_filesystem(device(), of("xfs"), "etcd-events", {});
  ASSERT_TRUE(made) << made.error().message.text;
  EXPECT_EQ(probed(), "xfs 'etcd-events'");
  expect_that_mkfs_leaves_it_alone();
}

// What another thread starts has our claim of the disk until its exec: the other cluster's mkfs, on
// a busy machine. Each child here takes its time.
TEST_F(DisksTest, AProgramThatStartsMeanwhileIsNoOtherUserOfTheDisk) {
  std::jthread const starts([](std::stop_token const& stop) {
    std::deque<pid_t> alive;
    while (!stop.stop_requested() || !alive.empty()) {
      if (alive.size() >= 10 || stop.stop_requested()) {
        ::waitpid(alive.front(), nullptr, 0);
        alive.pop_front();
        continue;
      }
      auto const child = ::fork();
      if (child == 0) {
        ::usleep(30'000);
        ::_exit(0);
      }
      if (child > 0) alive.push_back(child);
      ::usleep(3'000);
    }
  });
  SystemClock real;
  SystemDisks waiting(process, real);
  for (int i = 0; i < 3; ++i) {
    disk = std::make_unique<test::LoopDisk>(400 * kMiB);
    auto made = waiting.make_filesystem(device(), of("ext4"), "label", {});
    EXPECT_TRUE(made) << made.error().message.text;
  }
}

// XFS's groups have a largest size, of which 4 TiB are four and some blocks.
TEST_F(DisksTest, MakesLargeFilesystems) {
  for (std::uint64_t const tib : {4, 8}) {
    SCOPED_TRACE(tib);
    disk = std::make_unique<test::LoopDisk>(tib << 40u);
    auto made = disks.make_filesystem(device(), of("xfs"), "label", {});
    ASSERT_TRUE(made) << made.error().message.text;
  }
}

// mkfs writes the whole journal, so that on a gp3 volume its size is time: mkfs' own choice for 64
// GiB is a journal of 1 GiB, which takes 8 s.
TEST_F(DisksTest, TheJournalOfALargeExt4IsSmall) {
  disk = std::make_unique<test::LoopDisk>(64ull << 30u);
  auto made = disks.make_filesystem(device(), of("ext4"), "label", {});
  ASSERT_TRUE(made) << made.error().message.text;
  auto const said = run({"dumpe2fs", "-h", disk->path()}).out;
  EXPECT_THAT(said, testing::ContainsRegex("Total journal size: +64M")) << said;
  expect_that_mkfs_leaves_it_alone();
}

TEST_F(DisksTest, TwoFilesystemsHaveUuidsOfTheirOwn) {
  auto first = disks.make_filesystem(device(), new_making("ext4", "vol-1"), "l", {});
  disk = std::make_unique<test::LoopDisk>(400 * kMiB);
  auto second = disks.make_filesystem(device(), new_making("ext4", "vol-1"), "l", {});
  ASSERT_TRUE(first && second);
  EXPECT_NE(first->uuid, second->uuid);
}

// --- What is not blank. Each of these once destroyed somebody's data.

TEST_F(DisksTest, AnExt4WithoutItsFirstBlockIsNotBlank) {
  run({"mkfs.ext4", "-q", disk->path()});
  disk->write(0, std::string(4096, '\0'));
  EXPECT_THAT(probed(), HasSubstr("foreign: data at byte"));
  expect_that_mkfs_leaves_it_alone();
}

TEST_F(DisksTest, AnExt4WithOnlyABackupSuperblockIsNotBlank) {
  // The third group's backup, for blocks of each size: all that is left of it.
  for (std::uint64_t block : {1024, 2048, 4096}) {
    SCOPED_TRACE(block);
    disk = std::make_unique<test::LoopDisk>(400 * kMiB);
    run({"mkfs.ext4", "-q", "-b", std::to_string(block), disk->path()});
    auto const at = block * block * 8 * 3 + (block == 1024 ? block : 0);
    auto const backup = disk->read(at, block);
    ASSERT_EQ(backup.substr(56, 2), "\x53\xef") << "no superblock where one is expected";
    disk = std::make_unique<test::LoopDisk>(400 * kMiB);
    disk->write(at, backup);
    EXPECT_THAT(probed(), HasSubstr("foreign: data at byte"));
    expect_that_mkfs_leaves_it_alone();
  }
}

TEST_F(DisksTest, ASignatureWithABrokenChecksumIsNotBlank) {
  // What pvcreate writes, with a checksum of nothing.
  disk->write(512, std::string("LABELONE\1\0\0\0\0\0\0\0\xde\xad\xbe\xef\x20\0\0\0LVM2 001", 32));
  EXPECT_THAT(probed(), HasSubstr("foreign: LVM2_member with a wrong checksum"));
  expect_that_mkfs_leaves_it_alone();
}

TEST_F(DisksTest, AnExt4WithABrokenChecksumIsNeitherBlankNorSound) {
  run({"mkfs.ext4", "-q", disk->path()});
  disk->write(1024 + 0x3fc, "\xde\xad\xbe\xef");
  EXPECT_THAT(probed(), testing::Not(HasSubstr("blank")));
  EXPECT_FALSE(disks.check(device(), "ext4", {}));
  expect_that_mkfs_leaves_it_alone();
}

TEST_F(DisksTest, AGptIsNotBlank) {
  run({"sfdisk", "-q", disk->path()}, "label: gpt\n,,L\n");
  EXPECT_THAT(probed(), HasSubstr("foreign: a gpt partition table"));
  expect_that_mkfs_leaves_it_alone();
}

TEST_F(DisksTest, AGptWithoutItsProtectiveMbrIsNotBlank) {
  run({"sfdisk", "-q", disk->path()}, "label: gpt\n,,L\n");
  disk->write(0, std::string(512, '\0'));
  EXPECT_THAT(probed(), HasSubstr("foreign: a gpt partition table"));
  expect_that_mkfs_leaves_it_alone();
}

TEST_F(DisksTest, ADosTableIsNotBlank) {
  run({"sfdisk", "-q", disk->path()}, "label: dos\n,,L\n");
  EXPECT_THAT(probed(), HasSubstr("foreign: a dos partition table"));
  expect_that_mkfs_leaves_it_alone();
}

TEST_F(DisksTest, AFilesystemWithATableOnTopIsNotBlank) {
  run({"mkfs.ext4", "-q", disk->path()});
  std::string table(66, '\0');
  table[0] = '\x80';  // one active partition
  table[4] = '\x83';  // Linux
  table[8] = '\x08';  // from sector 2048
  table[9] = '\x08';
  table[13] = '\x08';  // of 2048 sectors
  table[64] = '\x55';
  table[65] = '\xaa';
  disk->write(446, table);
  EXPECT_THAT(probed(), HasSubstr("foreign: a dos partition table and ext4"));
  expect_that_mkfs_leaves_it_alone();
}

TEST_F(DisksTest, LuksIsNotBlank) {
  auto luks = process.run(
      {.argv = {"cryptsetup", "luksFormat", "-q", "--type", "luks2", "--pbkdf", "pbkdf2",
                "--pbkdf-force-iterations", "1000", "--key-file", "-", disk->path()},
       .input = "secret"},
      {});
  if (!luks) GTEST_SKIP() << "needs cryptsetup: " << luks.error().message.text;
  ASSERT_EQ(luks->exit_code, 0) << luks->err;
  EXPECT_THAT(probed(), HasSubstr("foreign: crypto_LUKS"));
  expect_that_mkfs_leaves_it_alone();
}

TEST_F(DisksTest, TwoSignaturesAreNotBlank) {
  run({"mkfs.xfs", "-q", disk->path()});
  auto xfs = disk->read(0, 512);
  run({"mkfs.ext4", "-q", "-F", disk->path()});
  disk->write(0, xfs);
  EXPECT_THAT(probed(), testing::AnyOf(HasSubstr("foreign: several"), HasSubstr("error: ")));
  expect_that_mkfs_leaves_it_alone();
}

TEST_F(DisksTest, StrayBytesAreNotBlank) {
  disk->write(20'000, "hello");
  EXPECT_EQ(probed(), "foreign: data at byte 20000, though no signature that is known");
  expect_that_mkfs_leaves_it_alone();
}

TEST_F(DisksTest, RandomDataIsNotBlank) {
  std::mt19937_64 engine(42);
  std::string noise(kMiB, '\0');
  for (auto& c : noise) c = static_cast<char>(engine());
  disk->write(8 * kMiB, noise);
  EXPECT_THAT(probed(), HasSubstr("foreign: data at byte 8388608"));
  expect_that_mkfs_leaves_it_alone();
}

TEST_F(DisksTest, TheLastByteCounts) {
  disk->write(disk->bytes() - 1, "x");
  EXPECT_THAT(probed(), HasSubstr("foreign: data at byte 419430399"));
  expect_that_mkfs_leaves_it_alone();
}

TEST_F(DisksTest, ADiskThatCannotBeReadIsNotBlank) {
  disk->resize_file(100 * kMiB);  // the rest of the device answers with I/O errors
  EXPECT_THAT(probed(), HasSubstr("error: "));
  for (std::string type : {"ext4", "xfs"})
    EXPECT_FALSE(disks.make_filesystem(device(), of(type), "label", {}));
  disk->resize_file(400 * kMiB);
  EXPECT_EQ(probed(), "blank") << "nothing was written";
}

TEST_F(DisksTest, ADiskThatCannotBeReadAtItsEndIsNotBlank) {
  disk->resize_file(disk->bytes() - 4096);
  auto const probe = disks.probe(device(), std::nullopt);
  ASSERT_FALSE(probe);
  EXPECT_EQ(probe.error().kind, Kind::refused) << "it may hold data";
  EXPECT_FALSE(disks.make_filesystem(device(), of("ext4"), "label", {}));
}

TEST_F(DisksTest, ARangeThatCannotBeReadIsAnErrorAndNotZeros) {
  // libblkid stumbles over a bad end by itself; a bad middle is for us to find.
  disk->resize_file(100 * kMiB);
  FileDescriptor fd(::open(disk->path().c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(*first_non_zero(fd.get(), {{0, 4096}}), std::nullopt);
  EXPECT_FALSE(first_non_zero(fd.get(), {{0, 4096}, {200 * kMiB, 4096}}));
  EXPECT_FALSE(first_non_zero(fd.get(), {{disk->bytes() + 4096, 4096}})) << "beyond its end";
}

// Reads finish in any order. The result is the lowest offset.
TEST_F(DisksTest, TheFirstOfManyStrayBytesIsTold) {
  std::vector<std::uint64_t> const strays = {5 * kMiB + 7, 9 * kMiB, 40 * kMiB, 200 * kMiB + 1};
  for (auto at : strays) disk->write(at, "x");
  FileDescriptor fd(::open(disk->path().c_str(), O_RDONLY | O_CLOEXEC));
  for (int i = 0; i < 50; ++i)
    EXPECT_EQ(*first_non_zero(fd.get(), {{0, 16 * kMiB}, {30 * kMiB, 180 * kMiB}}), strays[0]);
  EXPECT_EQ(*first_non_zero(fd.get(), {{6 * kMiB, 4096}, {30 * kMiB, 180 * kMiB}}), strays[2]);
}

// Whatever the bytes say later: libblkid alone must never take a failure for blank.
TEST_F(DisksTest, WhereSignaturesCannotBeLookedForThereIsAnError) {
  EXPECT_FALSE(probe_signatures(-1)) << "no disk at all";
  disk->resize_file(0);
  FileDescriptor fd(::open(disk->path().c_str(), O_RDONLY | O_CLOEXEC));
  auto const probe = probe_signatures(fd.get());
  ASSERT_FALSE(probe) << said(probe);
  EXPECT_EQ(probe.error().kind, Kind::refused) << "it may hold data";
}

// Says that all went well, and does nothing or something else.
class LyingProcess final : public Process {
 public:
  std::function<void()> instead = [] {};
  std::vector<std::vector<std::string>> ran;
  Result<ProcessOutcome> run(ProcessSpec const& spec, std::stop_token) override {
    ran.push_back(spec.argv);
    instead();
    return ProcessOutcome{};
  }
};

TEST_F(DisksTest, AMkfsThatDidNothingIsFoundOut) {
  LyingProcess liar;
  SystemDisks deceived(liar, clock);
  for (std::string type : {"ext4", "xfs"})
    EXPECT_FALSE(deceived.make_filesystem(device(), of(type), "label", {}));
  liar.instead = [&] { run({"mkfs.ext4", "-q", "-L", "other", disk->path()}); };
  EXPECT_FALSE(deceived.make_filesystem(device(), of("ext4"), "label", {})) << "another label";
  for (auto const& argv : liar.ran)
    for (auto const* force : {"-F", "-f", "-FF"})
      EXPECT_EQ(std::ranges::count(argv, force), 0) << to_words(argv);
}

// --- Who else is there.

TEST_F(DisksTest, AMountedDiskIsNotTouched) {
  run({"mkfs.ext4", "-q", disk->path()});
  std::filesystem::create_directory(folder / "mnt");
  ASSERT_EQ(::mount(disk->path().c_str(), (folder / "mnt").c_str(), "ext4", 0, nullptr), 0);
  auto made = disks.make_filesystem(device(), of("ext4"), "label", {});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().message.reason, Reason::VolumeInUse);
}

TEST_F(DisksTest, ADiskThatIsHeldAloneIsLeftAlone) {
  FileDescriptor holder(::open(disk->path().c_str(), O_RDONLY | O_EXCL | O_CLOEXEC));
  auto made = disks.make_filesystem(device(), of("ext4"), "label", {});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, Kind::transient);
  EXPECT_EQ(probed(), "blank");
}

TEST_F(DisksTest, ALockedDiskIsWaitedForAndLeft) {
  FileDescriptor holder(::open(disk->path().c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(::flock(holder.get(), LOCK_SH), 0);
  auto before = clock.steady();
  auto made = disks.make_filesystem(device(), of("ext4"), "label", {});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, Kind::transient);
  EXPECT_EQ(made.error().message.reason, Reason::VolumeInUse);
  EXPECT_GE(clock.steady() - before, 10s);
  EXPECT_EQ(probed(), "blank");
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(disks.make_filesystem(device(), of("ext4"), "label", stop.get_token()).error().kind,
            Kind::interrupted);
}

TEST_F(DisksTest, TheLockIsHeldWhileMkfsRuns) {
  LyingProcess liar;
  liar.instead = [&] {
    FileDescriptor other(::open(disk->path().c_str(), O_RDONLY | O_CLOEXEC));
    EXPECT_NE(::flock(other.get(), LOCK_SH | LOCK_NB), 0) << "another program got in between";
  };
  (void)SystemDisks(liar, clock).make_filesystem(device(), of("ext4"), "label", {});
  EXPECT_EQ(liar.ran.size(), 1u);
}

TEST_F(DisksTest, AReadOnlyDiskIsRefused) {
  disk = std::make_unique<test::LoopDisk>(400 * kMiB, /*read_only=*/true);
  auto made = disks.make_filesystem(device(), of("ext4"), "label", {});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, Kind::refused);
}

TEST_F(DisksTest, AnotherDiskUnderTheSameNameIsRefused) {
  auto other = device();
  other.number += 1;
  expect_refused(disks.probe(other, std::nullopt));
  expect_refused(disks.make_filesystem(other, of("ext4"), "l", {}));
  auto resized = device();
  resized.bytes += 512;
  expect_refused(disks.make_filesystem(resized, of("ext4"), "l", {}));
  EXPECT_EQ(probed(), "blank");
}

TEST_F(DisksTest, WhatIsNoBlockDeviceIsRefused) {
  struct stat null;
  ASSERT_EQ(::stat("/dev/null", &null), 0);
  // Its number fits, its kind does not: 1:3 is also a RAM disk's.
  expect_refused(disks.probe({"/dev/null", null.st_rdev, 0}, std::nullopt));
}

// --- fsck, growth, mounts.

TEST_F(DisksTest, ASoundExt4PassesItsCheckAndXfsHasNone) {
  run({"mkfs.ext4", "-q", disk->path()});
  EXPECT_TRUE(disks.check(device(), "ext4", {}));
  EXPECT_TRUE(disks.check(device(), "xfs", {}));
}

TEST_F(DisksTest, AnExt4ThatNeedsAnOperatorIsRefused) {
  run({"mkfs.ext4", "-q", "-b", "4096", "-O", "^metadata_csum", disk->path()});
  // The root folder's inode becomes noise: e2fsck -p must not decide what it was.
  auto blocks = run({"dumpe2fs", disk->path()}).out;
  auto at = blocks.find("Inode table at ");
  ASSERT_NE(at, blocks.npos);
  auto table = std::stoull(blocks.substr(at + 15)) * 4096;
  disk->write(table + 256, std::string(128, '\xff'));
  disk->drop_caches();
  run({"tune2fs", "-E", "force_fsck", disk->path()});
  disk->drop_caches();
  auto checked = disks.check(device(), "ext4", {});
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().kind, Kind::refused);
  EXPECT_EQ(checked.error().message.reason, Reason::FilesystemDamaged);
  EXPECT_THAT(checked.error().message.advice, HasSubstr("'e2fsck -f " + disk->path() + "'"));
}

TEST_F(DisksTest, MountsAsEtcdNeedsItAndGrows) {
  SystemMounts mounts;
  for (std::string type : {"ext4", "xfs"}) {
    SCOPED_TRACE(type);
    disk = std::make_unique<test::LoopDisk>(400 * kMiB);
    ASSERT_TRUE(disks.make_filesystem(device(), of(type), "label", {}));
    auto point = std::filesystem::canonical(folder.path()) / "mnt";
    std::filesystem::create_directories(point);
    auto mounted = mounts.mount(device(), point, type);
    ASSERT_TRUE(mounted) << mounted.error().message.text;

    auto list = mounts.list();
    ASSERT_TRUE(list) << list.error().message.text;
    auto const* mount = mount_at(*list, point.string());
    ASSERT_TRUE(mount);
    EXPECT_EQ(*mount, (Mount{disk->number(), "/", point.string(), type, disk->path(), false}))
        << "with what its own superblock says, too";
    auto line = run({"findmnt", "-n", "-o", "VFS-OPTIONS", point.string()}).out;
    for (auto option : {"noatime", "nodev", "nosuid", "noexec"})
      EXPECT_THAT(line, HasSubstr(option));

    auto size = disks.filesystem_bytes(device(), type, point);
    ASSERT_TRUE(size) << size.error().message.text;
    EXPECT_GT(*size + kWorthGrowing, disk->bytes()) << "a fresh one is as large as its disk";
    EXPECT_LE(*size, disk->bytes());
    disk->grow(800 * kMiB);
    EXPECT_LE(*disks.filesystem_bytes(device(), type, point) + kWorthGrowing, disk->bytes());
    auto grown = disks.grow(device(), type, point, {});
    if (type == "ext4" && !may_resize_ext4()) {
      // The kernel asks for CAP_SYS_RESOURCE, which root of a container may lack.
      EXPECT_THAT(grown.error().message.text, HasSubstr("resize2fs"));
    } else {
      ASSERT_TRUE(grown) << grown.error().message.text;
      EXPECT_GT(*disks.filesystem_bytes(device(), type, point) + kWorthGrowing, disk->bytes());
    }

    FileDescriptor user(::open(point.c_str(), O_RDONLY | O_CLOEXEC));
    auto busy = mounts.unmount(point);
    ASSERT_FALSE(busy);
    EXPECT_EQ(busy.error().kind, Kind::transient) << busy.error().message.text;
    EXPECT_EQ(busy.error().message.reason, Reason::VolumeInUse);
    user.reset();
    ASSERT_TRUE(mounts.unmount(point));
    EXPECT_TRUE(mounts.unmount(point)) << "nothing is mounted any more";
    EXPECT_FALSE(mount_at(*mounts.list(), point.string()));
  }
}

// After an error, or when its disk is gone: nothing can be written back, and the volume is to go.
TEST_F(DisksTest, AFilesystemThatWasShutDownIsUnmounted) {
  constexpr unsigned long kGoDown = _IOR('X', 125, std::uint32_t);  // ext4 has it from XFS
  SystemMounts mounts;
  auto point = std::filesystem::canonical(folder.path()) / "mnt";
  std::filesystem::create_directories(point);
  for (std::string const type : {"xfs", "ext4"}) {
    SCOPED_TRACE(type);
    disk = std::make_unique<test::LoopDisk>(400 * kMiB);
    ASSERT_TRUE(disks.make_filesystem(device(), of(type), "label", {}));
    ASSERT_TRUE(mounts.mount(device(), point, type));
    test::write_bytes(point / "db", "not written back yet");
    FileDescriptor root(::open(point.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    std::uint32_t without_its_log = 2;
    ASSERT_EQ(::ioctl(root.get(), kGoDown, &without_its_log), 0) << errno;
    root.reset();
    auto unmounted = mounts.unmount(point);
    EXPECT_TRUE(unmounted) << unmounted.error().message.text;
    EXPECT_FALSE(mount_at(*mounts.list(), point.string()));
  }
}

// As kops made them: their superblock says "continue".
TEST_F(DisksTest, AnExt4OfOthersGoesReadOnlyOnAnErrorToo) {
  run({"mkfs.ext4", "-q", "-e", "continue", disk->path()});
  EXPECT_EQ(*disks.ext4_on_error(device()), "continue");
  SystemMounts mounts;
  auto point = std::filesystem::canonical(folder.path()) / "mnt";
  std::filesystem::create_directories(point);
  auto on_error = [&] { return mount_at(*mounts.list(), point.string())->on_error; };
  ASSERT_TRUE(mounts.mount(device(), point, "ext4"));
  EXPECT_EQ(on_error(), "remount-ro");
  ASSERT_TRUE(mounts.unmount(point));

  // Mounted by somebody else, and used: it is given the same.
  ASSERT_EQ(::mount(disk->path().c_str(), point.c_str(), "ext4", 0, nullptr), 0);
  EXPECT_EQ(on_error(), "");
  FileDescriptor file(::open((point / "db").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_TRUE(file);
  auto given = mounts.remount(device(), point, "ext4");
  ASSERT_TRUE(given) << given.error().message.text;
  EXPECT_EQ(on_error(), "remount-ro");
  EXPECT_EQ(::write(file.get(), "x", 1), 1);
  file.reset();
  ASSERT_TRUE(mounts.unmount(point));
}

TEST_F(DisksTest, WhatASuperblockSaysOfErrorsIsRead) {
  for (std::string does : {"continue", "remount-ro", "panic"}) {
    disk = std::make_unique<test::LoopDisk>(400 * kMiB);
    run({"mkfs.ext4", "-q", "-e", does, disk->path()});
    EXPECT_EQ(*disks.ext4_on_error(device()), does);
  }
}

TEST_F(DisksTest, AMountThatFailsSaysWhy) {
  SystemMounts mounts;
  std::filesystem::create_directories(folder / "mnt");
  auto mounted = mounts.mount(device(), folder / "mnt", "ext4");
  ASSERT_FALSE(mounted);
  EXPECT_THAT(mounted.error().message.text, HasSubstr(disk->path()));
  EXPECT_NE(mounted.error().kind, Kind::transient);
}

TEST_F(DisksTest, ADiskThatComesIsHeardOf) {
  SystemDevices devices{Root("/")};
  auto seen = devices.news();
  auto before = std::chrono::steady_clock::now();
  test::LoopDisk another(1 * kMiB);
  devices.wait(seen, 30s, {});
  EXPECT_GT(devices.news(), seen) << "the kernel told of no new disk";
  EXPECT_LT(std::chrono::steady_clock::now() - before, 25s);
}

// --- The ranges.

TEST(ProbedRanges, ASmallDiskIsReadWhole) {
  EXPECT_EQ(probed_ranges(64 * kMiB), (std::vector<Range>{{0, 64 * kMiB}}));
  EXPECT_EQ(probed_ranges(512), (std::vector<Range>{{0, 512}}));
}

TEST(ProbedRanges, CoverEndsAndBackupSuperblocksInOrderAndWithinTheDisk) {
  for (std::uint64_t bytes : {65 * kMiB, 400 * kMiB, 20480 * kMiB, 20480 * kMiB + 512}) {
    auto ranges = probed_ranges(bytes);
    auto covers = [&](std::uint64_t at) {
      return std::ranges::any_of(
          ranges, [&](auto const& r) { return at >= r.offset && at < r.offset + r.length; });
    };
    EXPECT_TRUE(covers(0) && covers(16 * kMiB - 1) && covers(bytes - 1) &&
                covers(bytes - 16 * kMiB));
    for (std::uint64_t backup :
         {8193 * std::uint64_t{1024}, 24577 * std::uint64_t{1024}, 40961 * std::uint64_t{1024},
          3 * 32 * kMiB, 7 * 32 * kMiB, 128 * kMiB, 3 * 128 * kMiB, 49 * 128 * kMiB})
      if (backup < bytes) {
        EXPECT_TRUE(covers(backup + 56)) << backup << " of " << bytes;
      }
    // Where mkfs.xfs puts the second of four allocation groups.
    EXPECT_TRUE(covers(bytes / 4));
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      EXPECT_GT(ranges[i].length, 0u);
      EXPECT_LE(ranges[i].offset + ranges[i].length, bytes);
      if (i == 0) continue;
      EXPECT_GT(ranges[i].offset, ranges[i - 1].offset + ranges[i - 1].length);
    }
  }
}

}  // namespace
}  // namespace haagent::volumes
