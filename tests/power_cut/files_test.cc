// Files that are written in one batch, with the power cut at each effect.
#include "agent/base/files.h"

#include <gtest/gtest.h>

#include <iostream>

#include "tests/power_cut/cut_disk.h"

namespace haagent {
namespace {

using test::Journal;

constexpr int kFiles = 5;

std::vector<PairedFile> files_in(std::filesystem::path const& root, char letter) {
  std::vector<PairedFile> files;
  for (int i = 0; i < kFiles; ++i)
    files.push_back({root / (i % 2 == 0 ? "even" : "odd") / std::to_string(i),
                     std::string(static_cast<std::size_t>(3000 + i), letter),
                     {.mode = 0600}});
  return files;
}

TEST(PowerCut, EachFileOfABatchIsTheOldOrTheNewOneAtEachPoint) {
  if (auto why = test::LoopDisk::why_not(); !why.empty()) GTEST_SKIP() << why;
  test::CutDisk disk;
  for (auto const* folder : {"even", "odd"}) ASSERT_TRUE(make_directories(disk.root() / folder));
  auto const old = files_in(disk.root(), 'o');
  auto const fresh = files_in(disk.root(), 'n');
  ASSERT_TRUE(replace_files(old));
  disk.keep();
  int cuts = 0;
  for (auto journal : {Journal::lost, Journal::kept})
    for (int effect = 1;; ++effect) {
      SCOPED_TRACE(effect);
      bool const was_cut = disk.cut(effect, journal, [&] { (void)replace_files(fresh); });
      cuts += was_cut ? 1 : 0;
      bool before_all_new = true;
      for (std::size_t i = 0; i < fresh.size(); ++i) {
        auto const bytes = test::bytes_of(fresh[i].path);
        bool const is_new = bytes == fresh[i].bytes;
        EXPECT_TRUE(is_new || bytes == old[i].bytes)
            << fresh[i].path << " holds " << bytes.size() << " bytes";
        EXPECT_TRUE(was_cut || is_new);
        // They take their names in their order.
        if (fresh[i].path.parent_path() != fresh[0].path.parent_path()) continue;
        EXPECT_TRUE(before_all_new || !is_new) << fresh[i].path;
        before_all_new = before_all_new && is_new;
      }
      if (!was_cut) break;
    }
  // Five files and two folders to flush, five names.
  EXPECT_EQ(cuts, 2 * (kFiles + kFiles + 2));
  std::cout << cuts << " cuts\n";
}

}  // namespace
}  // namespace haagent
