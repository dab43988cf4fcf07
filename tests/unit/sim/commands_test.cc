#include "tests/sim/commands.h"

#include <gmock/gmock.h>

#include "agent/base/json.h"
#include "tests/sim/cli.h"
#include "tests/sim/control.h"
#include "tests/unit/sim/sim_world.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class CommandsTest : public testing::Test {
 protected:
  CommandsTest() { world_.boot(); }

  Response post(std::string const& command, std::string const& body) {
    Request request;
    request.wire = {"POST", "/" + command, "", {}, body};
    return handle_control(context_, request);
  }
  // The answer of a command that must work.
  Tree run(std::string const& command, std::string const& arguments = "{}") {
    auto const response = post(command, arguments);
    EXPECT_EQ(response.status, 200) << command << ": " << response.body;
    return json::parse(response.body).value_or(Tree());
  }
  std::string refusal(std::string const& command, std::string const& arguments = "{}") {
    auto const response = post(command, arguments);
    EXPECT_NE(response.status, 200) << command << " " << arguments;
    return json::parse(response.body).value_or(Tree()).text_at("error");
  }

  World world_;
  MachineCommands machine_;
  Tree endpoints_ = Tree::map({{"api", "http://192.0.2.1"}});
  CommandContext context_{world_.region, machine_, endpoints_};
};

TEST_F(CommandsTest, BadInputIsToldWhatIsRight) {
  struct Row {
    char const* command;
    char const* arguments;
    char const* error;
  };
  for (auto const& row : std::vector<Row>{
           {"fly", "{}", "there is no command 'fly'; `haagent-sim --help` lists them"},
           {"power-cut", "{}",
            "power-cut: instances is missing: ids, or names of groups with one instance"},
           {"power-cut", R"({"instances":[]})", "power-cut: instances: at least one is expected"},
           {"power-cut", R"({"instances":"masters-a"})",
            "power-cut: instances: a list of texts is expected"},
           {"power-cut", R"({"instances":["x"]})",
            "'x' is no instance, nor a group with one that lives; `haagent-sim state` lists them"},
           {"freeze", R"({"instance":"x","hard":true})", "freeze: there is no argument 'hard'"},
           {"lag", R"({"by":"soon"})",
            "lag: by: 'soon' is no duration; write 500ms, 2s, 5min or 1h"},
           {"lag", R"({"by":"-1s"})", "the lag cannot be negative"},
           {"attach-delay", R"({"delay":"-1s"})", "attach-delay cannot be negative"},
           {"desired", R"({"group":"masters-a","capacity":"many"})",
            "desired: capacity: a whole number is expected"},
           {"desired", R"({"group":"none","capacity":1})",
            "ValidationError: AutoScalingGroup name not found - null"},
           {"user-data", R"({"group":"none","content":""})",
            "'none' is no group; `haagent-sim state` lists them"},
           {"api", R"({"what":"tired"})",
            "api: what: 'tired' is not one of "
            "ok|slow|throttle|fail|unavailable|down|lose|deny|conflict|late-error"},
           {"api", R"({"what":"slow"})", "how slow? `api slow --by 2s`"},
           {"api", R"({"what":"deny"})",
            "which actions? `api deny --action AttachVolume --action 'ec2:Describe*'`"},
           {"api", R"({"what":"fail","next":0})",
            "--next must be 1 or more; without it every call is hit"},
           {"api", R"({"what":"fail","probability":2})",
            "--probability must be above 0 and at most 1"},
           {"partition", R"({"one":"eu-west-1a","other":"mars"})",
            "'mars' is neither a zone nor an instance"},
           {"zone-down", R"({"zone":"mars"})", "there is no zone 'mars'"},
           {"create-volume", R"({"zone":"eu-west-1a","size":1,"tag":["x"]})",
            "'x' is no tag; write key=value"},
           {"create-volume", R"({"zone":"mars","size":1})",
            "InvalidZone.NotFound: The zone 'mars' does not exist."},
           {"delete-volume", R"({"volume":"main-z"})",
            "'main-z' is no volume; `haagent-sim state` lists them"},
           {"run-instance", R"({"like":"none"})",
            "there is no group 'none' to take the launch template from"},
           {"break-volume", R"({"volume":"main-a","how":"dead"})",
            "this region has no real disks: it runs with --api-only"},
           {"imds-as", R"({"instance":"masters-a"})",
            "instances ask from their own addresses here; only a region of --api-only answers "
            "others"},
           {"imds", R"({"instance":"masters-a","role":"king"})",
            "imds: role: 'king' is not one of ok|none|failed|expired"},
           {"web-identity", R"({"what":"maybe"})",
            "web-identity: what: 'maybe' is not one of on|off|rotate"},
       }) {
    EXPECT_EQ(refusal(row.command, row.arguments), row.error) << row.command;
  }
  EXPECT_EQ(post("state", "{").status, 400);
  EXPECT_THAT(refusal("state", "{"), HasSubstr("reading the arguments"));
  EXPECT_THAT(refusal("state", "[1]"), HasSubstr("the arguments are a map"));
}

