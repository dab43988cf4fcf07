#include "tests/sim/spec.h"

#include <gmock/gmock.h>

#include "tests/sim/durations.h"
#include "tests/support/mentions.h"
#include "tests/support/temporary_directory.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

TEST(ParseDuration, TakesWhatPeopleWrite) {
  EXPECT_EQ(parse_duration("250ms").value(), 250ms);
  EXPECT_EQ(parse_duration("2").value(), 2s);
  EXPECT_EQ(parse_duration("1.5s").value(), 1500ms);
  EXPECT_EQ(parse_duration("2 min").value(), 2min);
  EXPECT_EQ(parse_duration("6h").value(), 6h);
  EXPECT_EQ(parse_duration("-1s").value(), -1s);
  for (auto const* bad : {"", "s", "2 weeks", "1s2", "inf", "nan", "1e99"}) {
    EXPECT_FALSE(parse_duration(bad)) << bad;
  }
}

TEST(ParseSpec, ReadsARegion) {
  test::TemporaryDirectory folder;
  test::write_bytes(folder / "master.yaml", "role: master\n");
  test::write_bytes(folder / "agent", "#!/bin/sh\n");
  auto const spec = parse_spec(R"(region: eu-west-1
seed: 7
zones:
  - {name: eu-west-1a, gateway: 10.0.0.1}
  - {name: eu-west-1b, gateway: 10.0.16.1}
volumes:
  - name: main-a
    zone: eu-west-1a
    size: 20
    tags: {"k8s.io/etcd/main": "a/a,b,c", "k8s.io/role/control-plane": 1}
groups:
  - name: masters-a
    role: master
    zones: [eu-west-1a]
    user-data: master.yaml
    files: {/etc/motd: {content: hello}}
    argv: [/usr/sbin/haagent, run]
    services: [{name: kubelet, argv: [/usr/bin/kubelet, -v, "2"]}]
    containers: true
    terminating-hook: {name: release, timeout: 30s}
    launching-hook: {name: ready}
    metadata: {hop-limit: 2, credentials-lifetime: 20min}
  - {name: workers, role: worker, zones: [eu-west-1a, eu-west-1b], min: 0, desired: 2, max: 5}
buckets:
  - {name: state}
  - {name: far, region: us-west-2, kms-key: "arn:aws:kms:us-west-2:1:key/k"}
delays: {attach: 3s, device: -1s}
image: {/usr/sbin/haagent: agent}
load-balancer: {ports: [443], tls-health-check: false}
)",
                               "region.yaml", folder.path());
  ASSERT_TRUE(spec) << spec.error().message.text;
  auto const& region = spec->region;
  EXPECT_EQ(region.seed, 7u);
  EXPECT_EQ(region.zones[1].gateway, "10.0.16.1");
  EXPECT_EQ(region.volumes[0].size_gib, 20u);
  ASSERT_EQ(region.buckets.size(), 2u);
  EXPECT_EQ(region.buckets[0].name, "state");
  EXPECT_EQ(region.buckets[1].region, "us-west-2");
  EXPECT_EQ(region.buckets[1].kms_key, "arn:aws:kms:us-west-2:1:key/k");
  EXPECT_FALSE(
      parse_spec("zones: [{name: a, gateway: 10.0.0.1}]\n"
                 "buckets: [{name: b}, {name: b}, {region: x}]\n",
                 "region.yaml", folder.path()));
  EXPECT_EQ(region.volumes[0].tags.at("k8s.io/role/control-plane"), "1");
  auto const& masters = region.groups[0];
  EXPECT_EQ(masters.launch.user_data, "role: master\n");
  EXPECT_THAT(masters.launch.argv, ElementsAre("/usr/sbin/haagent", "run"));
  EXPECT_THAT(masters.launch.services,
              ElementsAre(ServiceSpec{"kubelet", {"/usr/bin/kubelet", "-v", "2"}}));
  EXPECT_TRUE(masters.launch.containers);
  EXPECT_FALSE(region.groups[1].launch.containers);
  EXPECT_THAT(masters.launch.files, ElementsAre(testing::Pair("/etc/motd", "hello")));
  EXPECT_EQ(masters.terminating->timeout, 30s);
  EXPECT_EQ(masters.launching->name, "ready");
  EXPECT_EQ(masters.launch.metadata.hop_limit, 2);
  EXPECT_EQ(masters.launch.metadata.credentials_lifetime, 20min);
  EXPECT_TRUE(masters.balanced);
  EXPECT_EQ(masters.desired, 1);
  EXPECT_FALSE(region.groups[1].balanced);
  EXPECT_EQ(region.groups[1].max, 5);
  EXPECT_EQ(region.delays.attach, 3s);
  EXPECT_EQ(region.delays.device, -1s);
  EXPECT_EQ(region.operators.size(), 1u);
  EXPECT_EQ(spec->machine.image.files[0].second, folder / "agent");
  EXPECT_THAT(spec->machine.load_balancer.ports, ElementsAre(443));
  EXPECT_FALSE(spec->machine.load_balancer.tls_health_check);
}

