#include "agent/render_command.h"

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
  EXPECT_THAT(made.error().what, HasSubstr("--instance-id, --address, --instance-type"));
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

}  // namespace
}  // namespace haagent
