// What is printed here is also run, by the AWS client against the simulated region:
// tests/integration.
#include "volumes/advice.h"

#include <gtest/gtest.h>

namespace haagent::volumes {
namespace {

TEST(CreateVolumeCommand, QuotesTheTagAsTheClientNeedsIt) {
  EXPECT_EQ(create_volume_command({.region = "eu-west-1",
                                   .zone = "eu-west-1a",
                                   .cluster = "prod.example.com",
                                   .etcd = EtcdCluster::main,
                                   .member = "a",
                                   .members = {"a", "b", "c"},
                                   .size_gib = 20,
                                   .type = "gp3"}),
            "aws ec2 create-volume --region eu-west-1 --availability-zone eu-west-1a --size 20 "
            "--volume-type gp3 --encrypted --tag-specifications "
            "'ResourceType=volume,Tags=[{Key=k8s.io/etcd/main,Value=\"a/a,b,c\"},"
            "{Key=kubernetes.io/cluster/prod.example.com,Value=owned},"
            "{Key=KubernetesCluster,Value=prod.example.com},"
            "{Key=k8s.io/role/control-plane,Value=1}]'");
}

TEST(TagCommand, QuotesWhatAShellAndTheClientWouldTakeApart) {
  EXPECT_EQ(
      tag_command("eu-west-1", "vol-1", {{"k8s.io/etcd/main", "a/a,b,c"}, {"x", "it's \"1\""}}),
      "aws ec2 create-tags --region eu-west-1 --resources vol-1 --tags "
      "'Key=k8s.io/etcd/main,Value=\"a/a,b,c\"' 'Key=x,Value=\"it'\\''s \\\"1\\\"\"'");
}

EtcdVolumeInEc2 volume_of(std::string member, std::string zone) {
  EtcdVolume volume{.volume_id = "vol-" + member, .zone = std::move(zone), .member = member};
  volume.members = {"a", "b", "c"};
  volume.size_gib = 40;
  return {volume, "io2"};
}

TEST(VolumeToMake, IsOfAMemberThatHasNoneAndLikeTheOthers) {
  struct Row {
    char const* what;
    std::string zone;
    std::string member;
    std::vector<EtcdVolumeInEc2> own;
    std::string makes;
  };
  std::vector const two = {volume_of("a", "eu-west-1a"), volume_of("b", "eu-west-1b")};
  Row const rows[] = {
      {"the member that is known", "eu-west-1a", "a", two, "a"},
      {"the one that has none", "eu-west-1c", "", two, "c"},
      {"by the zone's letter", "eu-west-1b", "", {volume_of("a", "eu-west-1a")}, "b"},
      {"a zone that no member is called by", "eu-west-1f", "", {volume_of("a", "eu-west-1a")}, "b"},
      {"the first of all", "eu-west-1b", "", {}, "b"},
      {"the first of all, in a zone of another letter", "eu-west-1f", "", {}, "a"},
  };
  for (auto const& row : rows) {
    auto const made = volume_to_make("eu-west-1", row.zone, "prod.example.com", EtcdCluster::events,
                                     row.member, row.own);
    EXPECT_EQ(made.member, row.makes) << row.what;
    EXPECT_EQ(made.members, (std::vector<std::string>{"a", "b", "c"})) << row.what;
    EXPECT_EQ(made.size_gib, row.own.empty() ? 20u : 40u) << row.what;
    EXPECT_EQ(made.type, row.own.empty() ? "gp3" : "io2") << row.what;
    EXPECT_EQ(made.zone, row.zone) << row.what;
  }
}

}  // namespace
}  // namespace haagent::volumes
