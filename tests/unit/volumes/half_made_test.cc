// A real mkfs that is ended halfway, on real disks: it always comes back as one good filesystem;
// and what only looks like its remains is left alone, byte for byte.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cctype>
#include <map>
#include <random>
#include <sstream>
#include <thread>

#include "agent/base/files.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_clock.h"
#include "tests/support/loop_disk.h"
#include "tests/support/temporary_directory.h"
#include "volumes/disks.h"
#include "volumes/mount.h"

namespace haagent::volumes {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr std::uint64_t kMiB = 1u << 20u;
constexpr char kUuid[] = "0f1e2d3c-4b5a-4697-8877-665544332211";

Making of(std::string const& type) {
  return {type, kUuid, "vol-1"};
}

std::string said(Result<Probe> const& probe) {
  if (!probe)
    return fmt::format("{}: {}", to_string(probe.error().kind), probe.error().message.text);
  struct {
    std::string operator()(Blank const&) { return "blank"; }
    std::string operator()(Formatted const& p) { return p.type + " " + p.uuid; }
    std::string operator()(Foreign const& p) { return "foreign: " + p.what; }
    std::string operator()(HalfMade const& p) { return "half-made " + p.type; }
  } say;
  return std::visit(say, *probe);
}

// Ends mkfs with SIGKILL as it begins one of its writes to a disk. The reference, which is a file,
// is let alone.
class KillingProcess final : public Process {
 public:
  explicit KillingProcess(std::filesystem::path log) : log_(std::move(log)) {}
  std::string kill_at;  // "pwrite64:when=3"; empty: nowhere, and the writes are written down
  Result<ProcessOutcome> run(ProcessSpec const& spec, std::stop_token stop) override {
    if (!spec.argv[0].starts_with("mkfs.") || spec.argv.back().starts_with("/proc/"))
      return real_.run(spec, stop);
    auto traced = spec;
    traced.argv = {"strace", "-f", "-qq", "-o", log_, "-e", "trace=pwrite64,fallocate,fsync"};
    if (!kill_at.empty())
      traced.argv.insert(traced.argv.end(), {"-e", "inject=" + kill_at + ":signal=KILL"});
    traced.argv.insert(traced.argv.end(), spec.argv.begin(), spec.argv.end());
    return real_.run(traced, stop);
  }
  // Each write as a place to be killed at. strace counts each system call of each thread by itself.
  std::vector<std::string> writes() const {
    std::vector<std::string> found;
    std::map<std::string, int> counts;
    std::istringstream lines(**read_file(log_, 64u << 20u));
    for (std::string thread, call; lines >> thread >> call; lines.ignore(1u << 20u, '\n')) {
      call = call.substr(0, call.find('('));
      // "<... fsync resumed>" is the end of a call that stands above, and "???" one of a thread
      // that was over before strace could read it: nothing is killed there.
      if (!std::islower(static_cast<unsigned char>(call.front()))) continue;
      found.push_back(fmt::format("{}:when={}", call, ++counts[thread + call]));
    }
    return found;
  }

 private:
  std::filesystem::path log_;
  SystemProcess real_;
};

class HalfMadeTest : public testing::Test {
 protected:
  void SetUp() override {
    if (auto why = test::LoopDisk::why_not(); !why.empty()) GTEST_SKIP() << why;
    fresh();
  }
  void TearDown() override {
    while (::umount2((folder / "mnt").c_str(), MNT_DETACH) == 0) {
    }
  }

