#include "agent/commands/pki_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>

#include "tests/support/temporary_directory.h"

namespace haagent {
namespace {

namespace fs = std::filesystem;
using bootstrap::pki::IssuedClient;

IssuedClient issued() {
  return {.pair = {.certificate = "certificate", .key = Secret("key")}, .trust = "trust"};
}

mode_t mode_of(fs::path const& path) {
  struct stat status{};
  EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
  return status.st_mode & 07777;
}

std::size_t count_in(fs::path const& folder) {
  return static_cast<std::size_t>(std::ranges::distance(fs::directory_iterator(folder)));
}

TEST(PkiFiles, TheKeyIsItsOwnersAlone) {
  test::TemporaryDirectory folder;
  auto const files = client_files(folder.path(), "prometheus");
  auto const before = ::umask(0);
  auto const written = write_client_files(files, issued());
  ::umask(before);
  ASSERT_TRUE(written) << written.error().message.text;
  EXPECT_EQ(test::bytes_of(folder / "prometheus.crt"), "certificate");
  EXPECT_EQ(test::bytes_of(folder / "prometheus.key"), "key");
  EXPECT_EQ(test::bytes_of(folder / "prometheus.ca.crt"), "trust");
  EXPECT_EQ(mode_of(files.key), 0600u);
  EXPECT_EQ(mode_of(files.certificate), 0644u);
  EXPECT_EQ(mode_of(files.trust), 0644u);
  EXPECT_EQ(count_in(folder.path()), 3u);
}

TEST(PkiFiles, NothingIsOverwrittenAndNothingIsWrittenBesideIt) {
  for (auto const* there : {"prometheus.crt", "prometheus.key", "prometheus.ca.crt"}) {
    test::TemporaryDirectory folder;
    test::write_bytes(folder / there, "mine");
    auto const written = write_client_files(client_files(folder.path(), "prometheus"), issued());
    ASSERT_FALSE(written) << there;
    EXPECT_EQ(written.error().kind, Kind::refused);
    EXPECT_EQ(test::bytes_of(folder / there), "mine");
    EXPECT_EQ(count_in(folder.path()), 1u) << there;
  }
}

TEST(PkiFiles, ALinkIsNotFollowed) {
  test::TemporaryDirectory folder;
  fs::create_symlink(folder / "elsewhere", folder / "prometheus.key");
  EXPECT_FALSE(write_client_files(client_files(folder.path(), "prometheus"), issued()));
  EXPECT_FALSE(fs::exists(folder / "elsewhere"));
  EXPECT_EQ(count_in(folder.path()), 1u);
}

TEST(PkiFiles, AFolderThatIsNotThereIsNotMade) {
  test::TemporaryDirectory folder;
  auto const written = write_client_files(client_files(folder / "no", "prometheus"), issued());
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, Kind::invalid);
  EXPECT_FALSE(fs::exists(folder / "no"));
}

}  // namespace
}  // namespace haagent
