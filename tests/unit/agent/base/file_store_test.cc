#include "agent/base/file_store.h"

#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <fcntl.h>

#include <thread>

#include "tests/support/fake_clock.h"
#include "tests/support/temporary_directory.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;

mode_t mode_of(std::filesystem::path const& path) {
  struct stat status{};
  EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
  return status.st_mode & 07777;
}

struct FileStoreTest : testing::Test {
  std::vector<std::string> keys(std::string const& prefix = "") {
    std::vector<std::string> found;
    auto const entries = store.list(prefix, {}).value();
    for (auto const& entry : entries) found.push_back(entry.key);
    return found;
  }
  test::TemporaryDirectory folder;
  test::FakeClock clock;
  FileStore store{folder.path(), clock};
};

TEST_F(FileStoreTest, OneCreateWins) {
  EXPECT_TRUE(store.create("pki/etcd.json", "one", {}).value());
  EXPECT_FALSE(store.create("pki/etcd.json", "two", {}).value());
  EXPECT_EQ(store.get("pki/etcd.json", {}).value()->bytes, "one");
  EXPECT_FALSE(store.get("pki/none", {}).value().has_value());
  EXPECT_FALSE(store.get("pki", {}).value().has_value());
  EXPECT_EQ(mode_of(folder / "pki"), 0700u);
  EXPECT_EQ(mode_of(folder / "pki/etcd.json"), 0600u);
}

TEST_F(FileStoreTest, NoVersionComesTwice) {
  ASSERT_TRUE(store.create("k", "a", {}).value());
  auto const first = store.get("k", {}).value()->version;
  auto const version = [&] { return store.get("k", {}).value()->version; };
  // The clock stands still.
  EXPECT_TRUE(store.replace("k", "a", first, {}).value());
  EXPECT_FALSE(store.replace("k", "b", first, {}).value()) << "the bytes are those of the first";
  // It goes back, and comes to the time of the first again.
  clock.advance(-1h);
  EXPECT_TRUE(store.replace("k", "a", version(), {}).value());
  clock.advance(1h);
  EXPECT_TRUE(store.replace("k", "a", version(), {}).value());
  EXPECT_FALSE(store.replace("k", "b", first, {}).value());
  ASSERT_TRUE(store.remove("k", {}));
  EXPECT_FALSE(store.replace("k", "b", first, {}).value());
  ASSERT_TRUE(store.create("k", "a", {}).value());
  EXPECT_FALSE(store.replace("k", "b", first, {}).value());
  EXPECT_EQ(store.get("k", {}).value()->bytes, "a");
}

TEST_F(FileStoreTest, ListsInTheOrderOfBytes) {
  for (auto key : {"b", "a/z", "a-b", "a/b/c", "a.b"})
    ASSERT_TRUE(store.create(key, "1", {}).value());
  test::write_bytes(folder / "a/.haagent-left", "x");
  test::write_bytes(folder / "white space", "x");
  EXPECT_EQ(keys(), (std::vector<std::string>{"a-b", "a.b", "a/b/c", "a/z", "b"}));
  EXPECT_EQ(keys("a/"), (std::vector<std::string>{"a/b/c", "a/z"}));
  EXPECT_EQ(keys("a/b"), (std::vector<std::string>{"a/b/c"}));
  EXPECT_EQ(keys("none/"), std::vector<std::string>());
  auto const entry = store.list("b", {}).value().at(0);
  EXPECT_EQ(entry.size, 1u);
  EXPECT_LT(std::chrono::abs(entry.modified - std::chrono::system_clock::now()), 1min);
}

TEST_F(FileStoreTest, FilesUpAndDown) {
  std::string const bytes(3'000'000, 'x');
  test::write_bytes(folder / "in", bytes);
  test::TemporaryDirectory there;
  FileStore other(there.path(), clock);
  ASSERT_TRUE(other.upload("backups/b", folder / "in", {}));
  EXPECT_EQ(mode_of(there / "backups/b"), 0600u);
  test::write_bytes(folder / "out", "before");
  ::chmod((folder / "out").c_str(), 0644);
  ASSERT_TRUE(other.download("backups/b", folder / "out", {}));
  EXPECT_EQ(test::bytes_of(folder / "out"), bytes);
  EXPECT_EQ(mode_of(folder / "out"), 0600u);

  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(other.upload("backups/b", folder / "in", stop.get_token()).error().kind,
            Kind::interrupted);
  EXPECT_EQ(other.download("backups/none", folder / "out", {}).error().kind, Kind::invalid);
  EXPECT_FALSE(other.upload("backups/b", folder / "nothing", {}));
  EXPECT_EQ(other.get("backups/b", {}).value()->bytes.size(), bytes.size());
}

TEST_F(FileStoreTest, WhatIsLargerThanAGetIsRefused) {
  EXPECT_EQ(store.create("k", std::string(kMostOfGet + 1, 'x'), {}).error().kind, Kind::invalid);
  test::write_bytes(folder / "k", std::string(kMostOfGet + 1, 'x'));
  EXPECT_EQ(store.get("k", {}).error().kind, Kind::invalid);
}

TEST_F(FileStoreTest, NoKeyLeavesTheFolder) {
  for (auto key : {"../x", "/etc/x", "a/../../x", ".lock"}) {
    EXPECT_EQ(store.create(key, "x", {}).error().kind, Kind::invalid) << key;
    EXPECT_EQ(store.get(key, {}).error().kind, Kind::invalid) << key;
    EXPECT_EQ(store.remove(key, {}).error().kind, Kind::invalid) << key;
    EXPECT_EQ(store.upload(key, folder / "in", {}).error().kind, Kind::invalid) << key;
    EXPECT_EQ(store.download(key, folder / "out", {}).error().kind, Kind::invalid) << key;
  }
  test::TemporaryDirectory outside;
  test::write_bytes(outside / "secret", "x");
  std::filesystem::create_symlink(outside / "secret", folder / "link");
  EXPECT_FALSE(store.get("link", {}).has_value());
  EXPECT_EQ(keys(), std::vector<std::string>());
}

