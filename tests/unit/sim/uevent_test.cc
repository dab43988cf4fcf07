#include "tests/sim/uevent.h"

#include <gtest/gtest.h>

namespace haagent::sim {
namespace {

TEST(EncodeUevent, IsLibudevsDatagram) {
  auto datagram = encode_uevent({{"ACTION", "add"}, {"SUBSYSTEM", "block"}, {"DEVTYPE", "disk"}});
  std::string body("ACTION=add\0SUBSYSTEM=block\0DEVTYPE=disk\0", 40);
  ASSERT_EQ(datagram.size(), 40 + body.size());
  EXPECT_EQ(datagram.substr(0, 8), std::string("libudev\0", 8));
  EXPECT_EQ(datagram.substr(8, 4), "\xfe\xed\xca\xfe");
  EXPECT_EQ(datagram.substr(12, 4), std::string("\x28\0\0\0", 4));  // the header's size,
  EXPECT_EQ(datagram.substr(16, 4), std::string("\x28\0\0\0", 4));  // where properties begin
  EXPECT_EQ(datagram.substr(20, 4), std::string("\x28\0\0\0", 4));  // and their size
  EXPECT_EQ(datagram.substr(40), body);
}

TEST(EncodeUevent, LeavesHashesOutForWhatIsNotThere) {
  auto datagram = encode_uevent({{"ACTION", "add"}});
  EXPECT_EQ(datagram.substr(24, 8), std::string(8, '\0'));
}

}  // namespace
}  // namespace haagent::sim
