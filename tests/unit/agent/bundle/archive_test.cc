#include "agent/bundle/archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/base/process.h"
#include "tests/support/temporary_directory.h"

namespace haagent::bundle {
namespace {

TEST(BundleArchive, TarReadsIt) {
  test::TemporaryDirectory const folder;
  std::string bytes;
  Archive archive([&](std::string_view piece) -> Result<void> {
    bytes += piece;
    return {};
  });
  UtcTime const time{std::chrono::seconds(1768472100)};
  std::string const deep = "top/" + std::string(90, 'a') + "/" + std::string(90, 'b');
  std::string const large(3u << 20u, 'x');
  EXPECT_TRUE(archive.add("top/empty", "", time));
  EXPECT_TRUE(archive.add("top/block", std::string(512, 'y'), time));
  EXPECT_TRUE(archive.add("top/large", large, time));
  EXPECT_TRUE(archive.add(deep, "deep\n", time));
  EXPECT_FALSE(archive.add("top/" + std::string(300, 'c'), "", time));
  ASSERT_TRUE(archive.finish());
  test::write_bytes(folder / "x.tar.zst", bytes);
  auto const outcome = SystemProcess().run(
      {.argv = {"tar", "--zstd", "-xf", folder / "x.tar.zst", "-C", folder.path()}}, {});
  ASSERT_TRUE(outcome);
  if (outcome->err.contains("zstd: Cannot exec")) GTEST_SKIP() << "there is no zstd";
  ASSERT_EQ(outcome->exit_code, 0) << outcome->err;
  EXPECT_EQ(test::bytes_of(folder / "top/empty"), "");
  EXPECT_EQ(test::bytes_of(folder / "top/block"), std::string(512, 'y'));
  EXPECT_EQ(test::bytes_of(folder / "top/large"), large);
  EXPECT_EQ(test::bytes_of(folder / deep), "deep\n");
  EXPECT_EQ(std::filesystem::status(folder / "top/large").permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST(BundleArchive, AFullDiskIsAnError) {
  Archive archive(
      [](std::string_view) -> Result<void> { return fail(Kind::transient, "no space"); });
  EXPECT_FALSE(archive.finish());
}

}  // namespace
}  // namespace haagent::bundle
