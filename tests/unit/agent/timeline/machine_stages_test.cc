#include "agent/timeline/machine_stages.h"

#include <gtest/gtest.h>

#include "tests/support/temporary_directory.h"

namespace haagent::timeline {
namespace {

using namespace std::chrono_literals;

std::string in_words(std::vector<Stage> const& stages) {
  std::string words;
  for (auto const& each : stages)
    words += fmt::format("{}{} {}..{}", words.empty() ? "" : ", ", each.name, each.begin.count(),
                         each.end.count());
  return words;
}

struct Machine {
  std::string is;
  SystemdStamps stamps;
  std::optional<Duration> pending;
  std::string stages;
};

class MachineStages : public testing::TestWithParam<Machine> {};
TEST_P(MachineStages, AreWhatSystemdAndEc2Say) {
  EXPECT_EQ(in_words(machine_stages(GetParam().stamps, GetParam().pending, 10s, 20s)),
            GetParam().stages);
}
INSTANTIATE_TEST_SUITE_P(
    Machines, MachineStages,
    testing::Values(
        Machine{"no systemd", {}, {}, ""},
        Machine{"no systemd and EC2", {}, 4s, "pending 4000..10000"},
        Machine{"no systemd, restarted", {}, -24h, ""},
        Machine{"no firmware known",
                {.userspace = 3'000'000},
                {},
                "kernel 0..3000, userspace 3000..20000"},
        Machine{"everything",
                {.firmware = 2'000'000,
                 .loader = 500'000,
                 .initrd = 1'000'000,
                 .userspace = 3'000'000,
                 .finish = 9'000'000},
                -5s,
                "pending -5000..-2000, firmware -2000..-500, loader -500..0, kernel 0..1000, "
                "initrd 1000..3000, userspace 3000..9000"},
        Machine{"rebooted: pending is of weeks ago",
                {.userspace = 3'000'000},
                -24h * 20,
                "kernel 0..3000, userspace 3000..20000"},
        Machine{"a clock that is behind",
                {.userspace = 3'000'000},
                4s,
                "kernel 0..3000, userspace 3000..20000"}),
    [](auto const& each) {
      auto name = each.param.is;
      std::erase_if(name, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); });
      return name;
    });

TEST(CloudInitStages, AreThoseOfThisBoot) {
  auto const kernel = UtcTime(1768472100s);
  auto const of = [&](std::string_view status) {
    return in_words(cloud_init_stages(status, kernel, kernel + 20s));
  };
  EXPECT_EQ(of(R"({"v1": {"datasource": "DataSourceEc2Local", "stage": "modules-final",
                   "init-local": {"errors": [], "start": 1768472104.25, "finished": 1768472106.5},
                   "init": {"start": 1768472107, "finished": 1768472109.0},
                   "modules-config": {"start": null, "finished": null},
                   "modules-final": {"start": 1768472111.0, "finished": null}}})"),
            "init-local 4250..6500, init 7000..9000, modules-final 11000..20000");
  EXPECT_EQ(of(R"({"v1": {"init": {"start": 1768472000.0, "finished": 1768472001.0}}})"), "");
  EXPECT_EQ(of(R"({"v1": {"init": {"start": "nan", "finished": 1e300}}})"), "");
  EXPECT_EQ(of(R"({"v1": []})"), "");
  EXPECT_EQ(of("half a "), "");
}

}  // namespace
}  // namespace haagent::timeline