TEST_F(CommandsTest, PowerCutByTheGroupsName) {
  auto const id = world_.member("masters-a").id;
  EXPECT_EQ(run("power-cut", R"({"instances":["masters-a"]})").text_at("sentence"),
            id + " power-cut");
  EXPECT_FALSE(world_.hosts.hosts[id].orderly);
  EXPECT_EQ(world_.state_of(id), InstanceState::shutting_down);
}

TEST_F(CommandsTest, EachCommandChangesTheWorld) {
  auto const id = world_.member("masters-a").id;
  run("freeze", R"({"instance":"masters-a"})");
  EXPECT_TRUE(world_.hosts.hosts[id].frozen);
  run("thaw", R"({"instance":"masters-a"})");
  EXPECT_FALSE(world_.hosts.hosts[id].frozen);
  run("reboot", R"({"instances":["masters-a"],"hard":true})");
  EXPECT_EQ(world_.hosts.hosts[id].boots, 2);
  run("partition", R"({"one":"eu-west-1a","other":"masters-b,eu-west-1c"})");
  EXPECT_TRUE(world_.hosts.cut.contains({"10.0.0.10", "10.0.16.10"}));
  EXPECT_TRUE(world_.hosts.cut.contains({"10.0.0.10", "10.0.32.10"}));
  run("heal");
  EXPECT_THAT(world_.hosts.cut, IsEmpty());
  run("attach-delay", R"({"delay":"7s"})");
  EXPECT_EQ(world_.region.delays().attach, 7s);
  run("device-delay", R"({"delay":"-1s"})");
  EXPECT_EQ(world_.region.delays().device, -1s);
  run("lag", R"({"by":"2s"})");
  EXPECT_EQ(world_.region.describe_lag(), 2s);
  run("stuck-attach", R"({"count":3})");
  EXPECT_EQ(world_.region.stuck_attaches(), 3);
  run("skew", R"({"by":"-10min"})");
  EXPECT_EQ(world_.region.api_now(), world_.clock.utc() - 10min);
  run("api", R"({"what":"throttle","next":1,"action":["AttachVolume"]})");
  EXPECT_EQ(world_.region.api_faults().judge("ec2:AttachVolume").fault, FaultKind::throttle);
  run("api", R"({"what":"fail","service":"imds"})");
  EXPECT_EQ(world_.region.imds_faults().judge("imds:Get").fault, FaultKind::fail);
  run("api", R"({"what":"deny","action":["CreateTags"]})");
  EXPECT_TRUE(world_.region.api_faults().is_denied("ec2:CreateTags"));
  run("api", R"({"what":"ok"})");
  EXPECT_FALSE(world_.region.api_faults().is_denied("ec2:CreateTags"));
  EXPECT_EQ(world_.region.api_now(), world_.clock.utc());
  run("web-identity", R"({"what":"on"})");
  EXPECT_TRUE(world_.region.token_issuer().is_enabled());
  run("web-identity", R"({"what":"off"})");
  EXPECT_FALSE(world_.region.token_issuer().is_enabled());
  run("imds", R"({"instance":"masters-a","tokens":"optional","hop-limit":2,"role":"failed"})");
  EXPECT_FALSE(world_.region.instance(id)->metadata.tokens_required);
  EXPECT_EQ(world_.region.instance(id)->metadata.hop_limit, 2);
  EXPECT_EQ(world_.region.instance(id)->metadata.role, RoleAnswer::failed);
  auto const volume =
      run("create-volume", R"({"zone":"eu-west-1a","size":3,"tag":["k=v=w"]})").text_at("volume");
  EXPECT_EQ(world_.shown(volume).tags.at("k"), "v=w");
  auto const gone = world_.volume("main-b");
  run("delete-volume", R"({"volume":"main-b"})");
  world_.pass(1s);
  EXPECT_FALSE(world_.region.view().volumes.contains(gone));
  auto const alone = run("run-instance", R"({"like":"masters-a","zone":"eu-west-1b"})");
  EXPECT_EQ(world_.region.instance(alone.text_at("instance"))->zone, "eu-west-1b");
  run("zone-down", R"({"zone":"eu-west-1c"})");
  EXPECT_THAT(world_.members("masters-c"), IsEmpty());
  run("zone-up", R"({"zone":"eu-west-1c"})");
  run("replace", R"({"instance":"masters-a"})");
  EXPECT_EQ(world_.state_of(id), InstanceState::shutting_down);
}

