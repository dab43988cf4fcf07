#include "agent/base/machine_end.h"

#include <gtest/gtest.h>
#include <utmpx.h>

namespace haagent {
namespace {

struct Case {
  std::string_view state;
  std::vector<std::string> jobs;
  MachineEnd end;
};

TEST(MachineEnd, WhatSystemdSays) {
  Case const cases[] = {
      {"running", {}, MachineEnd::none},
      {"running", {"haagent.service"}, MachineEnd::none},
      {"degraded", {}, MachineEnd::none},
      {"starting", {"multi-user.target"}, MachineEnd::none},
      {"stopping", {"shutdown.target", "reboot.target"}, MachineEnd::reboot},
      {"stopping", {"shutdown.target", "kexec.target"}, MachineEnd::reboot},
      {"stopping", {"shutdown.target", "soft-reboot.target"}, MachineEnd::reboot},
      {"stopping", {"shutdown.target", "poweroff.target"}, MachineEnd::power_off},
      {"stopping", {"halt.target", "shutdown.target"}, MachineEnd::power_off},
      {"stopping", {"shutdown.target"}, MachineEnd::unknown},
      {"stopping", {}, MachineEnd::unknown},
  };
  for (auto const& each : cases)
    EXPECT_EQ(machine_end_of(each.state, each.jobs), each.end)
        << each.state << testing::PrintToString(each.jobs);
}

std::string record(short type, pid_t pid) {
  utmpx entry{};
  entry.ut_type = type;
  entry.ut_pid = pid;
  return {reinterpret_cast<char const*>(&entry), sizeof entry};
}

TEST(MachineEnd, WhatTheRunLevelSays) {
  auto const multi_user = record(RUN_LVL, '2' | ('N' << 8));
  EXPECT_EQ(machine_end_of_utmp(""), MachineEnd::none);
  EXPECT_EQ(machine_end_of_utmp(multi_user), MachineEnd::none);
  EXPECT_EQ(machine_end_of_utmp(record(RUN_LVL, '0' | ('2' << 8))), MachineEnd::power_off);
  EXPECT_EQ(machine_end_of_utmp(multi_user + record(RUN_LVL, '6')), MachineEnd::reboot);
  EXPECT_EQ(machine_end_of_utmp(record(RUN_LVL, '0') + multi_user), MachineEnd::none);
  EXPECT_EQ(machine_end_of_utmp(record(USER_PROCESS, '0')), MachineEnd::none);
  EXPECT_EQ(machine_end_of_utmp(record(RUN_LVL, '6').substr(1)), MachineEnd::none)
      << "half a record is none";
}

}  // namespace
}  // namespace haagent