  void fresh() { disk = std::make_unique<test::LoopDisk>(400 * kMiB); }
  BlockDevice device() const { return {disk->path(), disk->number(), disk->bytes()}; }
  std::string probed(std::string const& type) {
    disk->drop_caches();
    return said(disks.probe(device(), of(type)));
  }
  void finish(std::string const& type) {
    auto made = disks.make_filesystem(device(), of(type), "label", {});
    ASSERT_TRUE(made) << made.error().message.text;
  }
  ProcessOutcome run(std::vector<std::string> argv) {
    auto outcome = process.run({.argv = argv}, {});
    if (!outcome) {
      ADD_FAILURE() << to_words(argv) << ": " << outcome.error().message.text;
      return {.exit_code = -1};
    }
    EXPECT_EQ(outcome->exit_code, 0) << to_words(argv) << ": " << outcome->out << outcome->err;
    return *outcome;
  }
  // Whole by its own checker, empty, and mounts.
  void expect_one_good(std::string const& type) {
    ASSERT_EQ(probed(type), type + " " + kUuid);
    if (type == "ext4")
      run({"e2fsck", "-f", "-n", disk->path()});
    else
      run({"xfs_repair", "-n", disk->path()});
    SystemMounts mounts;
    auto point = std::filesystem::canonical(folder.path()) / "mnt";
    std::filesystem::create_directories(point);
    auto mounted = mounts.mount(device(), point, type);
    ASSERT_TRUE(mounted) << mounted.error().message.text;
    for (auto const& each : std::filesystem::directory_iterator(point))
      EXPECT_EQ(each.path().filename(), "lost+found");
    ASSERT_TRUE(mounts.unmount(point));
  }
  void expect_that_it_comes_back(std::string const& type, std::string const& from) {
    SCOPED_TRACE(type + ", " + from);
    auto const now = probed(type);
    ASSERT_THAT((std::vector<std::string>{"blank", "half-made " + type, type + " " + kUuid}),
                testing::Contains(now));
    finish(type);
    expect_one_good(type);
  }
  void expect_that_it_is_left_alone() {
    auto const before = disk->contents_hash();
    for (std::string type : {"ext4", "xfs"}) {
      EXPECT_THAT(probed(type), testing::AnyOf(HasSubstr("foreign: "), HasSubstr("refused: ")));
      auto made = disks.make_filesystem(device(), of(type), "label", {});
      ASSERT_FALSE(made) << type << " was made over it";
      EXPECT_EQ(made.error().kind, Kind::refused) << made.error().message.text;
    }
    disk->drop_caches();
    EXPECT_EQ(disk->contents_hash(), before);
  }
  // Mounted, with what a member has on it.
  void use(std::string const& type) {
    SystemMounts mounts;
    auto point = std::filesystem::canonical(folder.path()) / "mnt";
    std::filesystem::create_directories(point);
    ASSERT_TRUE(mounts.mount(device(), point, type));
    for (auto const* name : {"haagent.json", "data/member/wal/0.wal", "data/member/snap/db"}) {
      std::filesystem::create_directories((point / name).parent_path());
      test::write_bytes(point / name, std::string(9000, 'x'));
    }
    ASSERT_TRUE(mounts.unmount(point));
  }

