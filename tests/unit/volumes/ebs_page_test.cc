#include "volumes/ebs_page.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "agent/base/file_descriptor.h"
#include "tests/support/ebs_page_bytes.h"

namespace haagent::volumes {
namespace {

using Bins = std::vector<EbsLatencies::Bin>;

TEST(EbsPage, HasEachCounterInItsPlace) {
  test::EbsPage page;
  for (std::uint64_t i = 0; i < 11; ++i) page.counters[i] = (i + 1) << 33u;
  page.reads = {{{0, 1}, 3}, {{1, 2}, 0}, {{2, 4}, 0xffffffff}};
  page.writes = {{{0, 1000}, 7}, {{1000, EbsLatencies::kAny}, 9}};
  auto const counters = parse_ebs_page(page.bytes());
  ASSERT_TRUE(counters);
  auto const at = [](std::uint64_t place) { return place << 33u; };
  EXPECT_EQ(*counters,
            (EbsCounters{.read_ops = at(1),
                         .write_ops = at(2),
                         .read_bytes = at(3),
                         .write_bytes = at(4),
                         .read_time = at(5),
                         .write_time = at(6),
                         .volume_exceeded_iops = at(7),
                         .volume_exceeded_throughput = at(8),
                         .instance_exceeded_iops = at(9),
                         .instance_exceeded_throughput = at(10),
                         .queue_length = at(11),
                         .read_latencies = {Bins{{1, 3}, {2, 0}, {4, 0xffffffff}}},
                         .write_latencies = {Bins{{1000, 7}, {EbsLatencies::kAny, 9}}}}));
}

TEST(EbsPage, OfAnotherDeviceIsNone) {
  auto const good = test::EbsPage{}.bytes();
  ASSERT_TRUE(parse_ebs_page(good)) << "a volume that nothing was asked of";
  for (auto const& [what, bytes] : std::initializer_list<std::pair<char const*, std::string>>{
           {"empty", ""},
           {"short", good.substr(0, 4095)},
           {"zeros, of a controller that knows no such page", std::string(4096, '\0')},
           {"an instance store's", test::EbsPage{.magic = 0xec2c0d7e}.bytes()},
           {"big-endian", test::EbsPage{.magic = 0x10b5233c}.bytes()}}) {
    auto const parsed = parse_ebs_page(bytes);
    ASSERT_FALSE(parsed) << what;
    EXPECT_EQ(parsed.error().kind, Kind::invalid) << what;
  }
}

TEST(EbsPage, AHistogramThatIsNoneIsLeftOutAndTheCountersStand) {
  auto const of = [](std::vector<test::EbsPage::Bin> reads, std::uint64_t claimed = 0) {
    test::EbsPage page{.reads = std::move(reads), .claimed_bins = claimed};
    page.counters[0] = 5;
    auto const counters = parse_ebs_page(page.bytes());
    EXPECT_TRUE(counters && counters->read_ops == 5);
    return counters ? counters->read_latencies.bins.size() : 99;
  };
  EXPECT_EQ(of({{{0, 1}, 1}}), 1u);
  EXPECT_EQ(of({}), 0u);
  EXPECT_EQ(of({{{0, 1}, 1}}, 65), 0u) << "more bins than there is room for";
  EXPECT_EQ(of({{{0, 1}, 1}}, ~0ull), 0u);
  EXPECT_EQ(of({{{0, 1}, 1}}, 2), 0u) << "the second is of zeros";
  EXPECT_EQ(of({{{1, 1}, 1}}), 0u);
  EXPECT_EQ(of({{{4, 2}, 1}}), 0u);
  EXPECT_EQ(of({{{2, 4}, 1}, {{0, 2}, 1}}), 0u) << "bounds that go back";
  EXPECT_EQ(of({{{0, 4}, 1}, {{3, 8}, 1}}), 0u) << "bins that lie over each other";
  EXPECT_EQ(of({{{0, EbsLatencies::kAny}, 1}, {{5, 8}, 1}}), 0u);
  EXPECT_EQ(of({{{0, 4}, 1}, {{8, 16}, 1}}), 2u) << "a gap is none of our business";
  std::vector<test::EbsPage::Bin> all;
  for (std::uint64_t i = 0; i < 64; ++i) all.push_back({{i, i + 1}, 1});
  EXPECT_EQ(of(all), 64u);
}

TEST(EbsPage, WhatIsNoNvmeDiskHasNone) {
  for (auto const* path : {"/dev/null", "/dev/zero", "/proc/self/mounts", "/"}) {
    FileDescriptor file(::open(path, O_RDONLY | O_CLOEXEC));
    ASSERT_TRUE(file) << path;
    EXPECT_FALSE(read_ebs_page(file.get())) << path;
  }
}

}  // namespace
}  // namespace haagent::volumes
