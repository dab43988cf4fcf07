#include "agent/bundle/archive_reader.h"

#include <gtest/gtest.h>

#include "agent/bundle/archive.h"

namespace haagent::bundle {
namespace {

constexpr std::size_t kMost = 1u << 20u;
using Files = std::vector<std::pair<std::string, std::string>>;

std::string archive_of(Files const& files) {
  std::string bytes;
  Archive archive([&](std::string_view piece) -> Result<void> {
    bytes += piece;
    return {};
  });
  for (auto const& [path, content] : files)
    EXPECT_TRUE(archive.add(path, content, UtcTime{std::chrono::seconds(1768472100)}));
  EXPECT_TRUE(archive.finish());
  return bytes;
}

TEST(BundleArchiveReader, ReadsWhatAnArchiveHolds) {
  std::string const deep = std::string(90, 'a') + "/" + std::string(90, 'b');
  auto const bytes = archive_of({{"top/MANIFEST.json", "{}"},
                                 {"top/empty", ""},
                                 {"top/block", std::string(512, 'y')},
                                 {"top/large", std::string(700'000, 'x')},
                                 {"top/" + deep, "deep\n"}});
  auto const files = read_archive(bytes, kMost);
  ASSERT_TRUE(files) << files.error().message.text;
  ASSERT_EQ(files->size(), 5u);
  EXPECT_EQ((*files)[0].path, "MANIFEST.json");
  EXPECT_EQ((*files)[0].bytes, "{}");
  EXPECT_EQ((*files)[1].bytes, "");
  EXPECT_EQ((*files)[2].bytes, std::string(512, 'y'));
  EXPECT_EQ((*files)[3].bytes, std::string(700'000, 'x'));
  EXPECT_EQ((*files)[4].path, deep);
  EXPECT_EQ((*files)[4].bytes, "deep\n");
}

TEST(BundleArchiveReader, OneThatIsNotWholeIsNone) {
  auto const bytes = archive_of({{"top/a", std::string(5'000, 'a')}, {"top/b", "b"}});
  ASSERT_TRUE(read_archive(bytes, kMost));
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(read_archive(bytes.substr(0, size), kMost)) << size;
  EXPECT_FALSE(read_archive(bytes + "more", kMost));
  EXPECT_FALSE(read_archive("no archive", kMost));
}

TEST(BundleArchiveReader, APathThatLeadsElsewhereIsRefused) {
  for (std::string const path : {"/etc/passwd", "top/../../etc/passwd", "..", "top", "top/",
                                 "top//a", "top/./a", "top/..", "../top/a", "top/a\nb"}) {
    auto const bytes = archive_of({{path, "x"}});
    EXPECT_FALSE(read_archive(bytes, kMost)) << path;
  }
  EXPECT_FALSE(read_archive(archive_of({{"top/a", "x"}, {"other/a", "x"}}), kMost));
}

TEST(BundleArchiveReader, ABombIsCutOff) {
  auto const bytes = archive_of({{"top/zeros", std::string(8u << 20u, '\0')}});
  EXPECT_LT(bytes.size(), 4'096u);
  EXPECT_FALSE(read_archive(bytes, kMost));
}

}  // namespace
}  // namespace haagent::bundle