  test::TemporaryDirectory folder;
  std::unique_ptr<test::LoopDisk> disk;
  SystemProcess process;
  test::FakeClock clock;
  SystemDisks disks{process, clock};
};

// The first and the last writes one by one, which are those that matter most; some in between.
std::vector<std::size_t> points(std::size_t all) {
  std::vector<std::size_t> chosen;
  for (std::size_t at = 0; at < all; ++at)
    if (at < 6 || at + 6 >= all || at % std::max<std::size_t>(1, all / 12) == 0)
      chosen.push_back(at);
  return chosen;
}

TEST_F(HalfMadeTest, AnMkfsThatIsKilledAtAnyWriteComesBackAsOneGoodFilesystem) {
  KillingProcess killing(folder / "writes");
  if (!process.run({.argv = {"strace", "-V"}}, {})) GTEST_SKIP() << "needs strace";
  SystemDisks mortal(killing, clock);
  for (std::string type : {"ext4", "xfs"}) {
    fresh();
    killing.kill_at.clear();
    ASSERT_TRUE(mortal.make_filesystem(device(), of(type), "label", {}));
    auto const writes = killing.writes();
    ASSERT_GT(writes.size(), 20u) << "the writes were not seen";
    int half_made = 0;
    for (auto at : points(writes.size())) {
      SCOPED_TRACE(fmt::format("{} killed at {} of {}, {}", type, at, writes.size(), writes[at]));
      fresh();
      killing.kill_at = writes[at];
      EXPECT_FALSE(mortal.make_filesystem(device(), of(type), "label", {}));
      auto const left = probed(type);
      if (left.starts_with("half-made")) ++half_made;
      // Killed again, elsewhere, while it is made again; and then not any more.
      killing.kill_at = writes[at * 7 % writes.size()];
      (void)mortal.make_filesystem(device(), of(type), "label", {});
      expect_that_it_comes_back(type, "from " + left);
      if (HasFatalFailure()) return;
    }
    EXPECT_GT(half_made, 10) << type << ": nothing was ever half-made";
  }
}

// A power cut: of what was written since the last flush any part has reached the disk, in any
// order. The superblock, which is written alone and last, has not.
TEST_F(HalfMadeTest, AnyPartOfWhatAnMkfsWroteComesBackAsOneGoodFilesystem) {
  std::mt19937 random(7);
  for (std::string type : {"ext4", "xfs"})
    for (int share : {1, 3, 10, 50, 99}) {
      fresh();
      finish(type);
      for (std::uint64_t at = 0; at < disk->bytes(); at += kMiB) {
        auto piece = disk->read(at, kMiB);
        if (piece.find_first_not_of('\0') == piece.npos) continue;
        for (std::size_t sector = 0; sector < piece.size(); sector += 512)
          if (static_cast<int>(random() % 100) < share || at + sector < 2048)
            std::fill_n(piece.begin() + static_cast<std::ptrdiff_t>(sector), 512, '\0');
        disk->write(at, piece);
      }
      expect_that_it_comes_back(type, fmt::format("without {} % of its sectors", share));
      if (HasFatalFailure()) return;
    }
}

TEST_F(HalfMadeTest, WithoutItsTagItIsBytesOfNobodyKnows) {
  finish("ext4");
  disk->write(0, std::string(4096, '\0'));
  EXPECT_EQ(probed("ext4"), "half-made ext4");
  EXPECT_THAT(said(disks.probe(device(), std::nullopt)), HasSubstr("foreign: data at byte"));
  EXPECT_THAT(
      said(disks.probe(device(), Making{"ext4", "11111111-1111-4111-8111-111111111111", "vol-1"})),
      HasSubstr("foreign: data at byte"))
      << "that of another mkfs, by the UUID";
}

TEST_F(HalfMadeTest, AnXfsWhoseMkfsDidNotEndIsNoFilesystem) {
  finish("xfs");
  disk->write(126, "\1");  // sb_inprogress
  EXPECT_EQ(probed("xfs"), "half-made xfs");
  EXPECT_THAT(said(disks.probe(device(), std::nullopt)), HasSubstr("foreign: an xfs whose mkfs"));
  expect_that_it_comes_back("xfs", "without its end");
}

TEST_F(HalfMadeTest, AFilesystemThatIsFinishedIsNotMadeAgain) {
  for (std::string type : {"ext4", "xfs"}) {
    fresh();
    finish(type);
    use(type);
    auto const before = disk->contents_hash();
    EXPECT_EQ(probed(type), type + " " + kUuid);
    auto made = disks.make_filesystem(device(), of(type), "label", {});
    ASSERT_TRUE(made) << made.error().message.text;
    disk->drop_caches();
    EXPECT_EQ(disk->contents_hash(), before) << "it was made over its files";
  }
}

// What looks most like remains: our own filesystem that was used and then lost its head.
TEST_F(HalfMadeTest, OneThatWasUsedAndHasLostItsSuperblockIsLeftAlone) {
  for (std::string type : {"ext4", "xfs"}) {
    SCOPED_TRACE(type);
    fresh();
    finish(type);
    use(type);
    disk->write(0, std::string(4096, '\0'));
    expect_that_it_is_left_alone();
  }
}

TEST_F(HalfMadeTest, AnothersFilesystemIsLeftAloneWithAndWithoutItsSuperblock) {
  for (std::string type : {"ext4", "xfs"})
    for (bool whole : {true, false}) {
      SCOPED_TRACE(fmt::format("{}, {}", type, whole ? "whole" : "without its first 4 KiB"));
      fresh();
      run({"mkfs." + type, "-q", disk->path()});
      if (!whole) disk->write(0, std::string(4096, '\0'));
      auto const before = disk->contents_hash();
      for (std::string ours : {"ext4", "xfs"}) {
        EXPECT_THAT(probed(ours), testing::Not(HasSubstr("half-made")));
        EXPECT_FALSE(disks.make_filesystem(device(), of(ours), "label", {}));
      }
      disk->drop_caches();
      EXPECT_EQ(disk->contents_hash(), before);
    }
}

TEST_F(HalfMadeTest, StrayBytesAreLeftAlone) {
  for (std::uint64_t at : {std::uint64_t{0}, std::uint64_t{20'000}, 15 * kMiB, 400 * kMiB - 1}) {
    SCOPED_TRACE(at);
    fresh();
    disk->write(at, "x");
    expect_that_it_is_left_alone();
    // Beside real remains as well.
    fresh();
    finish("ext4");
    disk->write(0, std::string(4096, '\0'));
    disk->write(at, "x");
    expect_that_it_is_left_alone();
  }
}

TEST_F(HalfMadeTest, APartitionTableIsLeftAlone) {
  ASSERT_TRUE(
      process.run({.argv = {"sfdisk", "-q", disk->path()}, .input = "label: gpt\n,,L\n"}, {}));
  expect_that_it_is_left_alone();
}

TEST_F(HalfMadeTest, RemainsThatCannotBeReadAreNoRemains) {
  finish("ext4");
  disk->write(0, std::string(4096, '\0'));
  disk->resize_file(100 * kMiB);
  EXPECT_THAT(probed("ext4"), HasSubstr("refused: "));
  EXPECT_FALSE(disks.make_filesystem(device(), of("ext4"), "label", {}));
}

// --- An agent that dies while its mkfs runs.

// mkfs, held up until the test lets it go on.
class HeldProcess final : public Process {
 public:
  explicit HeldProcess(std::filesystem::path gate) : gate_(std::move(gate)) {}
  Result<ProcessOutcome> run(ProcessSpec const& spec, std::stop_token stop) override {
    auto held = spec;
    held.argv = {"sh", "-c", "touch \"$0.there\"; read _ <\"$0\"; exec \"$@\"", gate_.string()};
    held.argv.insert(held.argv.end(), spec.argv.begin(), spec.argv.end());
    return real_.run(held, stop);
  }

 private:
  std::filesystem::path gate_;
  SystemProcess real_;
};

TEST_F(HalfMadeTest, AnMkfsGoesOnWithoutItsAgentAndNobodyJudgesTheDiskMeanwhile) {
  auto const gate = folder / "gate";
  ASSERT_EQ(::mkfifo(gate.c_str(), 0600), 0);
  auto const agent = ::fork();
  ASSERT_GE(agent, 0);
  if (agent == 0) {
    ::signal(SIGPIPE, SIG_IGN);  // as the agent has it
    HeldProcess held(gate);
    (void)SystemDisks(held, clock).make_filesystem(device(), of("ext4"), "label", {});
    ::_exit(0);
  }
  ASSERT_TRUE(test::eventually([&] { return std::filesystem::exists(gate.string() + ".there"); }));
  ::kill(agent, SIGKILL);
  ASSERT_EQ(::waitpid(agent, nullptr, 0), agent);

  EXPECT_THAT(probed("ext4"), HasSubstr("transient: ")) << "its mkfs is still there";
  auto second = disks.make_filesystem(device(), of("ext4"), "label", {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, Kind::transient) << second.error().message.text;

  test::write_bytes(gate, "\n");
  ASSERT_TRUE(test::eventually([&] { return probed("ext4") == std::string("ext4 ") + kUuid; }));
  expect_one_good("ext4");
}

TEST_F(HalfMadeTest, AStopDoesNotEndAnMkfsThatHasBegun) {
  auto const gate = folder / "gate";
  ASSERT_EQ(::mkfifo(gate.c_str(), 0600), 0);
  HeldProcess held(gate);
  std::stop_source stop;
  std::jthread stops([&] {
    EXPECT_TRUE(
        test::eventually([&] { return std::filesystem::exists(gate.string() + ".there"); }));
    stop.request_stop();
    test::write_bytes(gate, "\n");
  });
  auto made =
      SystemDisks(held, clock).make_filesystem(device(), of("xfs"), "label", stop.get_token());
  ASSERT_TRUE(made) << made.error().message.text;
  expect_one_good("xfs");
}

}  // namespace
}  // namespace haagent::volumes
