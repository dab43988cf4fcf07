#include "agent/commands/render.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/golden.h"
#include "tests/support/source_dir.h"
#include "tests/support/temporary_directory.h"

namespace haagent {
namespace {

using testing::HasSubstr;

Identity const kGiven{.instance_id = "i-0123456789abcdef0",
                      .instance_type = "m7g.large",
                      .zone = "eu-west-1a",
                      .address = "10.0.1.10"};

struct RegionRow {
  std::string zone;
  std::string region;
};
class RegionOfAZone : public testing::TestWithParam<RegionRow> {};
TEST_P(RegionOfAZone, FollowsFromItsName) {
  auto given = kGiven;
  given.zone = GetParam().zone;
  EXPECT_EQ(identity_off_ec2(given)->region, GetParam().region);
}
INSTANTIATE_TEST_SUITE_P(Zones, RegionOfAZone,
                         testing::Values(RegionRow{"eu-west-1a", "eu-west-1"},
                                         RegionRow{"us-gov-west-1b", "us-gov-west-1"},
                                         RegionRow{"us-west-2-lax-1a", "us-west-2"},
                                         RegionRow{"us-east-1-wl1-bos-wlz-1", "us-east-1"}));

TEST(IdentityOffEc2, NamesEveryFlagThatIsMissing) {
  auto made = identity_off_ec2({.zone = "eu-west-1a"});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, Kind::invalid);
  EXPECT_THAT(made.error().message.text, HasSubstr("--instance-id, --address, --instance-type"));
}

TEST(IdentityOffEc2, AnAddressIsOfItsFamily) {
  EXPECT_EQ(identity_off_ec2(kGiven)->ipv4, "10.0.1.10");
  auto given = kGiven;
  given.address = "2001:db8::1";
  EXPECT_EQ(identity_off_ec2(given)->ipv6, "2001:db8::1");
  EXPECT_EQ(identity_off_ec2(given)->ipv4, "");
}

// What the help promises: the flags alone are enough, and a second time nothing is written.
TEST(RenderCommand, WritesEveryFileOffEc2AndLeavesThemAloneAfterwards) {
  test::TemporaryDirectory directory;
  RenderOptions const options{
      .root = Root(directory / "root"),
      .config = {.files = {test::source_dir() / "packaging/examples/master.yaml"}},
      .out = directory / "out",
      .identity = kGiven,
  };
  testing::internal::CaptureStdout();
  EXPECT_EQ(run_render(options), 0);
  EXPECT_THAT(testing::internal::GetCapturedStdout(), HasSubstr("wrote "));
  auto const manifest = directory / "out/etc/kubernetes/manifests/kube-apiserver.yaml";
  EXPECT_THAT(test::bytes_of(manifest), HasSubstr("10.0.1.10"));
  testing::internal::CaptureStdout();
  EXPECT_EQ(run_render(options), 0);
  EXPECT_THAT(testing::internal::GetCapturedStdout(), testing::Not(HasSubstr("wrote ")));
}

// A VPC's own domain, in every file that names the node.
TEST(RenderCommand, TheNodesNameIsTheSameInEveryFile) {
  std::string const kLong = "ip-10-0-1-10." + std::string(60, 'd') + ".example.com";
  for (auto const& [hostname, name] :
       {std::pair<std::string, std::string>("ip-10-0-1-10.Corp.Example.COM. lab.local",
                                            "ip-10-0-1-10.corp.example.com"),
        std::pair<std::string, std::string>(kLong, "ip-10-0-1-10")}) {
    test::TemporaryDirectory directory;
    RenderOptions options{
        .root = Root(directory / "root"),
        .config = {.files = {test::source_dir() / "packaging/examples/worker.yaml"}},
        .out = directory / "out",
        .identity = kGiven,
    };
    options.identity.hostname = hostname;
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    EXPECT_EQ(run_render(options), 0);
    testing::internal::GetCapturedStdout();
    EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("'" + name + "'"))
        << "what becomes of it is said beforehand";
    int named = 0;
    for (auto const& entry : std::filesystem::recursive_directory_iterator(directory / "out")) {
      if (!entry.is_regular_file()) continue;
      auto const text = test::bytes_of(entry.path());
      EXPECT_THAT(text, testing::Not(HasSubstr("Corp.Example"))) << entry.path();
      EXPECT_THAT(text, testing::Not(HasSubstr("lab.local"))) << entry.path();
      EXPECT_THAT(text, testing::Not(HasSubstr("dddd"))) << entry.path();
      for (auto const& place :
           {"--hostname-override=" + name, "hostnameOverride: " + name, "system:node:" + name})
        if (text.contains(place)) ++named;
    }
    EXPECT_EQ(named, 3) << "the kubelet's flag and kubeconfig, and kube-proxy's document";
  }
}

}  // namespace
}  // namespace haagent
