// What a volume's counters are asked for, how often, and what becomes of them.
#include "volumes/ebs_watch.h"

#include <gtest/gtest.h>

#include "tests/support/ebs_page_bytes.h"
#include "tests/unit/volumes/machine.h"

namespace haagent::volumes {
namespace {

using namespace std::chrono_literals;

class EbsWatchTest : public testing::Test {
 protected:
  FakeDisks::Disk& disk() { return disks.disks["/dev/nvme1n1"]; }
  std::optional<EbsFacts> look() { return watch.look(device, "/var/lib/haagent-etcd/main"); }
  void tell(std::uint64_t exceeded) {
    test::EbsPage page;
    page.counters[6] = exceeded;
    disk().ebs_page = page.bytes();
  }

  test::FakeClock clock;
  FakeDisks disks;
  EbsWatch watch{disks, clock};
  BlockDevice device{.path = "/dev/nvme1n1", .number = 1};
};

TEST_F(EbsWatchTest, AsksEachHalfMinuteAndLooksFiveMinutesBack) {
  tell(100);
  auto seen = look();
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->counters.volume_exceeded_iops, 100u);
  EXPECT_EQ(seen->recently, EbsExceeded{}) << "one reading tells of no time";
  tell(900);
  clock.advance(15s);
  EXPECT_EQ(look()->counters.volume_exceeded_iops, 100u) << "the reading of before";
  clock.advance(15s);
  seen = look();
  EXPECT_EQ(seen->recently, (EbsExceeded{.window = 30s, .volume_iops = 800}));
  EXPECT_EQ(disk().ebs_asked, 2);
  for (int i = 0; i < 20; ++i) {
    clock.advance(30s);
    seen = look();
  }
  EXPECT_EQ(seen->recently, (EbsExceeded{.window = 5min, .volume_iops = 0}))
      << "what was before is forgotten";
}

TEST_F(EbsWatchTest, ADeviceWithoutCountersIsAskedAgainAnHourLater) {
  for (auto const& page : {std::optional<std::string>(), std::optional(std::string(4096, '\0'))}) {
    device.number += 1;
    disk().ebs_asked = 0;
    disk().ebs_page = page;
    for (int i = 0; i < 59; ++i) {
      EXPECT_FALSE(look());
      EXPECT_TRUE(watch.tells_none());
      clock.advance(1min);
    }
    EXPECT_EQ(disk().ebs_asked, 1);
    tell(1);
    clock.advance(1min);
    EXPECT_TRUE(look());
    EXPECT_FALSE(watch.tells_none());
  }
}

TEST_F(EbsWatchTest, WhoeverCannotBeAskedIsAskedAtTheNextTime) {
  disk().readable = false;
  EXPECT_FALSE(look());
  EXPECT_FALSE(watch.tells_none()) << "nobody knows";
  disk().readable = true;
  tell(7);
  clock.advance(30s);
  ASSERT_TRUE(look());
  disk().readable = false;
  clock.advance(30s);
  ASSERT_TRUE(look()) << "what was read last";
  EXPECT_EQ(look()->counters.volume_exceeded_iops, 7u);
}

TEST_F(EbsWatchTest, AnotherDeviceBeginsAnew) {
  tell(100);
  ASSERT_TRUE(look());
  device.number = 2;
  tell(200);
  auto const seen = look();
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->counters.volume_exceeded_iops, 200u);
  EXPECT_EQ(seen->recently, EbsExceeded{});
}

}  // namespace
}  // namespace haagent::volumes
