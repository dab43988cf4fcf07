#include "agent/runtime/progress_line.h"

#include <gtest/gtest.h>

namespace haagent {
namespace {

using namespace std::chrono_literals;

TEST(ProgressLine, FitsItsColumns) {
  UtcTime const began{1768472100s};
  Progress const progress{.what = "download of 20260115T101500.000Z-etcd-b",
                          .done = 230u << 20u,
                          .total = 512u << 20u,
                          .began = began};
  EXPECT_EQ(progress_line(progress, began + 10s, 79),
            "download of 20260115T101500.000Z-etcd-b  [########...........]  44 %, 13 s left");
  for (std::size_t columns : {0, 1, 10, 20, 30, 40, 60, 79, 200})
    EXPECT_LE(progress_line(progress, began + 10s, columns).size(),
              std::max<std::size_t>(columns, 40))
        << columns;
}

}  // namespace
}  // namespace haagent
