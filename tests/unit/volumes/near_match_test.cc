#include "volumes/near_match.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace haagent::volumes {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

using Tags = std::map<std::string, std::string>;

constexpr auto kEtcd = "k8s.io/etcd/main";
constexpr auto kOwner = "kubernetes.io/cluster/prod.example.com";
constexpr auto kRole = "k8s.io/role/control-plane";
constexpr auto kName = "KubernetesCluster";

aws::Volume tagged(Tags tags, std::string state = "available") {
  aws::Volume volume;
  volume.id = "vol-1";
  volume.zone = "eu-west-1a";
  volume.state = std::move(state);
  volume.tags = std::move(tags);
  return volume;
}

TEST(NearMatches, AreNamedWithWhatDiffers) {
  struct Row {
    char const* what;
    Tags tags;
    std::string says;  // a part of a difference; empty: it is none
    Tags gives;
  };
  Tags const good = {
      {kEtcd, "a/a,b,c"}, {kOwner, "owned"}, {kName, "prod.example.com"}, {kRole, "1"}};
  auto without = [&](std::string const& key, Tags more = {}) {
    auto tags = good;
    tags.erase(key);
    tags.merge(more);
    return tags;
  };
  Row const rows[] = {
      {"the boot finds it", good, "", {}},
      {"another case of the key",
       without(kEtcd, {{"K8s.io/etcd/Main", "a/a,b,c"}}),
       "'K8s.io/etcd/Main' instead of k8s.io/etcd/main",
       {{kEtcd, "a/a,b,c"}}},
      {"a space behind the key",
       without(kEtcd, {{"k8s.io/etcd/main ", "a/a,b,c"}}),
       "'k8s.io/etcd/main ' instead",
       {{kEtcd, "a/a,b,c"}}},
      {"a slash too many",
       without(kEtcd, {{"k8s.io/etcd/main/", "a/a,b,c"}}),
       "'k8s.io/etcd/main/' instead",
       {{kEtcd, "a/a,b,c"}}},
      {"no owner",
       without(kOwner),
       "lacks the tag kubernetes.io/cluster/prod.example.com=owned",
       {{kOwner, "owned"}}},
      {"shared",
       without(kOwner, {{kOwner, "shared"}}),
       "is 'shared' and not 'owned'",
       {{kOwner, "owned"}}},
      {"a space behind the value",
       without(kOwner, {{kOwner, "owned "}}),
       "is 'owned '",
       {{kOwner, "owned"}}},
      {"the cluster in another case",
       without(kOwner, {{"kubernetes.io/cluster/Prod.Example.com", "owned"}}),
       "'kubernetes.io/cluster/Prod.Example.com' instead of",
       {{kOwner, "owned"}}},
      {"the cluster with a point at its end",
       without(kOwner, {{"kubernetes.io/cluster/prod.example.com.", "owned"}}),
       "'kubernetes.io/cluster/prod.example.com.' instead of",
       {{kOwner, "owned"}}},
      {"another cluster's",
       without(kOwner, {{"kubernetes.io/cluster/prod2.example.com", "owned"}}),
       "",
       {}},
      {"another cluster's, in the old way",
       Tags{{kEtcd, "a/a,b,c"}, {kName, "prod2.example.com"}, {kRole, "1"}},
       "",
       {}},
      {"ours, in the old way",
       without(kOwner),
       "lacks the tag kubernetes.io/cluster",
       {{kOwner, "owned"}}},
      {"two things at once",
       {{kEtcd, "a/a,b,c"}},
       "lacks the tag k8s.io/role/control-plane=1",
       {{kOwner, "owned"}, {kName, "prod.example.com"}, {kRole, "1"}}},
      {"the older role is good enough",
       {{kEtcd, "a/a,b,c"}, {kOwner, "shared"}, {"k8s.io/role/master", "1"}},
       "is 'shared'",
       {{kOwner, "owned"}, {kName, "prod.example.com"}}},
      {"a value that nobody can guess",
       {{"k8s.io/ETCD/main", "a"}, {kOwner, "owned"}},
       "'k8s.io/ETCD/main' instead",
       {}},
      {"it was a member's, and lost its tag",
       {{kOwner, "owned"}, {kRole, "1"}, {"haagent.io/etcd-cluster-id", "c1"}},
       "has been a member's",
       {}},
      {"the events volume is not main's",
       {{kOwner, "owned"},
        {kRole, "1"},
        {"k8s.io/etcd/events", "a/a,b,c"},
        {"haagent.io/etcd-cluster-id", "c2"}},
       "",
       {}},
      {"nothing to do with it", {{"my-etcd-notes", "x"}}, "", {}},
  };
  for (auto const& row : rows) {
    auto const found = near_matches({tagged(row.tags)}, "prod.example.com", EtcdCluster::main);
    if (row.says.empty()) {
      EXPECT_THAT(found, IsEmpty()) << row.what;
      continue;
    }
    ASSERT_EQ(found.size(), 1u) << row.what;
    EXPECT_THAT(found[0].differences, testing::Contains(HasSubstr(row.says))) << row.what;
    EXPECT_EQ(found[0].tags_to_give, row.gives) << row.what;
  }
}

TEST(NearMatches, InTheStateErrorOrDeletedAreNotToBeTagged) {
  Tags const tags = {{kEtcd, "a/a,b,c"}, {kRole, "1"}};
  auto const broken = near_matches({tagged(tags, "error")}, "prod.example.com", EtcdCluster::main);
  ASSERT_EQ(broken.size(), 1u);
  EXPECT_THAT(broken[0].differences, testing::Contains(HasSubstr("state error")));
  EXPECT_TRUE(broken[0].tags_to_give.empty());
  EXPECT_THAT(near_matches({tagged(tags, "deleting")}, "prod.example.com", EtcdCluster::main),
              IsEmpty());
}

TEST(NearMatches, AreToldWithTheCommandThatPutsThemRight) {
  auto const found = near_matches(
      {tagged({{kEtcd, "a/a,b,c"}, {kOwner, "shared"}, {kName, "prod.example.com"}, {kRole, "1"}})},
      "prod.example.com", EtcdCluster::main);
  auto const message = message_of(found, "eu-west-1");
  ASSERT_TRUE(message);
  EXPECT_EQ(message->reason, Reason::VolumeNearlyTagged);
  EXPECT_EQ(message->subject, "vol-1");
  EXPECT_THAT(message->text, testing::AllOf(HasSubstr("eu-west-1a"), HasSubstr("'shared'")));
  EXPECT_THAT(message->advice,
              testing::EndsWith(" ec2 create-tags --region eu-west-1 --resources vol-1 --tags "
                                "'Key=kubernetes.io/cluster/prod.example.com,Value=\"owned\"'"));
  EXPECT_FALSE(message_of({}, "eu-west-1"));
}

}  // namespace
}  // namespace haagent::volumes
