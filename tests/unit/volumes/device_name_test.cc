#include "volumes/device_name.h"

#include <gtest/gtest.h>

namespace haagent::volumes {
namespace {

TEST(DeviceLetter, IsTheSameForEveryWayToWriteIt) {
  for (auto name : {"/dev/sdf", "sdf", "/dev/xvdf", "xvdf", "/dev/sdf1", "xvdf15"})
    EXPECT_EQ(device_letter(name), "f") << name;
  for (auto name : {"", "/dev/", "/dev/sd", "/dev/xvdba", "/dev/nvme1n1", "/dev/sd1", "fd0"})
    EXPECT_EQ(device_letter(name), "") << name;
}

TEST(RootDeviceName, IsTheFirstDisk) {
  for (auto name : {"/dev/sda", "/dev/sda1", "/dev/xvda", "xvda1"})
    EXPECT_TRUE(is_root_device_name(name)) << name;
  for (auto name : {"/dev/sdf", "", "/dev/xvdba"}) EXPECT_FALSE(is_root_device_name(name)) << name;
}

TEST(FreeDeviceName, LooksAtTakenThenAtTried) {
  EXPECT_EQ(free_device_name({}, {}), "/dev/sdf");
  EXPECT_EQ(free_device_name({"xvdf", "/dev/sdg"}, {}), "/dev/sdh");
  EXPECT_EQ(free_device_name({}, {"/dev/sdf"}), "/dev/sdg");
  std::vector<std::string> all;
  for (char c = 'f'; c <= 'p'; ++c) all.push_back(std::string("/dev/sd") + c);
  EXPECT_EQ(free_device_name(all, {}), std::nullopt);
  EXPECT_EQ(free_device_name({"/dev/sdf"}, all), "/dev/sdg");
  EXPECT_EQ(free_device_name(all, all), std::nullopt);
}

}  // namespace
}  // namespace haagent::volumes
