#include "tests/sim/machine_arguments.h"

#include <gmock/gmock.h>

#include <algorithm>

namespace haagent::sim {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::StartsWith;

InstanceSpec spec() {
  InstanceSpec spec;
  spec.id = "i-0123456789abcdef0";
  spec.zone = "eu-west-1a";
  spec.address = "10.0.0.10";
  spec.type = "m6i.large";
  spec.machine = MachineSpec{"/images/one,two", 512, 2};
  return spec;
}

MachinePlaces const kPlaces = {"/w/monitor", "/w/agent", "/w/root.qcow2", "/l/console.log",
                               "inst3"};

std::string words_of(std::vector<std::string> const& argv) {
  std::string text;
  for (auto const& each : argv) text += each + "\n";
  return text;
}

TEST(MachineArguments, TheMachineIsKnownAsOneOfEc2s) {
  auto const argv = machine_arguments(spec(), kPlaces, {});
  EXPECT_THAT(argv, IsSupersetOf({"512", "2", "/images/one,two/vmlinuz"}));
  // By the first, cloud-init's ds-identify takes it for EC2; the second must be the same.
  auto const uuid = "ec201234-5678-49ab-acde-f00000000000";
  EXPECT_THAT(argv,
              Contains(fmt::format(
                  "type=1,manufacturer=Amazon EC2,product=m6i.large,serial={0},uuid={0}", uuid)));
  EXPECT_THAT(argv, Contains(StartsWith("nvme,drive=root,serial=vol0123456789abcdef0")));
  // The hardware address that instance metadata tells.
  EXPECT_THAT(words_of(argv), HasSubstr("mac=06:00:0a:00:00:0a"));
}

TEST(MachineArguments, VolumesAreDisksWithTheirSerialsEachInAPortOfItsOwn) {
  auto const argv = machine_arguments(spec(), kPlaces,
                                      {{"vol-0aa", "/v/vol-0aa", 1}, {"vol-0bb", "/v/vol-0bb", 7}});
  EXPECT_THAT(argv, Contains(R"({"driver":"nvme","id":"disk-vol-0bb","bus":"port7",)"
                             R"("drive":"drive-vol-0bb","serial":"vol0bb"})"));
  EXPECT_EQ(std::ranges::count_if(argv, [](auto const& a) { return a.contains("pcie-root-port"); }),
            kMachinePorts);
  // A drive is known before the device that uses it.
  auto const words = words_of(argv);
  EXPECT_LT(words.find(R"("node-name":"drive-vol-0aa")"), words.find(R"("drive":"drive-vol-0aa")"));
}

TEST(MachineArguments, ACommaInAPathEndsNothing) {
  auto places = kPlaces;
  places.console = "/l/a,b";
  EXPECT_THAT(words_of(machine_arguments(spec(), places, {})), HasSubstr("path=/l/a,,b,append"));
}

}  // namespace
}  // namespace haagent::sim
