#include "agent/base/files.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <signal.h>

#include "agent/base/file_descriptor.h"
#include "tests/support/temporary_directory.h"

namespace haagent {
namespace {

namespace fs = std::filesystem;
using test::bytes_of;
using test::TemporaryDirectory;
using test::write_bytes;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct stat status_of(fs::path const& path) {
  struct stat status{};
  EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
  return status;
}

mode_t mode_of(fs::path const& path) {
  return status_of(path).st_mode & 07777;
}

std::vector<std::string> names_in(fs::path const& folder) {
  std::vector<std::string> names;
  for (auto const& entry : fs::directory_iterator(folder)) {
    names.push_back(entry.path().filename());
  }
  std::ranges::sort(names);
  return names;
}

class Umask {
 public:
  explicit Umask(mode_t mask) : had_(::umask(mask)) {}
  ~Umask() { ::umask(had_); }
  Umask(Umask const&) = delete;
  Umask& operator=(Umask const&) = delete;

 private:
  mode_t had_;
};

TEST(Root, PutsAbsolutePathsBelowIt) {
  EXPECT_EQ(Root("/tmp/x")("/etc/hosts"), "/tmp/x/etc/hosts");
  EXPECT_EQ(Root()("/etc/hosts"), "/etc/hosts");
}

TEST(ReadFile, ReadsAllNothingOrSaysWhy) {
  TemporaryDirectory folder;
  std::string bytes(100'000, 'x');
  bytes[5] = '\0';
  write_bytes(folder / "file", bytes);
  EXPECT_EQ(read_file(folder / "file").value(), bytes);
  EXPECT_EQ(read_file(folder / "file", bytes.size()).value(), bytes);
  EXPECT_EQ(read_file(folder / "missing").value(), std::nullopt);
  EXPECT_EQ(read_file(folder / "no" / "folder").value(), std::nullopt);

  auto longer = read_file(folder / "file", bytes.size() - 1);
  ASSERT_FALSE(longer);
  EXPECT_EQ(longer.error().kind, Kind::invalid);
  EXPECT_THAT(longer.error().message.text, HasSubstr((folder / "file").string()));

  auto directory = read_file(folder.path());
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().code.value(), EISDIR);
}

TEST(ReadFile, ReadsFilesThatTellNoSize) {
  auto text = read_file("/proc/self/status").value();
  ASSERT_TRUE(text);
  EXPECT_THAT(*text, HasSubstr("Pid:"));
}

TEST(ReplaceFile, WritesBytesModeAndOwnerWhateverTheUmask) {
  TemporaryDirectory folder;
  Umask umask(0077);
  ASSERT_TRUE(replace_file(folder / "new", "one", {.mode = 0644, .uid = {}, .gid = {}}));
  EXPECT_EQ(bytes_of(folder / "new"), "one");
  EXPECT_EQ(mode_of(folder / "new"), 0644u);
  EXPECT_EQ(status_of(folder / "new").st_uid, ::geteuid());

  ASSERT_TRUE(replace_file(folder / "new", "", {.mode = 0600, .uid = {}, .gid = {}}));
  EXPECT_EQ(bytes_of(folder / "new"), "");
  EXPECT_EQ(mode_of(folder / "new"), 0600u);
  EXPECT_THAT(names_in(folder.path()), ElementsAre("new"));
}

TEST(ReplaceFile, SweepsUpAfterWritersThatWereKilledAndLeavesThoseWhoWrite) {
  TemporaryDirectory folder;
  test::write_bytes(folder / ".key.haagent-AbCdEf", "half a key");
  test::write_bytes(folder / ".other.haagent-AbCdEf", "half of another");
  test::write_bytes(folder / ".key.haagent-writes", "just being written");
  // Others' files, one of them as rsync has it on its way.
  test::write_bytes(folder / ".key.AbCdEf", "somebody else's");
  test::write_bytes(folder / ".key.backup", "somebody else's");
  FileDescriptor const writer(
      ::open((folder / ".key.haagent-writes").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(::flock(writer.get(), LOCK_EX), 0);
  ASSERT_TRUE(replace_file(folder / "key", "whole"));
  EXPECT_THAT(names_in(folder.path()),
              testing::UnorderedElementsAre("key", ".other.haagent-AbCdEf", ".key.haagent-writes",
                                            ".key.AbCdEf", ".key.backup"));
}

TEST(ReplaceFile, GivesTheFileAway) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to give files away";
  TemporaryDirectory folder;
  ASSERT_TRUE(replace_file(folder / "key", "x", {.mode = 04640, .uid = 1234, .gid = 2345}));
  auto status = status_of(folder / "key");
  EXPECT_EQ(status.st_uid, 1234u);
  EXPECT_EQ(status.st_gid, 2345u);
  EXPECT_EQ(status.st_mode & 07777, 04640u);
}

// Holds what a watcher of the folder (the kubelet watches its manifests) gets to see: the name
// appears once, by a rename, and nothing happens to it afterwards.
TEST(ReplaceFile, TheNameAppearsWholeAndIsNotTouchedAgain) {
  TemporaryDirectory folder;
  FileDescriptor watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  ASSERT_GE(::inotify_add_watch(watch.get(), folder.path().c_str(),
                                IN_CREATE | IN_MODIFY | IN_ATTRIB | IN_MOVED_TO),
            0);
  ASSERT_TRUE(replace_file(folder / "pod.yaml", "bytes", {.mode = 0640, .uid = {}, .gid = {}}));

  alignas(inotify_event) char buffer[4096];
  auto size = ::read(watch.get(), buffer, sizeof(buffer));
  ASSERT_GT(size, 0);
  std::vector<std::uint32_t> events_of_name;
  for (char* at = buffer; at < buffer + size;) {
    auto const* event = reinterpret_cast<inotify_event const*>(at);
    std::string_view name(event->name);
    if (name == "pod.yaml") {
      events_of_name.push_back(event->mask);
    } else {
      EXPECT_TRUE(name.starts_with(".")) << name << " is not hidden from the folder's readers";
    }
    at += sizeof(inotify_event) + event->len;
  }
  EXPECT_THAT(events_of_name, ElementsAre(IN_MOVED_TO));
}

TEST(ReplaceFile, AFailureKeepsTheOldAndLeavesNothingBehind) {
  TemporaryDirectory folder;
  fs::create_directories(folder / "taken" / "by-a-folder");
  auto refused = replace_file(folder / "taken", "x");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message.text, HasSubstr((folder / "taken").string()));
  EXPECT_THAT(names_in(folder.path()), ElementsAre("taken"));
  EXPECT_TRUE(fs::exists(folder / "taken" / "by-a-folder"));

  auto nowhere = replace_file(folder / "no-folder" / "file", "x");
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code.value(), ENOENT);
}

TEST(ReplaceFile, AFullDiskKeepsTheOldAndLeavesNothingBehind) {
  TemporaryDirectory folder;
  write_bytes(folder / "file", "old");
  // A limit on the size of files stands in for the full disk.
  auto handler = ::signal(SIGXFSZ, SIG_IGN);
  rlimit had{};
  ::getrlimit(RLIMIT_FSIZE, &had);
  rlimit small{.rlim_cur = 1000, .rlim_max = had.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  auto refused = replace_file(folder / "file", std::string(10'000, 'x'));
  ::setrlimit(RLIMIT_FSIZE, &had);
  ::signal(SIGXFSZ, handler);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code.value(), EFBIG);
  EXPECT_EQ(bytes_of(folder / "file"), "old");
  EXPECT_THAT(names_in(folder.path()), ElementsAre("file"));
}

TEST(ReplaceFile, ReplacesALinkAndNotWhatItPointsTo) {
  TemporaryDirectory folder;
  write_bytes(folder / "target", "precious");
  fs::create_symlink(folder / "target", folder / "link");
  ASSERT_TRUE(replace_file_if_changed(folder / "link", "precious").value());
  EXPECT_TRUE(S_ISREG(status_of(folder / "link").st_mode));
  ASSERT_TRUE(replace_file(folder / "link", "other"));
  EXPECT_EQ(bytes_of(folder / "target"), "precious");
}

TEST(ReplaceFiles, WritesAllOrNone) {
  TemporaryDirectory directory;
  auto const one = directory.path() / "one";
  auto const two = directory.path() / "two";
  write_bytes(one, "old");
  PairedFile const missing[] = {{one, "new", {.mode = 0600}},
                                {directory.path() / "no folder" / "two", "new", {}}};
  ASSERT_FALSE(replace_files(missing));
  EXPECT_EQ(bytes_of(one), "old") << "the second could not be written, so the first is not either";
  EXPECT_THAT(names_in(directory.path()), ElementsAre("one"));

  PairedFile const both[] = {{one, "1", {.mode = 0600}}, {two, "2", {.mode = 0644}}};
  ASSERT_TRUE(replace_files(both));
  EXPECT_EQ(bytes_of(one), "1");
  EXPECT_EQ(mode_of(one), 0600u);
  EXPECT_EQ(bytes_of(two), "2");
  EXPECT_EQ(mode_of(two), 0644u);
  EXPECT_THAT(names_in(directory.path()), ElementsAre("one", "two"));
}

TEST(ReplaceFileIfChanged, LeavesAFileAloneThatIsRight) {
  TemporaryDirectory folder;
  EXPECT_TRUE(replace_file_if_changed(folder / "file", "one").value());
  auto before = status_of(folder / "file");
  EXPECT_FALSE(replace_file_if_changed(folder / "file", "one").value());
  auto after = status_of(folder / "file");
  EXPECT_EQ(before.st_ino, after.st_ino);
  EXPECT_EQ(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
  EXPECT_EQ(before.st_ctim.tv_nsec, after.st_ctim.tv_nsec);
}

TEST(ReplaceFileIfChanged, WritesForBytesModeAndRequestedOwner) {
  TemporaryDirectory folder;
  auto path = folder / "file";
  auto write = [&](std::string_view bytes, FileMode mode) {
    auto differs = !file_matches(path, bytes, mode).value();
    EXPECT_EQ(replace_file_if_changed(path, bytes, mode).value(), differs);
    EXPECT_TRUE(file_matches(path, bytes, mode).value());
    return differs;
  };
  EXPECT_TRUE(write("one", {}));
  EXPECT_FALSE(write("one", {}));
  EXPECT_TRUE(write("two", {}));      // same length
  EXPECT_TRUE(write("two and", {}));  // longer
  EXPECT_TRUE(write("two", {}));      // shorter
  EXPECT_TRUE(write("two", {.mode = 0600, .uid = {}, .gid = {}}));
  EXPECT_FALSE(write("two", {.mode = 0600, .uid = ::geteuid(), .gid = {}}));
  if (::geteuid() == 0) {
    EXPECT_TRUE(write("two", {.mode = 0600, .uid = 1234, .gid = {}}));
    EXPECT_TRUE(write("two", {.mode = 0600, .uid = {}, .gid = 2345}));
  }
}

TEST(FileMatches, IsFalseForWhatIsNoFileAndDoesNotWait) {
  TemporaryDirectory folder;
  ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0644), 0);
  fs::create_directory(folder / "folder");
  EXPECT_FALSE(file_matches(folder / "fifo", "", {}).value());
  EXPECT_FALSE(file_matches(folder / "folder", "", {.mode = 0755, .uid = {}, .gid = {}}).value());
  EXPECT_FALSE(file_matches(folder / "missing", "", {}).value());
}

TEST(ReadAt, GivesWhatIsThereFromThePlaceOn) {
  TemporaryDirectory folder;
  write_bytes(folder / "file", "0123456789");
  FileDescriptor const fd(::open((folder / "file").c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(read_at(fd.get(), 0, 10, "reading").value(), "0123456789");
  EXPECT_EQ(read_at(fd.get(), 3, 4, "reading").value(), "3456");
  EXPECT_EQ(read_at(fd.get(), 8, 4, "reading").value(), "89");
  EXPECT_EQ(read_at(fd.get(), 10, 4, "reading").value(), "");
  EXPECT_EQ(read_at(fd.get(), 99, 4, "reading").value(), "");
  auto const failed = read_at(-1, 0, 4, "reading the database");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, std::errc::bad_file_descriptor);
  EXPECT_TRUE(failed.error().message.text.starts_with(worded("reading the database: ")))
      << failed.error().message.text;
}

TEST(MakeDirectories, MakesWhatIsMissingWithItsModeAndLeavesTheRestAlone) {
  TemporaryDirectory folder;
  Umask umask(0077);
  fs::create_directory(folder / "old");
  fs::permissions(folder / "old", fs::perms::owner_all);
  ASSERT_TRUE(make_directories(folder / "old" / "new" / "newer/", 0751));
  EXPECT_EQ(mode_of(folder / "old"), 0700u);
  EXPECT_EQ(mode_of(folder / "old" / "new"), 0751u);
  EXPECT_EQ(mode_of(folder / "old" / "new" / "newer"), 0751u);
  ASSERT_TRUE(make_directories(folder / "old" / "new", 0700));
  EXPECT_EQ(mode_of(folder / "old" / "new"), 0751u);
}

TEST(MakeDirectories, SaysWhatIsInTheWay) {
  TemporaryDirectory folder;
  write_bytes(folder / "file", "x");
  fs::create_symlink("nowhere", folder / "dangling");
  auto made = make_directories(folder / "file");
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, Kind::invalid);
  EXPECT_FALSE(make_directories(folder / "file" / "below"));
  EXPECT_FALSE(make_directories(folder / "dangling"));
}

}  // namespace
}  // namespace haagent