TEST(ParseSpec, TellsEverythingThatIsWrongAtOnceWithItsPlace) {
  auto const spec = parse_spec(R"(colour: red
zones:
  - {name: a, gateway: 10.0.0.300}
  - {name: b, gateway: 10.0.0.1}
  - {name: b, gateway: 10.0.15.1}
volumes:
  - {zone: z, size: 0}
  - main
groups:
  - name: g
    zones: [b, z]
    min: 3
    max: 2
    user-data: no-such-file
    tags: {k8s.io/role: x}
    metadata: {tags: true, tokens: some}
  - {zones: []}
delays: {attach: -1s, detach: soon}
)",
                               "region.yaml", "/nowhere");
  ASSERT_FALSE(spec);
  EXPECT_EQ(spec.error().kind, Kind::invalid);
  std::vector<std::string> lines;
  std::string_view rest = spec.error().message.text;
  while (!rest.empty()) {
    auto const end = rest.find('\n');
    lines.emplace_back(rest.substr(0, end));
    rest = end == std::string_view::npos ? "" : rest.substr(end + 1);
  }
  EXPECT_THAT(
      lines,
      ElementsAre(
          "region.yaml:1:1: colour: there is no such key; known here: region, account, "
          "dhcp-domain, seed, "
          "attachment-limit, web-identity, zones, volumes, groups, buckets, policies, delays, "
          "operators, image, "
          "load-balancer",
          "region.yaml:3:24: zones[0].gateway: '10.0.0.300' is not an IPv4 address",
          "region.yaml:5:5: zones[2]: shares its subnet, 10.0.0.0/20, with b",
          "region.yaml:5:5: zones[2]: 'b' stands twice",
          "region.yaml:7:21: volumes[0].size: a whole number from 1 to 16384 is expected here",
          "region.yaml:8:5: volumes[1]: a map is expected here",
          "region.yaml:14:16: groups[0].user-data: there is no file /nowhere/no-such-file",
          "region.yaml:16:36: groups[0].metadata.tokens: required or optional is expected here",
          "region.yaml:10:5: groups[0]: min 3 <= desired 3 <= max 2 does not hold",
          "region.yaml:10:5: groups[0].tags: 'k8s.io/role' cannot be a tag of an instance whose "
          "metadata shows tags; set metadata.tags: false",
          "region.yaml:17:5: groups[1]: 'name' is missing",
          "region.yaml:17:13: groups[1].zones: no zone is given",
          "region.yaml:18:18: delays.attach: must not be negative",
          "region.yaml:18:31: delays.detach: 'soon' is no duration; write 500ms, 2s, 5min or 1h",
          "region.yaml:7:12: volumes[0].zone: there is no zone 'z' in zones",
          "region.yaml:11:16: groups[0].zones[1]: there is no zone 'z' in zones"));
}

TEST(ParseSpec, AGroupOfMachinesHasAnImageAndNoPrograms) {
  test::TemporaryDirectory folder;
  std::filesystem::create_directories(folder / "image");
  for (auto const* file : {"root.img", "vmlinuz"}) test::write_bytes(folder / "image" / file, "x");
  auto const text = [](std::string const& more) {
    return "zones: [{name: eu-west-1a, gateway: 10.0.0.1}]\n"
           "groups:\n"
           "  - name: masters\n"
           "    zones: [eu-west-1a]\n"
           "    machine: {image: image, memory: 512, processors: 2}\n" +
           more;
  };
  auto const lacks = parse_spec(text(""), "r.yaml", folder.path());
  ASSERT_FALSE(lacks);
  EXPECT_EQ(lacks.error().message.text, "r.yaml:5:22: groups[0].machine.image: there is no file " +
                                            (folder / "image/initrd.img").string());

  test::write_bytes(folder / "image/initrd.img", "x");
  auto const good = parse_spec(text(""), "r.yaml", folder.path());
  ASSERT_TRUE(good) << good.error().message.text;
  EXPECT_EQ(good->region.groups.at(0).launch.machine, (MachineSpec{folder / "image", 512, 2}));

  auto const both = parse_spec(text("    argv: [/bin/agent]\n"), "r.yaml", folder.path());
  ASSERT_FALSE(both);
  EXPECT_THAT(both.error().message.text, testing::HasSubstr("are for instances without"));
  EXPECT_FALSE(parse_spec(text("    containers: true\n"), "r.yaml", folder.path()));
  EXPECT_FALSE(
      parse_spec(text("    services: [{name: a, argv: [/bin/a]}]\n"), "r.yaml", folder.path()));
}

