// The program haagent-sim as people use it: run, command, end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include "agent/base/json.h"
#include "agent/base/process.h"
#include "tests/integration/region_process.h"
#include "tests/integration/sim_program.h"
#include "tests/support/mentions.h"
#include "tests/support/temporary_directory.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr char const* kSpec = R"(region: eu-west-1
zones:
  - {name: eu-west-1a, gateway: 10.0.0.1}
volumes:
  - {name: main-a, zone: eu-west-1a, size: 1}
groups:
  - name: masters-a
    role: master
    zones: [eu-west-1a]
    user-data: {content: "role: master\n"}
    argv: [/bin/sleep, "3600"]
delays: {launch: 10ms, running: 10ms, attach: 100ms, detach: 100ms, release: 100ms, replace: 100ms}
)";

class SimRun : public testing::Test {
 protected:
  void run(std::vector<std::string> const& more) {
    program_.start(kSpec, more);
    ASSERT_TRUE(eventually([&] { return instance_state() == "running"; })) << program_.log();
  }

  ProcessOutcome sim(std::vector<std::string> arguments) {
    ProcessSpec spec;
    spec.argv = {built_beside("haagent-sim").string()};
    spec.argv.insert(spec.argv.end(), arguments.begin(), arguments.end());
    spec.environment = {"HAAGENT_SIM_CONTROL=" + program_.socket().string()};
    auto outcome = process_.run(spec, {});
    EXPECT_TRUE(outcome) << outcome.error().message.text;
    return outcome ? *outcome : ProcessOutcome{};
  }
  Tree state() {
    auto const outcome = sim({"state", "-o", "json"});
    return json::parse(outcome.out).value_or(Tree());
  }
  // Of the last instance that was launched and lives.
  Tree instance() {
    auto const tree = state();
    Tree found;
    if (auto const* instances = tree.find("instances")) {
      for (auto const& each : instances->items()) {
        auto const is = each.text_at("state");
        if (is == "running" || is == "pending") found = each;
      }
    }
    return found;
  }
  std::string instance_state() { return instance().text_at("state"); }
  Tree volume() {
    auto const tree = state();
    for (auto const& each : tree.find("volumes")->items()) {
      if (each.text_at("name") == "main-a") return each;
    }
    return {};
  }
  bool attached() {
    auto const now = volume();
    auto const* attachment = now.at_path("attachment.state");
    return attachment && attachment->text() == "attached";
  }

  SimProgram program_;
  SystemProcess process_;
};

TEST_F(SimRun, TheServicesAloneNeedNoPrivilege) {
  run({"--api-only"});
  auto const id = instance().text_at("id");
  EXPECT_THAT(sim({"state"}).out, HasSubstr(id + "  running  eu-west-1a  masters-a"));
  EXPECT_THAT(test::bytes_of(program_.folder() / "state/environment"),
              HasSubstr("export AWS_ACCESS_KEY_ID='AKIAHAAGENTSIM000000'"));

  EXPECT_EQ(sim({"power-cut", "masters-a"}).out, id + " power-cut\n");
  ASSERT_TRUE(eventually([&] {
    auto const fresh = instance();
    return fresh.text_at("state") == "running" && fresh.text_at("id") != id;
  }));
  EXPECT_THAT(sim({"timeline"}).out, HasSubstr("power-cut"));

  auto const bad = sim({"zone-down", "mars"});
  EXPECT_EQ(bad.exit_code, 2);
  EXPECT_THAT(bad.err, HasSubstr("'mars'"));
  EXPECT_EQ(sim({"fly"}).exit_code, 2);
  EXPECT_EQ(program_.end(), 0);
  auto const nobody = sim({"state"});
  EXPECT_EQ(nobody.exit_code, 3);
  EXPECT_TRUE(test::mentions(nobody.err, "`haagent-sim run`")) << nobody.err;
}

TEST_F(SimRun, ABadSpecIsToldBeforeAnythingIsMade) {
  test::TemporaryDirectory folder;
  test::write_bytes(folder / "region.yaml", "zones: 3\n");
  auto const outcome = sim({"run", "--spec", folder / "region.yaml", "--api-only"});
  EXPECT_EQ(outcome.exit_code, 78);
  EXPECT_THAT(outcome.err, HasSubstr("region.yaml:1:8: "));
}

// What was written to a volume outlives the machine that wrote it.
TEST_F(SimRun, APowerCutMastersVolumeGoesToItsSuccessor) {
  if (auto const why = no_region_because(); !why.empty()) GTEST_SKIP() << why;
  run({"--logs", program_.folder() / "logs"});
  auto const id = instance().text_at("id");
  auto const volume_id = volume().text_at("id");
  auto const attach = [&](std::string const& to) {
    auto const outcome = sim({"aws", "ec2", "attach-volume", "--volume-id", volume_id,
                              "--instance-id", to, "--device", "/dev/sdf"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_TRUE(eventually([&] { return attached(); }));
  };
  auto const inside = [&](std::string const& script) {
    auto const outcome = sim({"exec", "masters-a", "--", "/bin/sh", "-c", script});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return outcome.out;
  };

  auto const told = inside(
      "token=$(curl -s -m 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' "
      "http://169.254.169.254/latest/api/token) && curl -s -m 5 -H "
      "\"X-aws-ec2-metadata-token: $token\" http://169.254.169.254/latest/meta-data/instance-id");
  EXPECT_EQ(told, id);
  EXPECT_EQ(sim({"exec", "masters-a", "--", "/bin/sh", "-c", "exit 7"}).exit_code, 7);

  attach(id);
  ASSERT_TRUE(eventually([&] { return inside("ls /dev").find("nvme1n1") != std::string::npos; }));
  std::string serial = volume_id;
  serial.erase(3, 1);
  EXPECT_THAT(inside("cat /sys/block/nvme1n1/device/serial"), HasSubstr(serial));
  inside(
      "mkfs.ext4 -q /dev/nvme1n1 </dev/null && mount /dev/nvme1n1 /mnt && echo kept > /mnt/x && "
      "sync");

  sim({"power-cut", "masters-a"});
  ASSERT_TRUE(eventually([&] {
    auto const fresh = instance();
    return fresh.text_at("state") == "running" && fresh.text_at("id") != id &&
           volume().text_at("state") == "available";
  }));
  auto const successor = instance().text_at("id");
  attach(successor);
  ASSERT_TRUE(eventually([&] { return inside("ls /dev").find("nvme1n1") != std::string::npos; }));
  EXPECT_EQ(inside("mount /dev/nvme1n1 /mnt && cat /mnt/x"), "kept\n");
  // The logs of both are outside, also of the one that is gone.
  for (auto const& each : {id, successor})
    EXPECT_THAT(test::bytes_of(program_.folder() / "logs" / each / "console.log"),
                HasSubstr("sleep starts"));

  auto const region = program_.pid();
  EXPECT_EQ(program_.end(), 0);
  EXPECT_THAT(leftovers_at_last(region), testing::IsEmpty());
}

}  // namespace
}  // namespace haagent::sim