TEST_F(CommandsTest, StateHoldsTheWholeRegion) {
  auto const id = world_.member("masters-a").id;
  auto const volume = world_.volume("main-a");
  ASSERT_TRUE(world_.region.attach_volume(volume, id, "/dev/sdf"));
  world_.region.calls().count(id, "ec2:AttachVolume", "");
  world_.region.calls().count(id, "ec2:AttachVolume", "VolumeInUse");
  auto const state = run("state");
  EXPECT_EQ(state.find("zones")->items().size(), 3u);
  EXPECT_EQ(state.find("instances")->items().size(), 3u);
  auto const find = [&](char const* list, std::string const& wanted) {
    for (auto const& item : state.find(list)->items()) {
      if (item.text_at("id") == wanted) return item;
    }
    return Tree();
  };
  EXPECT_EQ(find("instances", id).text_at("state"), "running");
  EXPECT_EQ(find("instances", id).text_at("address"), "10.0.0.10");
  auto const shown = find("volumes", volume);
  EXPECT_EQ(shown.at_path("attachment.instance")->text(), id);
  EXPECT_EQ(shown.at_path("attachment.state")->text(), "attaching");
  auto const* count = state.find("calls")->find(id)->find("ec2:AttachVolume");
  EXPECT_EQ(count->text_at("calls"), "2");
  EXPECT_EQ(count->at_path("codes.VolumeInUse")->text(), "1");
  EXPECT_EQ(state.at_path("endpoints.api")->text(), "http://192.0.2.1");

  auto const page = to_page("state", state);
  EXPECT_THAT(page, HasSubstr(id + "  running  eu-west-1a  masters-a  10.0.0.10\n"));
  EXPECT_THAT(page, HasSubstr(volume + "  main-a    in-use, attaching  eu-west-1a  1 GiB  " + id +
                              "  /dev/sdf\n"));
  EXPECT_THAT(to_page("counts", run("counts")),
              HasSubstr(id + "  ec2:AttachVolume  2      1 VolumeInUse\n"));
  run("reset-counts");
  EXPECT_EQ(to_page("counts", run("counts")), "no calls\n");
}

TEST_F(CommandsTest, MetricsAreThoseThatWerePut) {
  EXPECT_EQ(to_page("metrics", run("metrics")), "no metrics\n");
  MetricName const metric{.space = "haagent",
                          .name = "NodeReady",
                          .dimensions = {{"Cluster", "c"}, {"Role", "worker"}}};
  world_.region.metrics().add(metric, 0, "Count", "i-1");
  world_.region.metrics().add(metric, 1, "Count", "i-2");
  auto const answer = run("metrics");
  auto const& only = answer.find("metrics")->items().at(0);
  EXPECT_EQ(only.text_at("newest"), "1");
  EXPECT_EQ(only.text_at("count"), "2");
  EXPECT_THAT(to_page("metrics", answer),
              HasSubstr("haagent    NodeReady  Cluster=c,Role=worker  1       Count  i-2\n"));
}

TEST_F(CommandsTest, TimelineGoesOnWhereItWasLeft) {
  auto const first = run("timeline");
  auto const& events = first.find("events")->items();
  ASSERT_FALSE(events.empty());
  run("power-cut", R"({"instances":["masters-a"]})");
  auto const more =
      run("timeline", fmt::format(R"({{"after":{}}})", events.back().text_at("number")));
  EXPECT_EQ(more.find("events")->items().front().text_at("what"), "power-cut");
  EXPECT_THAT(to_page("timeline", more), HasSubstr("eu-west-1a    power-cut\n"));
}

}  // namespace
}  // namespace haagent::sim