TEST(ParseSpec, AServiceHasAProgramAndTheNameOfALog) {
  auto const told = [](std::string const& service) {
    auto const spec = parse_spec(
        "zones: [{name: eu-west-1a, gateway: 10.0.0.1}]\n"
        "groups:\n"
        "  - name: masters\n"
        "    zones: [eu-west-1a]\n"
        "    services: [" +
            service + "]\n",
        "r.yaml", "/");
    return spec ? std::string() : spec.error().message.text;
  };
  EXPECT_EQ(told("{name: kubelet, argv: [kubelet]}"), "");
  EXPECT_TRUE(test::mentions(told("{name: kubelet}"), "services[0]"));
  EXPECT_TRUE(test::mentions(told("{name: kubelet, argv: []}"), "services[0].argv"));
  EXPECT_TRUE(test::mentions(told("{argv: [kubelet]}"), "services[0]"));
  EXPECT_TRUE(test::mentions(told("{name: ../kubelet, argv: [kubelet]}"), "services[0].name"));
}

TEST(ParseSpec, AnEmptyOneSaysWhatIsNeeded) {
  EXPECT_THAT(parse_spec("region: eu-west-1\n", "r.yaml", "/").error().message.text,
              testing::HasSubstr("at least one zone is needed"));
  EXPECT_THAT(parse_spec("a: [", "r.yaml", "/").error().message.text,
              testing::StartsWith("r.yaml:"));
  EXPECT_THAT(load_spec("/nowhere/region.yaml").error().message.text,
              testing::HasSubstr("there is no file /nowhere/region.yaml"));
}

TEST(ParseSpec, APolicyThatCannotBeReadIsToldWithItsPlace) {
  auto const spec = parse_spec(
      "zones: [{name: a, gateway: 10.0.0.1}]\n"
      "policies:\n"
      "  haagent-master: {content: '{\"Version\": \"2012-10-17\", \"Statement\": {\"Sid\": "
      "\"X\"}}'}\n"
      "  haagent-worker: no-such-file.json\n",
      "region.yaml", "/nowhere");
  ASSERT_FALSE(spec);
  EXPECT_EQ(spec.error().message.text,
            "region.yaml:3:19: policies.haagent-master: Statement[0] X: Effect must be Allow or "
            "Deny\n"
            "region.yaml:4:19: policies.haagent-worker: there is no file "
            "/nowhere/no-such-file.json");
}

TEST(ParseSpec, TheAccountMayTurnWebIdentityOn) {
  std::string const zones = "zones: [{name: a, gateway: 10.0.0.1}]\n";
  auto const on = parse_spec(zones + "web-identity: true\n", "r.yaml", "/nowhere");
  ASSERT_TRUE(on) << on.error().message.text;
  EXPECT_TRUE(on->region.web_identity);
  EXPECT_FALSE(parse_spec(zones, "r.yaml", "/nowhere")->region.web_identity);
}

TEST(ParseSpec, ARoleIsBoundByItsPolicy) {
  auto const spec = parse_spec(
      "zones: [{name: a, gateway: 10.0.0.1}]\n"
      "policies: {haagent-master: {content: '{\"Version\": \"2012-10-17\", \"Statement\": "
      "{\"Effect\": \"Allow\", \"Action\": \"s3:*\", \"Resource\": \"*\"}}'}}\n",
      "region.yaml", "/nowhere");
  ASSERT_TRUE(spec) << spec.error().message.text;
  auto const& policy = spec->region.policies.at("haagent-master");
  EXPECT_NE(policy.allowing({"s3:GetObject", "arn:aws:s3:::b/k", {}}), nullptr);
  EXPECT_EQ(policy.allowing({"ec2:AttachVolume", "*", {}}), nullptr);
}

}  // namespace
}  // namespace haagent::sim