TEST_F(FileStoreTest, AFolderThatIsNotThereIsNotMade) {
  FileStore missing(folder / "not/mounted", clock);
  for (auto const& error : {missing.get("k", {}).error(), missing.create("k", "x", {}).error(),
                            missing.list("", {}).error(), missing.remove("k", {}).error()}) {
    EXPECT_EQ(error.kind, Kind::invalid);
    EXPECT_NE(error.message.text.find("install -d -m 0700"), std::string::npos)
        << error.message.text;
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "not"));
}

TEST_F(FileStoreTest, WhatACrashLeftGoes) {
  test::write_bytes(folder / "a/.haagent-crash", "half");
  auto const live = NewFile::beside(folder / "a/other", 0600);
  ASSERT_TRUE(live);
  auto const names = [&] {
    int count = 0;
    for (auto const& each : std::filesystem::directory_iterator(folder / "a"))
      count += each.path().filename().string().starts_with(NewFile::kPrefix) ? 1 : 0;
    return count;
  };
  ASSERT_EQ(names(), 2);
  ASSERT_TRUE(store.create("a/k", "x", {}).value());
  EXPECT_EQ(names(), 1) << "one is being written";
}

TEST_F(FileStoreTest, AHeldLockIsWaitedForNotForEver) {
  ASSERT_TRUE(store.create("k", "x", {}).value());
  FileDescriptor held(::open((folder / ".lock").c_str(), O_RDWR));
  ASSERT_EQ(::flock(held.get(), LOCK_EX), 0);
  auto const error = store.create("other", "x", {}).error();
  EXPECT_EQ(error.kind, Kind::transient);
  EXPECT_EQ(store.get("k", {}).value()->bytes, "x") << "readers need no lock";
}

// Where locks do not work between machines, the link alone decides.
TEST(NewFileTest, BecomesTheTargetOnlyWhereThereIsNone) {
  test::TemporaryDirectory folder;
  auto first = NewFile::beside(folder / "k", 0600);
  auto second = NewFile::beside(folder / "k", 0600);
  ASSERT_TRUE(first && second);
  ASSERT_TRUE(first->append("one") && second->append("two"));
  EXPECT_TRUE(first->become_target_if_absent().value());
  EXPECT_FALSE(second->become_target_if_absent().value());
  EXPECT_EQ(test::bytes_of(folder / "k"), "one");
}

// Processes, each on its own: exactly one creates each key, and no increment is lost.
TEST(FileStoreRaces, BetweenProcesses) {
  test::TemporaryDirectory folder;
  constexpr int kRacers = 4, kKeys = 20, kIncrements = 10;
  std::vector<pid_t> racers;
  for (int i = 0; i < kRacers; ++i) {
    auto const pid = ::fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
      SystemClock clock;
      FileStore store(folder.path(), clock);
      int won = 0;
      bool good = true;
      for (int k = 0; k < kKeys; ++k) {
        auto made = store.create(fmt::format("k{}", k), fmt::format("{}", i), {});
        good = good && made.has_value();
        won += made.value_or(false) ? 1 : 0;
      }
      (void)store.create("count", "0", {});
      for (int done = 0; good && done < kIncrements;) {
        auto now = store.get("count", {});
        good = now.has_value() && now->has_value();
        if (!good) break;
        auto next = std::to_string(std::stoi((*now)->bytes) + 1);
        auto written = store.replace("count", next, (*now)->version, {});
        good = written.has_value();
        done += written.value_or(false) ? 1 : 0;
      }
      ::_exit(good ? won : 99);
    }
    racers.push_back(pid);
  }
  int winners = 0;
  for (auto pid : racers) {
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) != 99);
    winners += WEXITSTATUS(status);
  }
  EXPECT_EQ(winners, kKeys);
  SystemClock clock;
  FileStore store(folder.path(), clock);
  EXPECT_EQ(store.get("count", {}).value()->bytes, std::to_string(kRacers * kIncrements));
}

// An NFS server's clock is told by what it does to files; here it is the kernel's.
TEST_F(FileStoreTest, ClockIsTheFileSystemsAndNotTheMachines) {
  auto const real = [] { return std::chrono::system_clock::now(); };
  clock.step(300 * 24h);
  ASSERT_TRUE(store.create("k", "a", {}).value());
  EXPECT_LT(std::chrono::abs(*store.get("k", {}).value()->modified - real()), 1min);
  EXPECT_LT(std::chrono::abs(store.list("k", {}).value().at(0).modified - real()), 1min);
  EXPECT_LT(std::chrono::abs(store.now({}).value() - real()), 1min);
  EXPECT_EQ(keys(), (std::vector<std::string>{"k"})) << "what tells the time is no object";
  EXPECT_FALSE(std::filesystem::exists(folder / ".time")) << "nor left behind";
}

TEST_F(FileStoreTest, ClockOfAFolderThatIsNotThereIsNotMade) {
  FileStore none(folder / "none", clock);
  EXPECT_EQ(none.now({}).error().kind, Kind::invalid);
  EXPECT_FALSE(std::filesystem::exists(folder / "none"));
}

}  // namespace
}  // namespace haagent
