#include "agent/check/volumes.h"

#include <gtest/gtest.h>

#include "tests/unit/agent/check/pages.h"

namespace haagent::check {
namespace {

using namespace test;

class CheckVolumes : public testing::TestWithParam<Case> {};
TEST_P(CheckVolumes, Is) {
  auto page = master();
  GetParam().change(page);
  auto const result = check_volumes(page, GetParam().thresholds);
  EXPECT_EQ(result.state(), GetParam().state) << output_of(result, true);
  EXPECT_EQ(reason_of(result), GetParam().reason) << output_of(result, true);
}

void mount(Page& page, Row state, Reason reason, std::optional<Kind> error = {}) {
  auto& at = row_in(page, "mount-main");
  at = row("mount-main", state, Message(reason, "mount"));
  at.error = error;
}
void space(Page& page, SpaceLevel level, Reason reason) {
  page.report.etcd[0].space->level = level;
  page.report.etcd[0].space->subject = "vol-1";
  row_in(page, "space-main").message = Message(reason, "vol-1 fills").about("vol-1");
}

INSTANTIATE_TEST_SUITE_P(
    Cases, CheckVolumes,
    testing::Values(
        Case{"well", [](Page&) {}, State::ok},
        Case{"fills", [](Page& p) { space(p, SpaceLevel::warning, Reason::SpaceLow); },
             State::warning, Reason::SpaceLow},
        Case{"no_inodes", [](Page& p) { space(p, SpaceLevel::critical, Reason::InodesExhausted); },
             State::critical, Reason::InodesExhausted},
        Case{"root_is_full", [](Page& p) { p.report.filesystems[0].level = SpaceLevel::critical; },
             State::critical, Reason::SpaceExhausted},
        Case{"thresholds_of_bytes", [](Page& p) { p.report.filesystems[0].avail = 9ull << 30u; },
             State::warning, Reason::SpaceLow, limits("80", "90")},
        Case{"thresholds_of_inodes", [](Page& p) { p.report.filesystems[0].inodes_free = 50; },
             State::critical, Reason::SpaceLow, limits("80", "90")},
        Case{"thresholds_add_to_what_haagent_says",
             [](Page& p) { space(p, SpaceLevel::critical, Reason::SpaceExhausted); },
             State::critical, Reason::SpaceExhausted, limits("99", "100")},
        Case{"unmounted", [](Page& p) { mount(p, Row::drifted, Reason::VolumeUnmounted); },
             State::critical, Reason::VolumeUnmounted},
        Case{"failed",
             [](Page& p) { mount(p, Row::drifted, Reason::FilesystemFailed, Kind::refused); },
             State::critical, Reason::FilesystemFailed},
        Case{"ec2_does_not_answer",
             [](Page& p) { mount(p, Row::drifted, Reason::Unavailable, Kind::transient); },
             State::warning, Reason::Unavailable},
        Case{"not_grown", [](Page& p) { mount(p, Row::done, Reason::FilesystemNotGrown); },
             State::warning, Reason::FilesystemNotGrown},
        Case{"held_elsewhere",
             [](Page& p) { booting(p, "volume-main", Reason::VolumeHeldElsewhere, 1min); },
             State::warning, Reason::VolumeHeldElsewhere},
        Case{"held_elsewhere_for_long",
             [](Page& p) { booting(p, "volume-main", Reason::VolumeHeldElsewhere, 20min); },
             State::critical, Reason::VolumeHeldElsewhere},
        Case{"a_volume_that_makes_etcd_slow",
             [](Page& p) {
               p.report.etcd[0].limited = Message(Reason::VolumeAtLimit, "is slow", "give it more");
             },
             State::warning, Reason::VolumeAtLimit},
        Case{
            "an_instance_that_makes_etcd_slow",
            [](Page& p) { p.report.etcd[1].limited = Message(Reason::InstanceAtLimit, "is slow"); },
            State::warning, Reason::InstanceAtLimit},
        Case{"a_worker_has_no_etcd",
             [](Page& p) {
               p.report.role = "worker";
               p.report.etcd.clear();
               std::erase_if(p.report.rows, [](auto const& each) { return each.name != "node"; });
             },
             State::ok},
        Case{"handed_over",
             [](Page& p) {
               p.report.handing_over = "asked";
               p.report.handed_over = true;
               p.report.etcd.clear();
               std::erase_if(p.report.rows, [](auto const& each) { return each.name != "node"; });
             },
             State::ok},
        Case{"nothing_known",
             [](Page& p) {
               p.report.role = "worker";
               p.report.etcd.clear();
               p.report.filesystems.clear();
             },
             State::unknown, Reason::WaitsForOtherRows},
        Case{"agent_gone", [](Page& p) { p.writer = Writer::gone; }, State::unknown,
             Reason::AgentNotRunning}),
    [](auto const& tested) { return tested.param.name; });

TEST(CheckVolumesFigures, AreBytesAndPercentOfBytesAndInodes) {
  auto const result = check_volumes(master(), limits("80", "90"));
  EXPECT_EQ(figure(result, "/")->value, 10.0 * (1ull << 30u));
  EXPECT_EQ(figure(result, "/_used")->value, 20);
  EXPECT_EQ(figure(result, "/_used")->thresholds.warning->text, "80");
  EXPECT_EQ(figure(result, "/_inodes_used")->value, 10);
  EXPECT_TRUE(figure(result, "/var/lib/haagent-etcd/events_used"));
}

}  // namespace
}  // namespace haagent::check
